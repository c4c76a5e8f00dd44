import type { KeptEntry } from '../../domain/chain.ts';

/** Whose media is read again; without any of these all of it. */
export type Selection = Readonly<{
  camera?: string | undefined;
  /** Received at or after this instant: of all times of a clip the one that the chain holds. */
  since?: number | undefined;
  /** Received before this instant. */
  until?: number | undefined;
}>;

export function isSelected(
  { camera, since, until }: Selection,
  clip: Pick<KeptEntry, 'camera' | 'receivedAt'>,
): boolean {
  return (
    (camera === undefined || clip.camera === camera) &&
    (since === undefined || clip.receivedAt >= since) &&
    (until === undefined || clip.receivedAt < until)
  );
}
