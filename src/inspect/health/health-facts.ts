// What was seen of the installation at one moment, as the archive writes it into the catalogue at every look: /metrics and
// /readyz are made of it, in another process. Instants are epoch milliseconds.

import type { ReceiverCount } from '../../access/receiver-counts.ts';
import type { GapReason } from '../../domain/footage/coverage.ts';
import type { Role } from '../daemon.ts';
import type { DiskState } from './probe-disk.ts';

export type HealthFacts = Readonly<{
  at: number;
  running: readonly Role[];
  disk: DiskState;
  /** Below so many free bytes uploads are refused. */
  refusedBelowBytes: number;
  /** Counted up to `inboxCountLimit`; null: the disk does not tell. */
  inboxWaiting: number | null;
  quarantined: number;
  certificates: readonly Readonly<{ name: string; endsAt: number }>[];
  cameras: readonly CameraHealth[];
  /** Since the receiver first ran. */
  receiverCounts: readonly ReceiverCount[];
}> &
  SlowFacts;

/** What takes longer to find out, and changes slowly. */
export type SlowFacts = Readonly<{
  /** Null: nothing arrives, or it cannot be told. */
  diskDaysLeft: number | null;
  heldBytes: number;
  mediaBytes: number;
  unmetPromises: number;
  isChainSound: boolean;
  coverage: readonly CoverageFacts[];
}>;

export type CoverageFacts = Readonly<{
  camera: string;
  /** Of the last 24 hours, from 0 to 1; null: nothing was to be recorded. */
  share: number | null;
  missing: readonly Readonly<{ reason: GapReason; ms: number }>[];
}>;

export type CameraHealth = Readonly<{
  camera: string;
  enabled: boolean;
  /** Null: it never sent anything that is a clip. */
  lastSignAt: number | null;
  /** Null: it has no habit yet. */
  silent: boolean | null;
  /** Null: it is not to be recorded now. */
  recording: boolean | null;
  /** Null: not known yet. */
  clockOffsetMs: number | null;
}>;

/** The archive looks every `lookIntervalMs`; what is older than this was left by one that does not look any more. */
export const lookIntervalMs = 30_000;
export const staleMs = 5 * lookIntervalMs;
