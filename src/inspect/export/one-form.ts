// Whether files of footage can be one MP4, and what that is described by.

import { createHash } from 'node:crypto';
import { openFootage } from '../../archive/read-footage.ts';
import { FailedError } from '../../base/errors.ts';
import type { CameraSpan } from '../../catalogue/footage.ts';
import type { FootageInit } from '../../domain/footage/fragment-reader.ts';
import { type SilentSound, silentSoundFor } from '../../domain/footage/silent-sound.ts';
import { type StreamForm, streamForm } from '../../domain/footage/stream-form.ts';
import { formatInstant } from '../../domain/time-zone.ts';
import type { FootageSource } from './footage-sources.ts';
import type { ExportParts } from './parts.ts';

export type OneForm = Readonly<{
  init: FootageInit;
  /** For what has no sound; undefined when nothing of it has any. */
  silence: SilentSound | undefined;
}>;

type Known = OneForm & Readonly<{ form: StreamForm }>;

/** Consecutive sources, and what they are together; null when no file of them can be read. */
type Part = { readonly sources: FootageSource[]; known: Known | null };

const maxFormsShown = 4;

/**
 * Reads the beginnings of the files. Bit rates may change from one connection to the next. A camera may also have been recorded
 * without its sound for a time: silence then stands for it. Throws FailedError that names the moments when the pictures have two
 * sizes or codecs, and what to type for each part: that cannot be one file that plays everywhere, unless it is encoded anew.
 * Undefined when no file can be read.
 */
export async function findOneForm(
  parts: Pick<ExportParts, 'dataDir' | 'timeZone'>,
  sources: readonly FootageSource[],
  span: CameraSpan,
  signal?: AbortSignal,
): Promise<OneForm | undefined> {
  const forms = await readForms(parts, sources, signal);
  const found: Part[] = [];
  for (const source of sources) {
    const known = forms.get(source.form.initSha256) ?? null;
    const last = found.at(-1);
    const joined = last && together(last.known, known);
    if (last === undefined || joined === undefined) {
      found.push({ sources: [source], known });
      continue;
    }
    last.sources.push(source);
    last.known = joined;
  }
  if (found.length > 1) throw severalForms(found, span, parts.timeZone);
  return found[0]?.known ?? undefined;
}

/** By the hash of their description. What cannot be read, or was changed, is missing, and is told of later. */
async function readForms(
  { dataDir }: Pick<ExportParts, 'dataDir'>,
  sources: readonly FootageSource[],
  signal: AbortSignal | undefined,
): Promise<Map<string, Known>> {
  const forms = new Map<string, Known>();
  for (const { form, path, row } of sources) {
    if (forms.has(form.initSha256)) continue;
    const opened = await openFootage(dataDir, { path, isOpen: row === null });
    if ('state' in opened) continue;
    await using file = opened;
    const init = await file.init(signal);
    // It describes the files of others, too: one that was changed must not.
    if (init === undefined || sha256Of(init.bytes) !== form.initSha256) continue;
    forms.set(form.initSha256, { form: streamForm(init), init, silence: silentSoundFor(init) });
  }
  return forms;
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Undefined when they cannot be one; the description with sound, where there is any, describes both. */
function together(one: Known | null, other: Known | null): Known | null | undefined {
  if (one === null || other === null) return one ?? other;
  if (one.form.video !== other.form.video) return undefined;
  if (one.form.sound === other.form.sound) return one;
  const sounding = one.form.sound === null ? other : one;
  const isOneSilent = one.form.sound === null || other.form.sound === null;
  return isOneSilent && sounding.silence !== undefined ? sounding : undefined;
}

function severalForms(found: readonly Part[], { camera, from, to }: CameraSpan, timeZone: string): Error {
  const shown = (at: number) => formatInstant(at, timeZone);
  const startOf = (part: Part | undefined) => part?.sources[0]?.startAt;
  const parts = found.slice(0, maxFormsShown).map((part, index) => {
    const range = `--from ${shown(index === 0 ? from : (startOf(part) ?? from))} --to ${shown(startOf(found[index + 1]) ?? to)}`;
    return {
      name: formName(part.sources),
      command: `clipward footage export --camera ${camera} ${range} --out FILE`,
    };
  });
  const changes = found
    .slice(1, maxFormsShown)
    .map(
      (part, index) =>
        `at ${shown(startOf(part) ?? to)} (${parts[index]?.name} to ${parts[index + 1]?.name})`,
    );
  const more = found.length > maxFormsShown ? `, and ${found.length - maxFormsShown} times more` : '';
  return new FailedError(
    `The form of ${camera}'s video changed ${changes.join(', ')}${more}, and one MP4 cannot hold both: export one after the other, ${parts.map(({ command }) => command).join(' ; ')}`,
  );
}

function formName(sources: readonly FootageSource[]): string {
  const { codec, width, height } = sources[0]?.form ?? { codec: null, width: null, height: null };
  const hasSound = sources.some(({ form }) => form.audioCodec !== null);
  return `${width ?? '?'}x${height ?? '?'} ${codec}${hasSound ? '' : ' without sound'}`;
}
