import { type Db, inTransaction } from '../base/sqlite.ts';
import type { Completeness, CompletenessBasis } from '../domain/clip.ts';
import type { ChainAppends } from './chain.ts';
import { type Clip, insertClip, type NewClip } from './clip-row.ts';
import type { EventPlacing } from './events.ts';
import { noSuccession, type Succession, successionMark } from './superseding.ts';

export type StoredReceipt = Readonly<{
  /** The upload's id. */
  upload: string;
  receivedAt: number;
  /** receipt.json as delivered. */
  body: string;
}>;

/** Cameras that never date their names use one for ever; only the latest claims can be of the same hour. */
const maxClaims = 16;

export type Filing = Readonly<{
  /** The oldest clip of this camera with this name and these bytes. */
  sameClip(camera: string, originalPath: string, sha256: string): string | undefined;
  /** What whole clips of this camera with this name and other bytes claim, epoch milliseconds, latest first, some at the most. */
  claimsUnderName(camera: string, originalPath: string, exceptSha256: string): readonly number[];
  /**
   * Files a new clip with the receipt that brought it, in one transaction. Does nothing when that upload was filed
   * before. Answers the id of the clip that the upload is in.
   */
  fileClip(clip: NewClip, receipt: StoredReceipt, succession?: Succession): string;
  /**
   * Adds a receipt to a clip that is there: the same bytes came again under the same name. What the better of the two
   * uploads proved counts. Does nothing when that upload was filed before.
   */
  fileRepeat(
    clip: string,
    receipt: StoredReceipt,
    proof: Readonly<{ completeness: Completeness; completenessBasis: CompletenessBasis }>,
    succession?: Succession,
  ): void;
}>;

export function filingQueries(
  db: Db,
  { chain, placing }: { chain: ChainAppends; placing: EventPlacing },
): Filing {
  const same = db
    .prepare<[string, string, string], string>(
      `SELECT id FROM clip WHERE camera = ? AND original_path = ? AND sha256 = ? ORDER BY received_at, id LIMIT 1`,
    )
    .pluck();
  const claims = db
    .prepare<[string, string, string, number], number>(
      `SELECT claimed_at FROM clip INDEXED BY clip_by_claimed_name
       WHERE camera = ? AND original_path = ? AND sha256 <> ? AND completeness = 'whole' AND claimed_at IS NOT NULL
       ORDER BY claimed_at DESC LIMIT ?`,
    )
    .pluck();
  const clipOf = db.prepare<[string], string>('SELECT clip FROM receipt WHERE upload = ?').pluck();
  const insert = db.prepare<[Clip]>(insertClip);
  const insertReceipt = db.prepare<[StoredReceipt & { clip: string }]>(
    'INSERT INTO receipt (upload, clip, received_at, body) VALUES (@upload, @clip, @receivedAt, @body)',
  );
  const improve = db.prepare<[{ clip: string; completeness: string; completenessBasis: string }]>(`
    UPDATE clip SET completeness = @completeness, completeness_basis = @completenessBasis, superseded_by = NULL
    WHERE id = @clip AND ${rank('@completeness')} > ${rank('completeness')}`);
  const markSuccession = successionMark(db);
  return {
    sameClip: (camera, originalPath, sha256) => same.get(camera, originalPath, sha256),
    claimsUnderName: (camera, originalPath, exceptSha256) =>
      claims.all(camera, originalPath, exceptSha256, maxClaims),
    fileClip: (clip, receipt, succession = noSuccession) =>
      inTransaction(db, () => {
        const known = clipOf.get(receipt.upload);
        if (known !== undefined) return known;
        insert.run({ ...clip, event: null, supersededBy: null });
        insertReceipt.run({ ...receipt, clip: clip.id });
        chain.appendKept({ ...keptFacts(clip), receipt: receipt.body });
        markSuccession(clip.id, succession);
        placing.placeClip(clip.id);
        return clip.id;
      }),
    fileRepeat: (clip, receipt, proof, succession = noSuccession) =>
      inTransaction(db, () => {
        if (clipOf.get(receipt.upload) !== undefined) return;
        insertReceipt.run({ ...receipt, clip });
        improve.run({ clip, ...proof });
        markSuccession(clip, succession);
      }),
  };
}

function rank(expression: string): string {
  return `CASE ${expression} WHEN 'whole' THEN 2 WHEN 'unproven' THEN 1 ELSE 0 END`;
}

function keptFacts({ id, camera, bytes, sha256, receivedAt }: NewClip) {
  return { media: 'clip', id, camera, bytes, sha256, receivedAt } as const;
}
