// What lies in the archive and is no clip and no thumbnail.

import { readStoredPath } from '../../archive/clip-path.ts';
import { lookAtStored, type Stored, type StoredFile } from '../../archive/list-stored.ts';
import { type Finding, remark, violation } from './finding.ts';
import type { CheckParts } from './parts.ts';

/** What writing leaves behind when it is cut short: `.part` of a clip, `.new` of a thumbnail (archive/clip-files.ts). */
const unfinished = { clips: '.part', thumbnails: '.new' } as const;

export function unreadable(stored: Extract<Stored, { state: 'unreadable' }>): Finding {
  const { path, error, isDirectory } = stored;
  if (isDirectory && (error === 'ELOOP' || error === 'ENOTDIR'))
    return violation(
      'not-regular',
      'A directory of the archive was expected here, and this is a link or something else.',
      'Put the directory itself here: links are not followed, and what is behind this one was not looked at.',
      { path },
    );
  return violation(
    'unreadable',
    `This cannot be read (${error}), so nothing is known about what is in it.`,
    error === 'EACCES' || error === 'EPERM'
      ? 'Give it to the owner of the data directory (chown, chmod).'
      : 'Look at the disk and its cables: the log of the kernel (dmesg) says more.',
    { path },
  );
}

export function notRegular(file: StoredFile, facts: { camera: string; id: string; path: string }): Finding {
  return violation(
    'not-regular',
    `A regular file was expected, and this is a ${file.type === 'other' ? 'device, pipe or socket' : file.type}.`,
    'Somebody has put it here: move it away, and put the file of your backup in its place.',
    facts,
  );
}

export function foreignFile(file: StoredFile): Finding {
  return remark(
    'foreign-file',
    `This ${file.type === 'directory' ? 'directory' : 'file'} is not from clipward.`,
    'Move it out of the data directory: it takes space, and it is never touched.',
    { path: file.path },
  );
}

/** A file whose name is not that of a clip or a thumbnail: left behind by one of ours, or foreign. */
export async function partFile(
  parts: CheckParts,
  file: StoredFile,
  top: keyof typeof unfinished,
): Promise<Finding[]> {
  const suffix = unfinished[top];
  const said = file.path.endsWith(suffix)
    ? readStoredPath(file.path.slice(0, -suffix.length), top)
    : undefined;
  if (said === undefined || file.type !== 'file') return [foreignFile(file)];
  const { camera, id } = said;
  // Before the second look, and filing an entry again removes what its first try left.
  const isImporting = parts.isImporting();
  if (await parts.isWaiting(camera, id)) return [];
  // It may have been filed since it was seen.
  if ((await lookAtStored(parts.dataDir, file.path)) === undefined) return [];
  const text = 'Storing a file was cut short and left this behind; nothing needs it.';
  const facts = { camera, id, path: file.path };
  if (isImporting)
    return [remark('part-file', text, 'An import is running: check again when it has ended.', facts)];
  return [
    violation('part-file', text, 'clipward check --repair removes it.', {
      ...facts,
      mend: () => parts.repairs.removePart(file.path),
    }),
  ];
}
