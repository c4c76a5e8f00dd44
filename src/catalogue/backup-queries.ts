// What a backup asks the catalogue: every file that a row names, in pages, so that reading millions of them keeps nobody
// from writing.

import type { Db } from '../base/sqlite.ts';

/** A clip or a segment as a file. Paths are relative to the data directory. */
export type KeptFile = Readonly<{
  kind: 'clip' | 'segment';
  id: string;
  path: string;
  bytes: number;
  sha256: string;
  /** Of a clip that has one. */
  thumbnail: string | null;
}>;

export type BackupQueries = Readonly<{
  /** Clips, then segments, each by path. */
  keptFiles(): Iterable<KeptFile>;
  /** Undefined when there is no such row (any more). */
  keptFile(kind: KeptFile['kind'], id: string): KeptFile | undefined;
  /** How many there are, thumbnails not counted, and their sizes together. */
  keptTotals(): Readonly<{ files: number; bytes: number }>;
}>;

const pageRows = 1024;
const columns = {
  clip: "'clip' AS kind, id, path, bytes, sha256, thumbnail",
  segment: "'segment' AS kind, id, path, bytes, sha256, NULL AS thumbnail",
} as const;

export function backupQueries(db: Db): BackupQueries {
  const page = (kind: KeptFile['kind']) =>
    db.prepare<[string], KeptFile>(
      `SELECT ${columns[kind]} FROM ${kind} WHERE path > ? ORDER BY path LIMIT ${pageRows}`,
    );
  const byId = (kind: KeptFile['kind']) =>
    db.prepare<[string], KeptFile>(`SELECT ${columns[kind]} FROM ${kind} WHERE id = ?`);
  const pages = { clip: page('clip'), segment: page('segment') };
  const one = { clip: byId('clip'), segment: byId('segment') };
  const totals = db.prepare<[], { files: number; bytes: number }>(`
    SELECT count(*) AS files, ifnull(sum(bytes), 0) AS bytes
    FROM (SELECT bytes FROM clip UNION ALL SELECT bytes FROM segment)`);
  return {
    *keptFiles() {
      for (const kind of ['clip', 'segment'] as const) {
        for (let after = ''; ; ) {
          const rows = pages[kind].all(after);
          yield* rows;
          const last = rows.at(-1);
          if (last === undefined || rows.length < pageRows) break;
          after = last.path;
        }
      }
    },
    keptFile: (kind, id) => one[kind].get(id),
    keptTotals: () => totals.get() ?? { files: 0, bytes: 0 },
  };
}
