import { statSync } from 'node:fs';
import { FailedError, SettingsError, UsageError } from '../base/errors.ts';
import { type Catalogue, catalogueFile, openCatalogue } from '../catalogue/catalogue.ts';
import type { Settings } from '../settings/settings.ts';

/** Undefined before the first start: there is nothing in it then, which is no failure. */
export function openIfThere({ stateDir }: Pick<Settings, 'stateDir'>): Catalogue | undefined {
  const file = catalogueFile(stateDir);
  return isThere(file) ? openCatalogue({ file, readOnly: true }) : undefined;
}

/** Throws where this user may not look: no answer is not the answer that there is nothing. */
export function isThere(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** For commands that can do without it: undefined also when it has to be brought up to date first, or is too new. */
export function openIfUsable(settings: Pick<Settings, 'stateDir'>): Catalogue | undefined {
  try {
    return openIfThere(settings);
  } catch (error) {
    if (error instanceof SettingsError) return undefined;
    throw error;
  }
}

/** For commands that write beside the daemon. Before the first start there is nothing to write about. */
export function openForWriting({
  stateDir,
  events,
}: Pick<Settings, 'stateDir' | 'events'>): Catalogue | undefined {
  const file = catalogueFile(stateDir);
  return isThere(file) ? openCatalogue({ file, eventGapMs: events.gapMs }) : undefined;
}

/** The one that a person means by the beginning of an id; `what` is its word, `command` shows them all. */
export function oneByPrefix<T>(
  found: (prefix: string) => readonly T[],
  prefix: string,
  { what, command }: { what: string; command: string },
): T {
  if (!/^[0-9a-z]{1,26}$/.test(prefix))
    throw new UsageError(`The id of ${what} is expected, or its beginning: ${command} shows them.`);
  const [one, another] = found(prefix);
  const noun = what.replace(/^an? /, '');
  if (one === undefined)
    throw new FailedError(`No ${noun} has an id that begins with ${prefix}: ${command} shows them.`);
  if (another !== undefined)
    throw new FailedError(`More than one ${noun} has an id that begins with ${prefix}: give more of it.`);
  return one;
}
