// The files that rows name, into a backup. They are named by rows that may be older than what lies on the disk by now:
// retention goes on while a backup is made.

import { dirname, join } from 'node:path';
import { checkedRelativePath, thumbnailRelativePath } from '../../archive/clip-path.ts';
import type { CopiedOut, Copier } from '../../archive/copy-out.ts';
import { checkedFootagePath } from '../../archive/footage-path.ts';
import { makeDirectory, syncDirectory } from '../../base/durable.ts';
import type { KeptFile } from '../../catalogue/backup-queries.ts';

export type BackupFinding = Readonly<{
  /** Relative to the data directory. */
  path: string;
  /** What is the case, in a sentence. */
  text: string;
}>;

/** `kept`: the row that it is about. */
export type KeptFinding = BackupFinding & Readonly<{ kept: KeptFile }>;

export type Tally = {
  files: number;
  /** Of the files that are in the backup, whenever they came into it. */
  bytes: number;
  sharedBytes: number;
  copiedBytes: number;
};

export type KeptCopy = Readonly<{
  /** Rows whose file was gone: they were deleted meanwhile, or it is missing. */
  gone: readonly KeptFile[];
  findings: ReadonlyMap<string, KeptFinding>;
  tally: Tally;
}>;

/** Reading one file while another is being synced; more would only make a disk seek. */
const atOnce = 4;
/** Beyond this the archive is damaged as a whole, and check says how. */
const maxRemembered = 10_000;

export async function copyKept(
  files: Iterable<KeptFile>,
  options: Readonly<{
    from: string;
    to: string;
    copier: Copier;
    signal: AbortSignal | undefined;
    onProgress(tally: Tally): void;
  }>,
): Promise<KeptCopy> {
  const gone: KeptFile[] = [];
  const findings = new Map<string, KeptFinding>();
  const tally: Tally = { files: 0, bytes: 0, sharedBytes: 0, copiedBytes: 0 };
  const remember = (kept: KeptFile, path: string, text: string) => {
    if (findings.size < maxRemembered) findings.set(path, { kept, path, text });
  };
  for (const group of inGroups(files)) {
    options.signal?.throwIfAborted();
    const directories = new Set(group.flatMap(pathsOf).map(path => dirname(join(options.to, path))));
    for (const directory of directories) await makeDirectory(directory);
    const changed = new Set<string>();
    const copy = async (kept: KeptFile, path: string, isMedia: boolean) => {
      const to = join(options.to, path);
      const copied = await options.copier.copy({
        ...{ from: join(options.from, path), to, signal: options.signal },
        ...(isMedia && { expected: kept }),
      });
      if (copied.state !== 'there') changed.add(dirname(to));
      if ('bytes' in copied) count(tally, copied, isMedia);
      if (copied.state === 'missing' && isMedia) {
        if (gone.length < maxRemembered) gone.push(kept);
      } else if (complaints[copied.state] !== undefined)
        remember(kept, path, complaintOf(copied, isMedia ? kept : undefined));
    };
    await Promise.all(
      group.map(async kept => {
        const paths = pathsOf(kept);
        if (paths.length === 0)
          remember(kept, kept.path, 'The row names a path that is none of the archive.');
        for (const [index, path] of paths.entries()) await copy(kept, path, index === 0);
      }),
    );
    for (const directory of changed) await syncDirectory(directory);
    options.onProgress(tally);
  }
  return { gone, findings, tally };
}

/** The file, and its thumbnail; nothing where the row leads elsewhere. */
function pathsOf({ kind, path, thumbnail }: KeptFile): readonly string[] {
  try {
    if (kind === 'segment') return [checkedFootagePath(path)];
    checkedRelativePath(path, 'clips');
    return thumbnail === thumbnailRelativePath(path) ? [path, thumbnail] : [path];
  } catch {
    return [];
  }
}

function count(tally: Tally, copied: Extract<CopiedOut, { bytes: number }>, isMedia: boolean): void {
  if (isMedia) tally.files += 1;
  tally.bytes += copied.bytes;
  if (copied.state === 'shared') tally.sharedBytes += copied.bytes;
  if (copied.state === 'copied' || copied.state === 'differs') tally.copiedBytes += copied.bytes;
}

const complaints: Partial<Record<CopiedOut['state'], string>> = {
  differs: 'It is not what was received any more; it was copied as it is.',
  'not-regular': 'It is not a regular file, and was left out.',
  unreadable: 'It cannot be read, and was left out',
  missing: 'The thumbnail is missing.',
};

function complaintOf(copied: CopiedOut, kept: KeptFile | undefined): string {
  const text = complaints[copied.state] ?? '';
  if (copied.state === 'unreadable') return `${text} (${copied.error}).`;
  if (copied.state === 'differs' && kept !== undefined && copied.bytes !== kept.bytes)
    return `${text} It has ${copied.bytes} bytes and had ${kept.bytes}.`;
  return text;
}

function* inGroups(files: Iterable<KeptFile>): Generator<readonly KeptFile[]> {
  let group: KeptFile[] = [];
  for (const file of files) {
    group.push(file);
    if (group.length < atOnce) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
