// clipward check: the invariants of ARCHITECTURE.md that files and rows can show, one after the other, and their repair. A
// finding is told as soon as it is sure, so an archive of any size is checked in little memory.

import { errnoOf, FailedError, messageOf, TransientError } from '../base/errors.ts';
import { counted } from '../domain/counted.ts';
import { checkReferences, checkSoundness, foreignMarker } from './invariants/catalogue-file.ts';
import { checkClipFiles } from './invariants/clip-files.ts';
import { type Finding, violation } from './invariants/finding.ts';
import { checkFootageFiles } from './invariants/footage-files.ts';
import { checkGarbage, checkIncoming, checkOpenSegments } from './invariants/leftovers.ts';
import type { CheckParts } from './invariants/parts.ts';
import { checkQuarantine } from './invariants/quarantine.ts';
import { checkRows } from './invariants/rows.ts';
import { checkThumbnails } from './invariants/thumbnails.ts';

/** What became of a finding: `found` without --repair, or where there is nothing that a program can do. */
export type Outcome = 'found' | 'repaired' | 'failed';

/** `did`: what was done about it, or why it was not. */
export type Told = Omit<Finding, 'mend'> &
  Readonly<{ repairable: boolean; outcome: Outcome; did: string | null }>;

export type Summary = Readonly<{
  /** Clips in the catalogue. */
  clips: number;
  /** Segments of footage in the catalogue. */
  segments: number;
  /** Rows whose directory cannot be read: neither there nor missing. */
  unknown: number;
  /** What still is not as it should be. */
  violations: number;
  remarks: number;
  repaired: number;
}>;

export type CheckOptions = Readonly<{
  repair: boolean;
  /** Rows may go even where more than half of a camera's files are missing (I9). */
  dropMost: boolean;
  tell(told: Told): void;
  /** After each row whose file was looked at: how many were until now. */
  onProgress?(rows: number): void;
}>;

/** A missing or foreign marker, or a damaged catalogue, is told and nothing else is looked at: it would mislead. */
export async function checkArchive(
  parts: Omit<CheckParts, 'onUnknown'>,
  options: CheckOptions,
): Promise<Summary> {
  const counts = { clips: 0, segments: 0, unknown: 0, violations: 0, remarks: 0, repaired: 0 };
  const ground: CheckParts = {
    ...parts,
    onUnknown: rows => {
      counts.unknown += rows;
    },
  };
  const tell = (told: Told) => {
    if (told.outcome === 'repaired') counts.repaired++;
    else if (told.level === 'violation') counts.violations++;
    else counts.remarks++;
    options.tell(told);
  };
  const settle = async (finding: Finding) => tell(await settled(finding, options.repair));
  try {
    await parts.requireMarker();
    for (const finding of checkSoundness(parts.catalogue)) await settle(finding);
    if (counts.violations > 0) return counts;
    const seen = (kind: 'clips' | 'segments') => {
      counts[kind]++;
      options.onProgress?.(counts.clips + counts.segments);
    };
    const onRow = { clip: () => seen('clips'), segment: () => seen('segments') };
    for (const check of checksOf(ground, options, onRow))
      for await (const finding of surely(check)) await settle(finding);
    await parts.requireMarker();
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    // The disk went away while it was looked at.
    await settle(foreignMarker(parts.dataDir));
  }
  return counts;
}

/** One violation instead of a check. */
export function tellAlone(finding: Finding, options: Pick<CheckOptions, 'tell'>): Summary {
  const { mend: _mend, ...facts } = finding;
  options.tell({ ...facts, repairable: false, outcome: 'found', did: null });
  return { clips: 0, segments: 0, unknown: 0, violations: 1, remarks: 0, repaired: 0 };
}

type OnRow = (camera: string) => void;
type FileCheck = (ground: CheckParts, onRow: OnRow) => AsyncGenerator<Finding>;
type Check = AsyncIterable<Finding> | Iterable<Finding>;

function* checksOf(
  ground: CheckParts,
  options: CheckOptions,
  onRow: Readonly<{ clip: OnRow; segment: OnRow }>,
): Generator<Check> {
  const files = (check: FileCheck, onEach: OnRow) =>
    options.repair ? countThenTell(ground, check, options, onEach) : check(ground, onEach);
  yield checkReferences(ground.catalogue);
  yield files(checkClipFiles, onRow.clip);
  yield checkThumbnails(ground);
  yield files(checkFootageFiles, onRow.segment);
  yield checkRows(ground);
  yield checkIncoming(ground);
  yield checkOpenSegments(ground);
  yield checkGarbage(ground);
  yield checkQuarantine(ground);
}

/** An errno that nobody expected in one check says nothing against the others. */
async function* surely(check: Check): AsyncGenerator<Finding> {
  try {
    yield* check;
  } catch (error) {
    if (error instanceof TransientError || errnoOf(error) === undefined) throw error;
    yield violation(
      'unreadable',
      `A check ended before its time: ${messageOf(error)}`,
      'Look at the disk and at the rights of the data directory, and check again.',
    );
  }
}

async function settled({ mend, ...finding }: Finding, repair: boolean): Promise<Told> {
  const repairable = mend !== undefined;
  if (!repair || mend === undefined) return { ...finding, repairable, outcome: 'found', did: null };
  try {
    return { ...finding, repairable, outcome: 'repaired', did: await mend() };
  } catch (error) {
    if (error instanceof TransientError) throw error;
    return { ...finding, repairable, outcome: 'failed', did: messageOf(error) };
  }
}

/**
 * The clips, or the segments, when they are repaired. Rows go only when all missing files are counted, so those are told at the end, in a
 * second walk: nothing of what is missing is kept in memory but the counts of each camera.
 */
async function* countThenTell(
  ground: CheckParts,
  check: FileCheck,
  { dropMost }: CheckOptions,
  onRow: OnRow,
): AsyncGenerator<Finding> {
  const rows = new Map<string, number>();
  const missing = new Map<string, number>();
  const count = (of: Map<string, number>, camera: string) => void of.set(camera, (of.get(camera) ?? 0) + 1);
  for await (const finding of check(ground, camera => {
    onRow(camera);
    count(rows, camera);
  })) {
    if (finding.code === 'missing-file') count(missing, finding.camera ?? '');
    else yield finding;
  }
  if (missing.size === 0) return;
  const told = new Map<string, number>();
  for await (const finding of check(ground, () => {})) {
    if (finding.code !== 'missing-file') continue;
    const camera = finding.camera ?? '';
    const [gone, all] = [missing, rows].map(of => of.get(camera) ?? 0) as [number, number];
    count(told, camera);
    // More than were missing a moment ago: a disk has gone in between, and what was counted does not allow that.
    const isSudden = (told.get(camera) ?? 0) > gone;
    if (dropMost || (gone * 2 <= all && !isSudden)) yield finding;
    else yield { ...finding, mend: () => refuseToDrop(finding.camera, isSudden ? null : gone, all) };
  }
}

/** I9: a directory that is not mounted must not empty the catalogue. */
function refuseToDrop(camera: string | null, gone: number | null, all: number): never {
  if (gone === null)
    throw new FailedError(
      `Files of ${camera} have gone missing while it was checked, as if a disk or directory were not there: look at it, and check again.`,
    );
  throw new FailedError(
    `${gone} of the ${counted(all, 'file')} of ${camera} ${gone === 1 ? 'is' : 'are'} missing, more than half, as if a disk or directory were not there: bring it back, or take the rows out with --drop-most.`,
  );
}
