// What check asks the catalogue: rows in the order of their paths, and rows that break a rule which the schema cannot hold.
// Every question is answered in pages, so that no reading keeps the log of the database from being written back, and a
// catalogue of millions of rows costs no memory.

import type { Db } from '../base/sqlite.ts';
import type { ChainMedia } from '../domain/chain.ts';
import { maxEndAfterArrivalMs, maxSpanMs } from '../domain/event.ts';

/** A clip as a file: what check compares with the disk. */
export type StoredClip = Readonly<{
  id: string;
  camera: string;
  path: string;
  bytes: number;
  thumbnail: string | null;
}>;

/** A segment as a file. */
export type StoredSegment = Readonly<{ id: string; camera: string; path: string; bytes: number }>;

/** A row that breaks a rule. `key`: where the next page begins. */
export type Offender = Readonly<{
  key: string | number;
  id: string;
  camera: string | null;
  /** Of its file, relative to the data directory. */
  path: string | null;
}>;

export type GarbageRow = Readonly<{
  id: string;
  camera: string;
  type: ChainMedia;
  path: string;
  thumbnail: string | null;
  at: number;
}>;

export type CheckQueries = Readonly<{
  clipsByPath(): Iterable<StoredClip>;
  clipAtPath(path: string): StoredClip | undefined;
  clipCount(): number;
  segmentsByPath(): Iterable<StoredSegment>;
  segmentAtPath(path: string): StoredSegment | undefined;
  /** What SQLite itself finds wrong with the file, in its words, some at the most; empty when it is sound. */
  damage(): readonly string[];
  /** Rows that refer to a row which is not there: table and how many. */
  brokenReferences(): ReadonlyArray<Readonly<{ table: string; parent: string; rows: number }>>;
  offenders(rule: OffenceRule): Iterable<Offender>;
  isGarbage(path: string): boolean;
  /** Whether a segment with this path is being written, or was when the recorder died. */
  isOpenSegment(path: string): boolean;
  garbageRows(): Iterable<GarbageRow>;
  quarantinedRows(): Iterable<Readonly<{ camera: string; id: string; at: number }>>;
  isQuarantined(camera: string, id: string): boolean;
  removeQuarantined(camera: string, id: string): void;
  /** The file of a thumbnail is gone and cannot be made again, or is there and was not known. */
  setThumbnail(clip: string, thumbnail: string | null): void;
  /** Whether the chain says that this clip was deleted. */
  hasTombstone(clip: string): boolean;
}>;

const pageRows = 2048;
const maxComplaints = 20;
/** More than this two segments of one camera have in common only where a clock was set. */
const jitterMs = 5000;

/** As eventSpan of domain/event.ts. */
const eventEnd = `max(clip.start_at,
  min(clip.start_at + min(ifnull(clip.duration_ms, 0), ${maxSpanMs}), clip.received_at + ${maxEndAfterArrivalMs}))`;

/** Each selects key, id, camera and path of what breaks it, in the order of the key, behind `@after`. */
const offences = {
  'clip-without-receipt': `
    SELECT id AS key, id, camera, path FROM clip
    WHERE id > @after AND NOT EXISTS (SELECT 1 FROM receipt WHERE receipt.clip = clip.id) ORDER BY id LIMIT @limit`,
  'clip-without-entry': `
    SELECT id AS key, id, camera, path FROM clip
    WHERE id > @after AND NOT EXISTS (SELECT 1 FROM chain_entry WHERE subject = clip.id AND type = 'kept')
      AND NOT EXISTS (SELECT 1 FROM chain_pending WHERE chain_pending.clip = clip.id)
    ORDER BY id LIMIT @limit`,
  'clip-with-tombstone': `
    SELECT id AS key, id, camera, path FROM clip
    WHERE id > @after AND EXISTS (SELECT 1 FROM chain_entry WHERE subject = clip.id AND type = 'gone')
    ORDER BY id LIMIT @limit`,
  // In the order of the index over subjects.
  'entry-without-clip': `
    SELECT subject AS key, subject AS id, NULL AS camera, NULL AS path FROM chain_entry AS kept
    WHERE subject > @after AND type = 'kept'
      AND NOT EXISTS (SELECT 1 FROM chain_entry WHERE subject = kept.subject AND type = 'gone')
      AND NOT EXISTS (SELECT 1 FROM clip WHERE id = kept.subject)
      AND NOT EXISTS (SELECT 1 FROM segment WHERE id = kept.subject)
      AND NOT EXISTS (SELECT 1 FROM garbage WHERE id = kept.subject)
    ORDER BY subject LIMIT @limit`,
  // The number that is missing is the one after it; before the first entry, verify looks.
  'chain-hole': `
    SELECT number AS key, subject AS id, NULL AS camera, NULL AS path FROM chain_entry AS entry
    WHERE number > @after AND number < (SELECT max(number) FROM chain_entry)
      AND NOT EXISTS (SELECT 1 FROM chain_entry WHERE number = entry.number + 1)
    ORDER BY number LIMIT @limit`,
  'segment-without-entry': `
    SELECT id AS key, id, camera, path FROM segment
    WHERE id > @after AND NOT EXISTS (SELECT 1 FROM chain_entry WHERE subject = segment.id AND type = 'kept')
    ORDER BY id LIMIT @limit`,
  'segment-with-tombstone': `
    SELECT id AS key, id, camera, path FROM segment
    WHERE id > @after AND EXISTS (SELECT 1 FROM chain_entry WHERE subject = segment.id AND type = 'gone')
    ORDER BY id LIMIT @limit`,
  // A few seconds are the jitter of a connection that is made anew.
  'segment-overlap': `
    SELECT id AS key, id, camera, path FROM segment
    WHERE id > @after AND EXISTS (
      SELECT 1 FROM segment AS other WHERE other.camera = segment.camera AND other.start_at >= segment.start_at
        AND other.start_at < segment.end_at - ${jitterMs} AND other.id <> segment.id
        AND other.end_at > segment.start_at + ${jitterMs})
    ORDER BY id LIMIT @limit`,
  'gap-overlap': `
    SELECT camera || ' ' || start_at AS key, '' AS id, camera, NULL AS path FROM gap
    WHERE camera || ' ' || start_at > @after AND EXISTS (
      SELECT 1 FROM gap AS other WHERE other.camera = gap.camera AND other.start_at > gap.start_at
        AND (gap.end_at IS NULL OR other.start_at < gap.end_at))
    ORDER BY 1 LIMIT @limit`,
  'clip-without-event': `
    SELECT id AS key, id, camera, path FROM clip
    WHERE id > @after AND event IS NULL AND kind IN ('video', 'image') ORDER BY id LIMIT @limit`,
  'event-without-clip': `
    SELECT id AS key, id, camera, NULL AS path FROM event
    WHERE id > @after AND NOT EXISTS (SELECT 1 FROM clip WHERE clip.event = event.id)
      AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.event = event.id) ORDER BY id LIMIT @limit`,
  'event-camera': `
    SELECT event.id AS key, event.id AS id, event.camera AS camera, NULL AS path FROM event
    WHERE event.id > @after
      AND EXISTS (SELECT 1 FROM clip WHERE clip.event = event.id AND clip.camera <> event.camera)
    ORDER BY event.id LIMIT @limit`,
  'event-bounds': `
    SELECT event.id AS key, event.id AS id, event.camera AS camera, NULL AS path FROM event
    WHERE event.id > @after
      AND (event.start_at <> (SELECT min(clip.start_at) FROM clip WHERE clip.event = event.id)
        OR event.end_at <> (SELECT max(${eventEnd}) FROM clip WHERE clip.event = event.id))
    ORDER BY event.id LIMIT @limit`,
  'event-overlap': `
    SELECT event.number AS key, event.id AS id, event.camera AS camera, NULL AS path FROM event
    WHERE event.number > @after AND EXISTS (
      SELECT 1 FROM event AS other WHERE other.camera = event.camera AND other.start_at <= event.end_at
        AND other.start_at >= event.start_at AND other.end_at >= event.start_at AND other.number <> event.number)
    ORDER BY event.number LIMIT @limit`,
} as const;

export type OffenceRule = keyof typeof offences;

/** Their key is a number, not an id. */
const numbered = new Set<OffenceRule>(['event-overlap', 'chain-hole']);

export function checkQueries(db: Db): CheckQueries {
  const columns = 'id, camera, path, bytes, thumbnail';
  const byPath = db.prepare<[{ after: string; limit: number }], StoredClip>(
    `SELECT ${columns} FROM clip WHERE path > @after ORDER BY path LIMIT @limit`,
  );
  const atPath = db.prepare<[string], StoredClip>(`SELECT ${columns} FROM clip WHERE path = ?`);
  const segments = db.prepare<[{ after: string; limit: number }], StoredSegment>(
    'SELECT id, camera, path, bytes FROM segment WHERE path > @after ORDER BY path LIMIT @limit',
  );
  const segmentAt = db.prepare<[string], StoredSegment>(
    'SELECT id, camera, path, bytes FROM segment WHERE path = ?',
  );
  const count = db.prepare<[], number>('SELECT count(*) FROM clip').pluck();
  const garbageAt = db
    .prepare<[{ path: string }], number>('SELECT 1 FROM garbage WHERE path = @path OR thumbnail = @path')
    .pluck();
  const openAt = db.prepare<[string], number>('SELECT 1 FROM open_segment WHERE path = ?').pluck();
  const garbage = db.prepare<[{ after: string; limit: number }], GarbageRow>(
    'SELECT id, camera, type, path, thumbnail, at FROM garbage WHERE id > @after ORDER BY id LIMIT @limit',
  );
  const quarantined = db.prepare<
    [{ camera: string; id: string; limit: number }],
    { camera: string; id: string; at: number }
  >(
    'SELECT camera, id, at FROM quarantined WHERE (camera, id) > (@camera, @id) ORDER BY camera, id LIMIT @limit',
  );
  const isQuarantined = db
    .prepare<[string, string], number>('SELECT 1 FROM quarantined WHERE camera = ? AND id = ?')
    .pluck();
  const removeQuarantined = db.prepare<[string, string]>(
    'DELETE FROM quarantined WHERE camera = ? AND id = ?',
  );
  const setThumbnail = db.prepare<[string | null, string]>('UPDATE clip SET thumbnail = ? WHERE id = ?');
  const tombstone = db
    .prepare<[string], number>("SELECT 1 FROM chain_entry WHERE subject = ? AND type = 'gone'")
    .pluck();
  return {
    clipsByPath: () =>
      pages(
        '',
        after => byPath.all({ after, limit: pageRows }),
        row => row.path,
      ),
    clipAtPath: path => atPath.get(path),
    segmentsByPath: () =>
      pages(
        '',
        after => segments.all({ after, limit: pageRows }),
        row => row.path,
      ),
    segmentAtPath: path => segmentAt.get(path),
    clipCount: () => count.get() ?? 0,
    damage: () => damage(db),
    brokenReferences: () => brokenReferences(db),
    offenders: rule => offenders(db, rule),
    isGarbage: path => garbageAt.get({ path }) !== undefined,
    garbageRows: () =>
      pages(
        '',
        after => garbage.all({ after, limit: pageRows }),
        row => row.id,
      ),
    quarantinedRows: () =>
      pages(
        { camera: '', id: '' },
        after => quarantined.all({ ...after, limit: pageRows }),
        ({ camera, id }) => ({ camera, id }),
      ),
    isOpenSegment: path => openAt.get(path) !== undefined,
    isQuarantined: (camera, id) => isQuarantined.get(camera, id) !== undefined,
    removeQuarantined: (camera, id) => void removeQuarantined.run(camera, id),
    setThumbnail: (clip, thumbnail) => void setThumbnail.run(thumbnail, clip),
    hasTombstone: clip => tombstone.get(clip) !== undefined,
  };
}

function offenders(db: Db, rule: OffenceRule): Iterable<Offender> {
  const page = db.prepare<[{ after: string | number; limit: number }], Offender>(offences[rule]);
  const start: string | number = numbered.has(rule) ? 0 : '';
  return pages(
    start,
    after => page.all({ after, limit: pageRows }),
    row => row.key,
  );
}

/** Row by row, read in pages: between two of them others may write, and so may whoever reads. */
function* pages<Row, Key>(start: Key, read: (after: Key) => readonly Row[], keyOf: (row: Row) => Key) {
  let after = start;
  for (;;) {
    const rows = read(after);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageRows) return;
    after = keyOf(last);
  }
}

function damage(db: Db): readonly string[] {
  // A database that is badly broken may throw instead of telling.
  try {
    const told = db.pragma(`quick_check(${maxComplaints})`) as Array<{ quick_check: string }>;
    return told.map(each => each.quick_check).filter(text => text !== 'ok');
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

function brokenReferences(db: Db): ReturnType<CheckQueries['brokenReferences']> {
  return db
    .prepare<[], { table: string; parent: string; rows: number }>(
      'SELECT "table", parent, count(*) AS rows FROM pragma_foreign_key_check GROUP BY 1, 2',
    )
    .all();
}
