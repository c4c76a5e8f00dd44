import type { Completeness, CompletenessBasis } from '../domain/clip.ts';

/**
 * The receipt of a file that check found under clips/ without a row: nobody knows any more how it came, so it says what the
 * file itself shows. It is no receipt of receipt.ts, and an entry of the inbox that claims to be one is refused.
 */
export type RecoveredReceipt = Readonly<{
  version: 1;
  type: 'recovered';
  /** These two and receivedAt are read from the name of the stored file, which the archive made. */
  id: string;
  camera: string;
  receivedAt: string;
  /** Relative to the data directory. */
  storedAs: string;
  bytes: number;
  sha256: string;
  recoveredAt: string;
  completeness: Completeness;
  completenessBasis: CompletenessBasis;
}>;
