import type { Db } from '../base/sqlite.ts';

export type Quarantined = Readonly<{ camera: string; id: string; reason: string; at: number }>;

export type QuarantineList = Readonly<{
  /** Remembers what was put into quarantine/; a second time for the same entry changes nothing. */
  addQuarantined(entry: Quarantined): void;
  /** Newest first. */
  quarantined(limit: number): readonly Quarantined[];
  quarantinedCount(): number;
}>;

export function quarantineQueries(db: Db): QuarantineList {
  const insert = db.prepare<[Quarantined]>(
    'INSERT INTO quarantined (camera, id, reason, at) VALUES (@camera, @id, @reason, @at) ON CONFLICT DO NOTHING',
  );
  const newest = db.prepare<[number], Quarantined>(
    'SELECT camera, id, reason, at FROM quarantined ORDER BY at DESC, camera, id LIMIT ?',
  );
  const count = db.prepare<[], number>('SELECT count(*) FROM quarantined').pluck();
  return {
    addQuarantined: entry => void insert.run(entry),
    quarantined: limit => newest.all(limit),
    quarantinedCount: () => count.get() ?? 0,
  };
}
