// I2, I3 for thumbnails: every one that a row names is there, and every one that is there is named by a row. They are made
// from clips and can be made again, so they are no evidence; but a picture of a clip that was deleted must not stay behind.

import { readStoredPath, thumbnailRelativePath } from '../../archive/clip-path.ts';
import {
  listStored,
  lookAtStored,
  type Stored,
  type StoredFile,
  storedTree,
} from '../../archive/list-stored.ts';
import type { StoredClip } from '../../catalogue/check-queries.ts';
import { compareByPath, type Difference } from '../compare-by-path.ts';
import { type Finding, remark, violation } from './finding.ts';
import { type CheckParts, inGroups, suspectsAtOnce } from './parts.ts';
import { foreignFile, notRegular, partFile, unreadable } from './strays.ts';

export async function* checkThumbnails(parts: CheckParts): AsyncGenerator<Finding> {
  const differences = compareByPath(
    rowsWithThumbnail(parts),
    listStored(parts.dataDir, 'thumbnails', storedTree),
    { isInOrder: (_row, file) => isPicture(file), onUnknown: () => parts.onUnknown(1) },
  );
  for await (const group of inGroups(differences, suspectsAtOnce)) {
    const now = await Promise.all(group.map(each => lookNow(parts, each)));
    await parts.requireMarker();
    for (const [at, each] of group.entries()) yield* await judge(parts, each, now[at]);
  }
}

type Row = Readonly<{ path: string; clip: StoredClip }>;

/** In the order of the clips' paths, which is that of their thumbnails. */
function* rowsWithThumbnail(parts: CheckParts): Generator<Row> {
  for (const clip of parts.catalogue.clipsByPath()) {
    // Another one is told as a bad path, with those of the clips.
    if (clip.thumbnail === null || readStoredPath(clip.path, 'clips') === undefined) continue;
    if (clip.thumbnail === thumbnailRelativePath(clip.path)) yield { path: clip.thumbnail, clip };
  }
}

function isPicture(file: StoredFile): boolean {
  return file.type === 'file' && file.bytes > 0;
}

function lookNow(parts: CheckParts, { row, stored }: Difference<Row>): Promise<Stored | undefined> | Stored {
  if (row !== undefined) return lookAtStored(parts.dataDir, row.path);
  return stored.state === 'file' ? lookAtStored(parts.dataDir, stored.file.path) : stored;
}

async function judge(
  parts: CheckParts,
  { row }: Difference<Row>,
  stored: Stored | undefined,
): Promise<Finding[]> {
  if (stored?.state === 'unreadable') return [unreadable(stored)];
  if (stored?.state === 'foreign') return [foreignFile(stored.file)];
  if (row !== undefined) return judgeRow(parts, row, stored?.file);
  return stored === undefined ? [] : judgeFile(parts, stored.file);
}

function judgeRow(parts: CheckParts, { path, clip }: Row, file: StoredFile | undefined): Finding[] {
  const { camera, id } = clip;
  if (parts.catalogue.clipAtPath(clip.path)?.thumbnail !== clip.thumbnail) return [];
  if (file !== undefined && isPicture(file)) return [];
  if (file !== undefined && file.type !== 'file') return [notRegular(file, { camera, id, path })];
  return [
    violation(
      'missing-thumbnail',
      `The thumbnail of the clip is ${file === undefined ? 'not there' : 'empty'}.`,
      'clipward check --repair makes it again.',
      { camera, id, path, mend: () => parts.repairs.makeThumbnail(id) },
    ),
  ];
}

async function judgeFile(parts: CheckParts, file: StoredFile): Promise<Finding[]> {
  const { path } = file;
  const said = readStoredPath(path, 'thumbnails');
  if (said?.extension !== 'jpg') return partFile(parts, file, 'thumbnails');
  const { camera, id } = said;
  const isImporting = parts.isImporting();
  const isWaiting = await parts.isWaiting(camera, id);
  const clip = parts.catalogue.clip(id);
  if (clip?.thumbnail === path || isWaiting || parts.catalogue.isGarbage(path)) return [];
  const facts = { camera, id, path };
  if (file.type !== 'file') return [notRegular(file, facts)];
  if ((await lookAtStored(parts.dataDir, path)) === undefined) return [];
  if (isImporting)
    return [
      remark(
        'unknown-thumbnail',
        'No row names it.',
        'An import is running: check again when it has ended.',
        facts,
      ),
    ];
  if (clip !== undefined)
    return [
      violation(
        'unknown-thumbnail',
        'It is the thumbnail of a clip whose row has none.',
        'clipward check --repair makes it again and writes it down.',
        { ...facts, mend: () => parts.repairs.makeThumbnail(id) },
      ),
    ];
  if (!parts.catalogue.hasTombstone(id))
    return [
      remark(
        'unknown-thumbnail',
        'No row names it.',
        'Move it out of the data directory; it is never touched.',
        facts,
      ),
    ];
  return [
    violation(
      'unknown-thumbnail',
      'It is the thumbnail of a clip that was deleted.',
      'clipward check --repair removes it.',
      { ...facts, mend: () => parts.repairs.removeThumbnailOfDeleted(path) },
    ),
  ];
}
