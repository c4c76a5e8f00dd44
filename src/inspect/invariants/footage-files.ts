// I1, I2, I3 for footage: every segment has its file, of its size and read-only, and every file its row, that of a segment or,
// while it is being written, that of an open one. Compared in one pass as clips are, and what does not fit is looked at again.
//
// The recorder writes the row of an open segment before its file is made, gives the file its name before the row of the
// segment takes the place of the open one, and never makes two files of one id. So where a row seems missing, first the row of
// the open segment is looked for, then that of the segment, then the file again; and where a file seems missing, the file and
// then the row.

import { readFootagePath } from '../../archive/footage-path.ts';
import {
  footageTree,
  listStored,
  lookAtStored,
  type Stored,
  type StoredFile,
} from '../../archive/list-stored.ts';
import type { StoredSegment } from '../../catalogue/check-queries.ts';
import { compareByPath, type Difference } from '../compare-by-path.ts';
import { type FaultGround, faultsOf, ownerOf, recordersOf } from './file-faults.ts';
import { type Finding, violation } from './finding.ts';
import { type CheckParts, inGroups, suspectsAtOnce } from './parts.ts';
import { foreignFile, notRegular, unreadable } from './strays.ts';

const openSuffix = '.open';

/** Tells `onRow` the camera of every row that is compared. */
export async function* checkFootageFiles(
  parts: CheckParts,
  onRow: (camera: string) => void,
): AsyncGenerator<Finding> {
  const ground: Ground = {
    ...parts,
    owner: await ownerOf(parts.dataDir),
    lenders: await recordersOf(parts.dataDir),
  };
  const badRows: Finding[] = [];
  const differences = compareByPath(
    goodRows(parts, onRow, badRows),
    listStored(parts.dataDir, 'footage', footageTree),
    {
      isInOrder: (row, file) => faultsOf(ground, row, file).next().done === true,
      onUnknown: () => parts.onUnknown(1),
    },
  );
  for await (const group of inGroups(differences, suspectsAtOnce)) {
    yield* badRows.splice(0);
    // A disk that was unmounted in between has not lost anything.
    const looked = await Promise.all(group.map(each => lookAgain(ground, each)));
    await ground.requireMarker();
    for (const judge of looked) yield* await judge();
  }
  yield* badRows.splice(0);
}

type Ground = CheckParts & FaultGround;

function* goodRows(
  parts: CheckParts,
  onRow: (camera: string) => void,
  bad: Finding[],
): Generator<StoredSegment> {
  for (const row of parts.catalogue.segmentsByPath()) {
    onRow(row.camera);
    const said = readFootagePath(row.path);
    if (said?.camera === row.camera && said.id === row.id) yield row;
    else
      bad.push(
        violation(
          'bad-path',
          `The row of the segment names the file ${JSON.stringify(row.path)}, which is not that of this segment.`,
          'Somebody has edited the catalogue: restore it from a backup.',
          { camera: row.camera, id: row.id },
        ),
      );
  }
}

/** Looks at the file, and answers what judges it by the rows as they are after that. */
async function lookAgain(
  ground: Ground,
  { row, stored }: Difference<StoredSegment>,
): Promise<() => Promise<Finding[]>> {
  if (row === undefined && stored.state === 'unreadable') return async () => [unreadable(stored)];
  if (row === undefined && stored.state === 'foreign') return async () => [foreignFile(stored.file)];
  const path = row?.path ?? (stored as Extract<Stored, { state: 'file' }>).file.path;
  const now = await lookAtStored(ground.dataDir, path);
  return async () => {
    if (now?.state === 'unreadable') return [unreadable(now)];
    if (now !== undefined) return judgeFile(ground, now.file);
    const still = row && ground.catalogue.segmentAtPath(path);
    return still ? [missingFile(ground, still)] : [];
  };
}

async function judgeFile(ground: Ground, file: StoredFile): Promise<Finding[]> {
  const { path } = file;
  const isOpen = path.endsWith(openSuffix);
  const finalPath = isOpen ? path.slice(0, -openSuffix.length) : path;
  const said = readFootagePath(finalPath);
  if (said === undefined) return [foreignFile(file)];
  if (ground.catalogue.isOpenSegment(finalPath)) return [];
  const row = ground.catalogue.segmentAtPath(finalPath);
  if (row !== undefined && !isOpen) return [...faultsOf(ground, row, file)];
  if (ground.catalogue.isGarbage(finalPath)) return [];
  // Finished or deleted meanwhile.
  if ((await lookAtStored(ground.dataDir, path)) === undefined) return [];
  const facts = { camera: said.camera, id: said.id, path };
  if (file.type !== 'file') return [notRegular(file, facts)];
  if (ground.catalogue.hasTombstone(said.id))
    return [
      violation(
        'deleted-file',
        'The catalogue says that this segment was deleted, and its file is there.',
        'Somebody has put it back: move it out of the data directory. It is not taken in again by itself.',
        facts,
      ),
    ];
  if (ground.catalogue.segment(said.id) !== undefined)
    return [
      violation(
        'unknown-file',
        `The row of segment ${said.id} names another file.`,
        'Somebody has moved or copied it: put back what belongs together, or move this file away and keep it.',
        facts,
      ),
    ];
  return [
    violation(
      'unknown-file',
      isOpen
        ? 'The file was being written, and the catalogue knows of no recording of it.'
        : 'The file has no row in the catalogue, so no command shows it and retention does not count it.',
      'clipward check --repair takes it in as footage of the camera and the time of its name, as far as it can be played.',
      { ...facts, mend: () => ground.repairs.adoptFootage(path) },
    ),
  ];
}

/** Mended by dropMissingSegment, when all are counted (I9). */
function missingFile(ground: Ground, { camera, id, path }: StoredSegment): Finding {
  return violation(
    'missing-file',
    'The segment of footage is in the catalogue, and its file is not on the disk.',
    'Put it back from a backup, under this path. Where it is lost for good, clipward check --repair takes the row out and leaves a tombstone.',
    { camera, id, path, mend: () => ground.repairs.dropMissingSegment(id) },
  );
}
