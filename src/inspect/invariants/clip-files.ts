// I1, I2, I3 for clips: every row has its file, of its size and read-only, and every file has its row. Rows and files are
// compared in one pass; what does not fit is looked at again before it is told, since clips are filed and deleted meanwhile.
//
// Why the second look is right without any waiting: a file is put in place before its row is written, and its inbox entry
// goes only after that; and a row goes before its file is unlinked. So the file is looked at first and the row after it
// where the file seems missing, and the entry first and the row after it where the row seems missing.

import { readStoredPath, thumbnailRelativePath } from '../../archive/clip-path.ts';
import {
  listStored,
  lookAtStored,
  type Stored,
  type StoredFile,
  storedTree,
} from '../../archive/list-stored.ts';
import type { StoredClip } from '../../catalogue/check-queries.ts';
import type { Clip } from '../../catalogue/clip-row.ts';
import { compareByPath, type Difference } from '../compare-by-path.ts';
import { type FaultGround, faultsOf, ownerOf } from './file-faults.ts';
import { type Finding, remark, violation } from './finding.ts';
import { type CheckParts, inGroups, suspectsAtOnce } from './parts.ts';
import { foreignFile, notRegular, partFile, unreadable } from './strays.ts';

/** Tells `onRow` the camera of every row that is compared. */
export async function* checkClipFiles(
  parts: CheckParts,
  onRow: (camera: string) => void,
): AsyncGenerator<Finding> {
  const ground: Ground = { ...parts, owner: await ownerOf(parts.dataDir) };
  const badRows: Finding[] = [];
  const differences = compareByPath(
    goodRows(parts, onRow, badRows),
    listStored(parts.dataDir, 'clips', storedTree),
    {
      isInOrder: (row, file) => faultsOf(ground, row, file).next().done === true,
      onUnknown: () => parts.onUnknown(1),
    },
  );
  for await (const group of inGroups(differences, suspectsAtOnce)) {
    yield* badRows.splice(0);
    for (const each of await lookAgain(ground, group)) yield* each;
  }
  yield* badRows.splice(0);
}

type Ground = CheckParts & FaultGround;

/** A path that is none of ours is never opened: it comes from a row that somebody edited. */
function* goodRows(
  parts: CheckParts,
  onRow: (camera: string) => void,
  bad: Finding[],
): Generator<StoredClip> {
  for (const row of parts.catalogue.clipsByPath()) {
    onRow(row.camera);
    const said = readStoredPath(row.path, 'clips');
    const isOurs = said?.camera === row.camera && said.id === row.id;
    if (isOurs) yield row;
    if (!isOurs || (row.thumbnail !== null && row.thumbnail !== thumbnailRelativePath(row.path)))
      bad.push(
        violation(
          'bad-path',
          `The row of the clip names the file ${JSON.stringify(row.path)} and the thumbnail ${JSON.stringify(row.thumbnail)}, which are not both those of this clip.`,
          'Somebody has edited the catalogue: restore it from a backup.',
          { camera: row.camera, id: row.id },
        ),
      );
  }
}

async function lookAgain(
  ground: Ground,
  group: readonly Difference<StoredClip>[],
): Promise<readonly Finding[][]> {
  const pathOf = ({ row, stored }: Difference<StoredClip>) =>
    row?.path ?? (stored as Exclude<Stored, { state: 'unreadable' }>).file?.path;
  const now = await Promise.all(
    group.map(each =>
      each.row === undefined && each.stored.state !== 'file'
        ? each.stored
        : lookAtStored(ground.dataDir, pathOf(each)),
    ),
  );
  // A disk that was unmounted in between has not lost anything.
  await ground.requireMarker();
  return Promise.all(group.map((each, at) => judge(ground, each, now[at])));
}

async function judge(
  ground: Ground,
  { row }: Difference<StoredClip>,
  stored: Stored | undefined,
): Promise<Finding[]> {
  if (stored?.state === 'unreadable') return [unreadable(stored)];
  if (stored?.state === 'foreign') return [foreignFile(stored.file)];
  const path = stored?.file.path ?? row?.path ?? '';
  if (stored === undefined) {
    const still = ground.catalogue.clipAtPath(path);
    return still === undefined ? [] : [missingFile(ground, still)];
  }
  return judgeFile(ground, stored.file);
}

async function judgeFile(ground: Ground, file: StoredFile): Promise<Finding[]> {
  const { path } = file;
  const said = readStoredPath(path, 'clips');
  if (said === undefined) return partFile(ground, file, 'clips');
  // Before the row: an import that has just ended has written it.
  const isImporting = ground.isImporting();
  const isWaiting = await ground.isWaiting(said.camera, said.id);
  const row = ground.catalogue.clipAtPath(path);
  if (row !== undefined) return [...faultsOf(ground, row, file)];
  const facts = { camera: said.camera, id: said.id, path };
  if (isWaiting || ground.catalogue.isGarbage(path)) return [];
  if (file.type !== 'file') return [notRegular(file, facts)];
  // Deleted after the look at the file, with all traces.
  if ((await lookAtStored(ground.dataDir, path)) === undefined) return [];
  if (ground.catalogue.hasTombstone(said.id))
    return [
      violation(
        'deleted-file',
        'The catalogue says that this clip was deleted, and its file is there.',
        'Somebody has put it back: move it out of the data directory. It is not taken in again by itself.',
        facts,
      ),
    ];
  const other = ground.catalogue.clipOfUpload(said.id);
  if (other !== undefined) return [fileOfKnown(ground, other, facts)];
  const text =
    'The file has no row in the catalogue, so no command shows it and retention does not count it.';
  if (isImporting)
    return [remark('unknown-file', text, 'An import is running: check again when it has ended.', facts)];
  return [
    violation(
      'unknown-file',
      text,
      'If an import was interrupted, run it again. Otherwise clipward check --repair takes the file in under the camera and the time of its name, marked as recovered.',
      { ...facts, mend: () => ground.repairs.adopt(path) },
    ),
  ];
}

/** Its id is that of a clip with another path, or of an upload that became a repeat after its file had been stored. */
function fileOfKnown(
  ground: Ground,
  clip: Clip,
  facts: { camera: string; id: string; path: string },
): Finding {
  if (clip.id === facts.id)
    return violation(
      'unknown-file',
      `The row of clip ${clip.id} names another file: ${JSON.stringify(clip.path)}.`,
      'Somebody has moved one of the two or edited the catalogue: put back what belongs together, or move this file away and keep it.',
      facts,
    );
  return violation(
    'duplicate-file',
    `The upload was filed as a repeat of clip ${clip.id}, after an interruption that had left its bytes here.`,
    'clipward check --repair removes it when it is byte for byte the same as that clip.',
    { ...facts, mend: () => ground.repairs.removeDuplicate(facts.path, clip.id) },
  );
}

/** Mended by dropMissing, when all are counted (I9). */
function missingFile(ground: Ground, { camera, id, path }: StoredClip): Finding {
  return violation(
    'missing-file',
    'The clip is in the catalogue, and its file is not on the disk.',
    'Put it back from a backup, under this path. Where it is lost for good, clipward check --repair takes the row out and leaves a tombstone.',
    { camera, id, path, mend: () => ground.repairs.dropMissing(id) },
  );
}
