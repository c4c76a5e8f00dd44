// What cameras have used up of their day, and which uploads were cut short: small tables of receiver.db.

import { type Db, inTransaction } from '../base/sqlite.ts';

export type Usage = Readonly<{ bytes: number; files: number; directories: number }>;

export type DailyUsage = Readonly<{
  /** `day` is a date in UTC, 2026-11-21. */
  usage(camera: string, day: string): Usage;
  /** Adds to a day's usage, durable over a restart of the process. */
  addUsage(camera: string, day: string, more: Partial<Usage>): void;
  /** Forgets all days but this one. */
  forgetUsage(exceptDay: string): void;
}>;

export type CutUploads = Readonly<{
  /** Remembers an upload that was answered 426 although its sender may have thought it whole. */
  rememberCut(cut: { camera: string; path: string; sha256: string; atMs: number }): void;
  wasCut(upload: { camera: string; path: string; sha256: string }): boolean;
}>;

/** Remembered for each camera; the oldest give way. */
export const maxCutUploadsPerCamera = 500;

export function prepareDailyUsage(db: Db): DailyUsage {
  const find = db.prepare<[string, string], Usage>(
    'SELECT bytes, files, directories FROM daily_usage WHERE camera = ? AND day = ?',
  );
  const add = db.prepare(
    `INSERT INTO daily_usage (camera, day, bytes, files, directories) VALUES (@camera, @day, @bytes, @files, @directories)
     ON CONFLICT (camera, day) DO UPDATE SET
       bytes = bytes + excluded.bytes, files = files + excluded.files, directories = directories + excluded.directories`,
  );
  const forget = db.prepare('DELETE FROM daily_usage WHERE day <> ?');
  return {
    usage: (camera, day) => find.get(camera, day) ?? { bytes: 0, files: 0, directories: 0 },
    addUsage: (camera, day, more) =>
      void add.run({ camera, day, bytes: 0, files: 0, directories: 0, ...more }),
    forgetUsage: day => void forget.run(day),
  };
}

export function prepareCutUploads(db: Db): CutUploads {
  const put = db.prepare(
    `INSERT INTO cut_upload (camera, path, sha256, at) VALUES (@camera, @path, @sha256, @atMs)
     ON CONFLICT (camera, path, sha256) DO UPDATE SET at = excluded.at`,
  );
  const trim = db.prepare(
    `DELETE FROM cut_upload WHERE camera = @camera AND at <
       (SELECT at FROM cut_upload WHERE camera = @camera ORDER BY at DESC LIMIT 1 OFFSET ${maxCutUploadsPerCamera - 1})`,
  );
  const find = db.prepare(
    'SELECT 1 FROM cut_upload WHERE camera = @camera AND path = @path AND sha256 = @sha256',
  );
  return {
    rememberCut: cut =>
      inTransaction(db, () => {
        put.run(cut);
        trim.run({ camera: cut.camera });
      }),
    wasCut: upload => find.get(upload) !== undefined,
  };
}
