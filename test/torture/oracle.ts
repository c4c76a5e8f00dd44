// What must be true after every restart, whatever happened before. It believes the ledger of the clients and looks at files
// and rows with its own eyes; `clipward check` is asked beside, as a user would.

import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Catalogue, catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Clip } from '../../src/catalogue/clip-row.ts';
import { parseEntry } from '../../src/domain/chain.ts';
import type { Studio } from './contents.ts';
import type { Attempt, Ledger } from './ledger.ts';

export type Judged = Readonly<{
  /** Sentences; none when all is well. */
  violations: readonly string[];
  clips: number;
  partials: number;
}>;

export type Evidence = Readonly<{
  dataDir: string;
  stateDir: string;
  ledger: Ledger;
  studio: Studio;
  /** Clips that were compared byte by byte before: those are looked at by size alone. Grows. */
  seen: Set<string>;
  hadPowerCut: boolean;
  /** Whether retention deletes: then what is not on hold may be gone, and leaves a tombstone. */
  retains: boolean;
}>;

export function judge(evidence: Evidence): Judged {
  const { dataDir, stateDir } = evidence;
  using catalogue = openCatalogue({ file: catalogueFile(stateDir), readOnly: true });
  const clips = [...catalogue.listClips({})];
  const garbage = [...catalogue.garbageRows()].flatMap(({ path, thumbnail }) => [path, thumbnail]);
  const gone = evidence.retains ? tombstones(catalogue) : new Set<string>();
  const violations = [
    ...acknowledgedOnce(evidence, clips, gone, clip => catalogue.receiptCount(clip.id)),
    ...clips.flatMap(clip => [...badFile(dataDir, clip, evidence.seen)]),
    ...unsent(evidence, clips),
    ...strangers(dataDir, clips, new Set(garbage)),
    ...leftBehind(dataDir, evidence.hadPowerCut),
  ];
  const partials = clips.filter(({ completeness }) => completeness === 'partial').length;
  return { violations, clips: clips.length, partials };
}

/** Camera and SHA-256 of what the chain says was deleted. */
function tombstones(catalogue: Pick<Catalogue, 'chainRows'>): Set<string> {
  const gone = new Set<string>();
  let rows: ReturnType<Catalogue['chainRows']>;
  let after = 0;
  do {
    rows = catalogue.chainRows(after, 1000);
    for (const { type, line } of rows) {
      const entry = type === 'gone' ? parseEntry(line)?.entry : undefined;
      if (entry) gone.add(`${entry.camera} ${entry.sha256}`);
    }
    after = rows.at(-1)?.number ?? after;
  } while (rows.length > 0);
  return gone;
}

/** The same bytes of the same camera, as often as they were sent. */
function groupsOf(attempts: readonly Attempt[]): Attempt[][] {
  const groups = Map.groupBy(attempts, ({ camera, sha256 }) => `${camera} ${sha256}`);
  return [...groups.values()];
}

function* acknowledgedOnce(
  { ledger }: Evidence,
  clips: readonly Clip[],
  gone: ReadonlySet<string>,
  receiptsOf: (clip: Clip) => number,
): Generator<string> {
  const stored = Map.groupBy(clips, ({ camera, sha256 }) => `${camera} ${sha256}`);
  for (const group of groupsOf(ledger.attempts)) {
    const [first] = group as [Attempt];
    const acknowledged = group.filter(attempt => attempt.acknowledged);
    const found = stored.get(`${first.camera} ${first.sha256}`) ?? [];
    const told = `${first.camera}/${first.path}, answered 226 ${acknowledged.length} times of ${group.length}`;
    const names = new Set(group.flatMap(({ path, renamedTo }) => (renamedTo ? [path, renamedTo] : [path])));
    // The same bytes under two names are two clips: which name an upload had last may be known before it is filed, or after.
    const most = group.length === 1 ? 1 : names.size;
    if (found.length > most) yield `${told}: there ${found.length} times`;
    if (acknowledged.length === 0) continue;
    const [clip] = found;
    if (clip === undefined) {
      const isHeld = group.some(attempt => attempt.isHeld === true);
      if (isHeld) yield `${told}: on hold, and not there`;
      else if (!gone.has(`${first.camera} ${first.sha256}`)) yield `${told}: not there`;
      continue;
    }
    const receipts = found.reduce((sum, each) => sum + receiptsOf(each), 0);
    if (receipts < acknowledged.length && !gone.has(`${first.camera} ${first.sha256}`))
      yield `${told}: ${receipts} receipts`;
    if (clip.completeness !== 'whole' && first.isImport !== true)
      yield `${told}: kept as ${clip.completeness}`;
    if (clip.kind !== 'test' && first.contents.kind !== 'noise' && clip.thumbnail === null)
      yield `${told}: no thumbnail (${clip.problem})`;
    if (!names.has(clip.originalPath)) yield `${told}: called ${clip.originalPath}`;
    if (group.length === 1) yield* noteNotApplied(told, first, clip);
  }
}

/** Only for what was sent once: of an upload that was cut off and sent again, the first may be the clip, and keeps its name. */
function* noteNotApplied(told: string, attempt: Attempt, clip: Clip): Generator<string> {
  if (attempt.renameAcknowledged === true && clip.originalPath !== attempt.renamedTo)
    yield `${told}: its rename was answered with 250 and it is still called ${clip.originalPath}`;
  if (attempt.withdrawn === true && clip.withdrawnAt === null)
    yield `${told}: its deletion was answered with 250 and is not noted`;
}

function* badFile(dataDir: string, clip: Clip, seen: Set<string>): Generator<string> {
  const path = join(dataDir, clip.path);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return yield `${clip.path}: a row without a file`;
  if (stat.size !== clip.bytes) yield `${clip.path}: ${stat.size} bytes, its row says ${clip.bytes}`;
  if ((stat.mode & 0o777) !== 0o400) yield `${clip.path}: mode ${(stat.mode & 0o777).toString(8)}`;
  if (!seen.has(clip.id)) {
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    if (sha256 !== clip.sha256) yield `${clip.path}: other bytes than its row says`;
    else seen.add(clip.id);
  }
  if (clip.thumbnail === null) return;
  const thumbnail = lstatSync(join(dataDir, clip.thumbnail), { throwIfNoEntry: false });
  if (thumbnail === undefined || thumbnail.size === 0)
    yield `${clip.thumbnail}: a thumbnail that is not there`;
}

/** Whatever is here was sent: a whole one as it was, a partial one as its beginning. */
function* unsent({ ledger, studio, dataDir, seen }: Evidence, clips: readonly Clip[]): Generator<string> {
  const sent = new Set(ledger.attempts.map(({ camera, sha256 }) => `${camera} ${sha256}`));
  const byName = Map.groupBy(ledger.attempts, ({ camera, path }) => `${camera} ${path}`);
  for (const clip of clips) {
    if (sent.has(`${clip.camera} ${clip.sha256}`)) continue;
    if (clip.completeness === 'whole') {
      yield `${clip.path} (${clip.originalPath}): whole, and nobody sent it`;
      continue;
    }
    if (seen.has(`${clip.id} beginning`)) continue;
    const bytes = readFileSync(join(dataDir, clip.path));
    const attempts = byName.get(`${clip.camera} ${clip.originalPath}`) ?? [];
    const isBeginning = attempts.some(({ contents }) =>
      studio.bytesOf(contents).subarray(0, bytes.length).equals(bytes),
    );
    if (isBeginning) seen.add(`${clip.id} beginning`);
    else
      yield `${clip.path} (${clip.originalPath}): ${clip.completeness}, and nobody sent what it begins with`;
  }
}

/** Files of the archive that no row names. */
function* strangers(
  dataDir: string,
  clips: readonly Clip[],
  garbage: ReadonlySet<string | null>,
): Generator<string> {
  const known = new Set(clips.flatMap(({ path, thumbnail }) => (thumbnail ? [path, thumbnail] : [path])));
  for (const top of ['clips', 'thumbnails'])
    for (const path of filesBelow(dataDir, top))
      if (!known.has(path) && !garbage.has(path)) yield `${path}: a file without a row`;
}

/** Nothing waits. A power cut may leave bytes that nobody knows the camera of any more; then they were promised to nobody. */
function* leftBehind(dataDir: string, hadPowerCut: boolean): Generator<string> {
  for (const top of ['incoming', 'inbox'])
    for (const path of filesBelow(dataDir, top)) yield `${path}: still there`;
  for (const path of filesBelow(dataDir, 'quarantine'))
    if (!hadPowerCut || !path.startsWith('quarantine/_unknown/')) yield `${path}: put aside`;
}

function filesBelow(dataDir: string, top: string): string[] {
  const directory = join(dataDir, top);
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => !entry.isDirectory())
    .map(entry => relative(dataDir, join(entry.parentPath, entry.name)));
}
