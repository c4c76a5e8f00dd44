// A tree of another program, taken over file by file. Here live the order, what is told of each file, and what happens when
// something fails; the steps for one file are in import-file.ts. Nothing is remembered but in the catalogue, so an import
// that was interrupted, however, is continued by running it again.

import { setTimeout as sleep } from 'node:timers/promises';
import type { SkipReason, SourceFile, SourceTree, TreeItem } from '../archive/source-tree.ts';
import { errnoOf, FailedError, messageOf } from '../base/errors.ts';
import { sortFailure } from './failures.ts';
import { type ImportedFile, NoRoomError, type NotImported } from './import-file.ts';

/** What became of one file, or why nothing did. */
export type ImportReport = Readonly<
  { path: string } & (
    | (ImportedFile & { bytes: number })
    | NotImported
    /** It is no file, or is not to be taken. */
    | { outcome: 'skipped'; why: SkipReason }
  )
>;

type Work = (file: SourceFile, signal: AbortSignal) => Promise<ImportedFile | NotImported>;
type Options = Readonly<{
  signal: AbortSignal;
  /** Waits before the second, third, ... try of what may pass, such as a catalogue that the daemon is writing to. */
  retryDelaysMs?: readonly number[];
}>;

const defaultDelaysMs = [1000, 4000, 15_000];

/**
 * Walks the tree and gives each file to `work` (importFile or examineFile), one after the other. What concerns one file is
 * told, and the walk goes on. Throws FailedError when nothing more can be imported: no room, or no disk; the signal's reason
 * when that is aborted.
 */
export async function* importTree(
  tree: Pick<SourceTree, 'walk'>,
  work: Work,
  options: Options,
): AsyncGenerator<ImportReport> {
  for await (const item of tree.walk()) {
    options.signal.throwIfAborted();
    if (item.type !== 'file') {
      yield reportOf(item);
      continue;
    }
    const { path, bytes } = item.file;
    const done = await patiently(item.file, work, options);
    yield 'why' in done ? { path, ...done } : { path, bytes, ...done };
  }
}

function reportOf({ path, ...item }: Exclude<TreeItem, { type: 'file' }>): ImportReport {
  if (item.type === 'unreadable') return { path, outcome: 'unreadable', why: item.why };
  // There may be clips on it: not to be passed over among the links and sockets that nobody misses.
  if (item.reason === 'other-file-system')
    return { path, outcome: 'unreadable', why: 'another file system is mounted there: import it by itself' };
  return { path, outcome: 'skipped', why: item.reason };
}

async function patiently(
  file: SourceFile,
  work: Work,
  { signal, retryDelaysMs = defaultDelaysMs }: Options,
): Promise<ImportedFile | NotImported> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(file, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof NoRoomError) throw error;
      const delayMs = retryDelaysMs[attempt - 1];
      const mayPass = sortFailure(error) === 'passing';
      if (mayPass && delayMs !== undefined) await sleep(delayMs, undefined, { signal });
      else if (mayPass || concernsAll(error)) throw stopped(file, error);
      else return { outcome: 'failed', why: messageOf(error) };
    }
  }
}

/** What the source is to blame for was told already, so an error of the system is about our disk, and every file meets it. */
function concernsAll(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  const isDatabase = typeof code === 'string' && /^SQLITE_(?!CONSTRAINT)/.test(code);
  return isDatabase || errnoOf(error) !== undefined;
}

function stopped(file: SourceFile, cause: unknown): FailedError {
  return new FailedError(
    `The import stopped at ${JSON.stringify(file.path)} (${messageOf(cause).replace(/\.$/, '')}): mend that and run it again, it goes on there.`,
    { cause },
  );
}
