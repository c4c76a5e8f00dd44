// What the clients of the torture did and what they were told: the only thing that the oracle believes.

import type { Contents } from './contents.ts';

/** One try of one upload. */
export type Attempt = {
  readonly camera: string;
  readonly path: string;
  readonly contents: Contents;
  /** Of the whole contents. */
  readonly sha256: string;
  /** Taken over by `clipward import`, which proves nothing about its end. */
  readonly isImport?: boolean;
  /** Answered with 226 (an import: ended with 0), so it must never be lost. */
  acknowledged: boolean;
  /** The new name that was asked for, and whether that was answered with 250. */
  renamedTo?: string;
  renameAcknowledged?: boolean;
  /** It was there when a hold on it was made, so it stays. */
  isHeld?: boolean;
  /** Deletion was answered with 250. */
  withdrawn?: boolean;
};

export type Ledger = Readonly<{
  attempts: readonly Attempt[];
  /** Enters an upload before its first byte is sent: it may arrive without an answer. */
  begin(facts: Pick<Attempt, 'camera' | 'path' | 'contents' | 'sha256' | 'isImport'>): Attempt;
  /** Numbers that were not used before. */
  nextNumber(): number;
}>;

export function openLedger(): Ledger {
  const attempts: Attempt[] = [];
  let number = 0;
  return {
    attempts,
    begin(facts) {
      const attempt: Attempt = { ...facts, acknowledged: false };
      attempts.push(attempt);
      return attempt;
    },
    nextNumber: () => ++number,
  };
}
