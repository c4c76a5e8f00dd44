// What the one who looks after the installation keeps: when he last looked, what he saw, starts of roles, and counts.

import { type Db, inTransaction } from '../base/sqlite.ts';
import { habitMs, signMs } from '../domain/habit.ts';
import { keptStarts, type RoleStart } from '../domain/role-starts.ts';

export type DeafTime = Readonly<{ from: number; until: number }>;

/** Counts by name and label, which only grow. */
export type Count = Readonly<{ name: string; label: string; value: number }>;

export type Lookout = Readonly<{
  /**
   * When the archive was last looked at, and what was seen then, as JSON; null before the first time. `deaf`: times in which
   * nobody listened to the cameras, oldest first.
   */
  lookout(
    now: number,
  ): Readonly<{ lookedAt: number | null; facts: string | null; deaf: readonly DeafTime[] }>;
  /** `isHearing`: the receiver runs. */
  noteLook(now: number, isHearing: boolean, facts: string): void;
  /** When this camera first sent anything, and its signs of life (domain/habit.ts); undefined when it never did. */
  signsOfLife(camera: string): Readonly<{ firstAt: number; signs: readonly number[] }> | undefined;
  /** When it last sent something that is neither a test nor a sentinel; undefined: never. */
  lastSign(camera: string): number | undefined;
  counts(): readonly Count[];
  /** Adds to what is there. */
  addCounts(counts: readonly Count[]): void;
  noteStart(role: string, at: number): number;
  noteEnd(id: number, at: number): void;
  /** Newest first. */
  roleStarts(role: string): readonly RoleStart[];
}>;

/** A restart takes less, and a camera that is silent for an hour at the least is not judged by it. */
const deafMs = 10 * 60_000;
/** A machine that is off every night has as many in a quarter of a year. */
const keptDeafTimes = 100;

export function lookoutQueries(db: Db): Lookout {
  type Row = Record<'lookedAt' | 'heardAt', number | null> & { facts: string | null };
  const get = db.prepare<[], Row>(`
    SELECT looked_at AS lookedAt, heard_at AS heardAt, facts FROM lookout`);
  const setLook = db.prepare<[number, string]>('UPDATE lookout SET looked_at = ?, facts = ?');
  const setHeard = db.prepare<[number]>('UPDATE lookout SET heard_at = ?');
  const deafTimes = db.prepare<[], DeafTime>(
    'SELECT from_at AS "from", until_at AS until FROM deaf_time ORDER BY from_at',
  );
  // After a clock that was set back there may be one that begins at the same moment.
  const addDeaf = db.prepare<[DeafTime]>(`
    INSERT INTO deaf_time (from_at, until_at) VALUES (@from, @until)
    ON CONFLICT (from_at) DO UPDATE SET until_at = max(until_at, excluded.until_at)`);
  const trimDeaf = db.prepare<[]>(
    `DELETE FROM deaf_time WHERE from_at <= (SELECT from_at FROM deaf_time ORDER BY from_at DESC LIMIT 1 OFFSET ${keptDeafTimes})`,
  );
  const isSign = "camera = ? AND kind NOT IN ('test', 'sentinel')";
  const first = db
    .prepare<[string], number>(
      `SELECT received_at FROM clip INDEXED BY clip_by_arrival WHERE ${isSign} ORDER BY received_at LIMIT 1`,
    )
    .pluck();
  const last = db
    .prepare<[string], number>(
      `SELECT received_at FROM clip INDEXED BY clip_by_arrival WHERE ${isSign} ORDER BY received_at DESC LIMIT 1`,
    )
    .pluck();
  const next = db
    .prepare<[string, number], number>(
      `SELECT received_at FROM clip INDEXED BY clip_by_arrival WHERE ${isSign} AND received_at >= ? ORDER BY received_at LIMIT 1`,
    )
    .pluck();
  const allCounts = db.prepare<[], Count>('SELECT name, label, value FROM tally ORDER BY name, label');
  const add = db.prepare<[Count]>(`
    INSERT INTO tally (name, label, value) VALUES (@name, @label, @value)
    ON CONFLICT (name, label) DO UPDATE SET value = value + excluded.value`);
  const starts = roleStartQueries(db);

  /** The one that lasts. */
  const deafNow = ({ heardAt }: Row, now: number): readonly DeafTime[] => {
    // Before the first look nobody listened, as far as anybody knows.
    if (heardAt === null) return [{ from: 0, until: now }];
    return now - heardAt > deafMs ? [{ from: heardAt, until: now }] : [];
  };
  const row = () => get.get() as Row;
  return {
    lookout(now) {
      const found = row();
      const { lookedAt, facts } = found;
      return { lookedAt, facts, deaf: [...deafTimes.all(), ...deafNow(found, now)] };
    },
    noteLook: (now, isHearing, facts) =>
      inTransaction(db, () => {
        if (isHearing) {
          for (const deaf of deafNow(row(), now)) addDeaf.run(deaf);
          trimDeaf.run();
          setHeard.run(now);
        }
        setLook.run(now, facts);
      }),
    signsOfLife(camera) {
      const [firstAt, lastAt] = [first.get(camera), last.get(camera)];
      if (firstAt === undefined || lastAt === undefined) return undefined;
      const signs: number[] = [];
      // A step through the index for each sign, however many clips lie between two.
      for (let at = next.get(camera, lastAt - habitMs); at !== undefined; at = next.get(camera, at + signMs))
        signs.push(at);
      if (signs.at(-1) !== lastAt) signs.push(lastAt);
      return { firstAt, signs };
    },
    lastSign: camera => last.get(camera),
    counts: () => allCounts.all(),
    addCounts: counts =>
      inTransaction(db, () => {
        for (const count of counts) add.run(count);
      }),
    ...starts,
  };
}

function roleStartQueries(db: Db): Pick<Lookout, 'noteStart' | 'noteEnd' | 'roleStarts'> {
  const insert = db.prepare<[string, number]>('INSERT INTO role_start (role, at) VALUES (?, ?)');
  const trim = db.prepare<[string, string]>(`
    DELETE FROM role_start WHERE role = ? AND id NOT IN
      (SELECT id FROM role_start WHERE role = ? ORDER BY id DESC LIMIT ${keptStarts})`);
  const end = db.prepare<[number, number]>('UPDATE role_start SET ended_at = ? WHERE id = ?');
  const all = db.prepare<[string], RoleStart>(
    'SELECT at, ended_at AS endedAt FROM role_start WHERE role = ? ORDER BY id DESC',
  );
  return {
    noteStart: (role, at) =>
      inTransaction(db, () => {
        const { lastInsertRowid } = insert.run(role, at);
        trim.run(role, role);
        return Number(lastInsertRowid);
      }),
    noteEnd: (id, at) => void end.run(at, id),
    roleStarts: role => all.all(role),
  };
}
