// The bytes of one upload, from the data connection to the file: written, hashed and looked at while they come, within the
// limits of size, day, disk, silence and pace.

import { createHash } from 'node:crypto';
import type { Upload } from '../archive/uploads.ts';
import { errnoOf, messageOf } from '../base/errors.ts';
import { type ContainerVerdict, startContainerScan } from '../domain/completeness.ts';
import type { DataTls } from './data-tls.ts';
import { gatherBytes } from './incoming-bytes.ts';
import type { FileQuota } from './quota.ts';
import type { Session } from './session.ts';

/** Why an upload ended before its end; the words stand in receipts. */
export type CutReason =
  /** FIN without close_notify, and nothing in the bytes says that they are all there. */
  | 'truncated'
  | 'reset'
  | 'stalled'
  | 'too-slow'
  | 'too-large'
  | 'quota'
  | 'disk-full'
  | 'disk-error'
  /** ABOR, a control connection that died, an account that was changed, the end of the daemon. */
  | 'aborted'
  | 'disconnected'
  | 'account-changed'
  | 'shutdown';

export type ReceivedBytes = Readonly<{
  bytes: number;
  sha256: string;
  container: ContainerVerdict;
  closeNotify: boolean;
  /** Null when the data connection ended by itself, which may still be too early. */
  cutBy: CutReason | null;
}>;

/** The floor of free disk is looked at again after so many bytes. */
const floorCheckBytes = 64 * 1024 * 1024;

/** Reads until the end, whatever ends it; never throws for what a client, a quota or the disk does. */
export async function receiveBytes(
  session: Session,
  upload: Upload,
  data: DataTls,
  quota: FileQuota,
  signal: AbortSignal,
): Promise<ReceivedBytes> {
  const { limits } = session.hall.settings;
  const incoming = gatherBytes(data.socket, {
    stallTimeoutMs: limits.dataStallTimeoutMs,
    minBytesPerSecond: limits.minUploadBytesPerSecond,
    signal,
  });
  let hash = createHash('sha256');
  const scan = startContainerScan();
  let bytes = 0;
  let nextFloorCheck = floorCheckBytes;

  const copy = async (): Promise<CutReason | null> => {
    for (let batch = await incoming.next(); batch !== null; batch = await incoming.next()) {
      const size = batch.reduce((sum, piece) => sum + piece.length, 0);
      const fitting = Math.min(size, limits.maxUploadBytes - bytes);
      const allowed = quota.take(fitting);
      // What still fits is kept, so that a partial holds all that its limits let in.
      const kept = allowed < size ? firstBytes(batch, allowed) : batch;
      // Hashing on another thread was measured (docs/performance.md): more CPU, and no faster on two cores.
      const before = hash.copy();
      const written = upload.write(kept);
      for (const piece of kept) {
        hash.update(piece);
        scan.push(piece);
      }
      try {
        await written;
      } catch (error) {
        // The file holds what was written before (archive/uploads.ts), and the receipt must say no more.
        hash = before;
        throw error;
      }
      bytes += allowed;
      if (allowed < fitting) return 'quota';
      if (fitting < size) return 'too-large';
      if (bytes < nextFloorCheck) continue;
      nextFloorCheck = bytes + floorCheckBytes;
      if ((await session.hall.uploads.freeBytes()) < limits.minFreeBytes) return 'disk-full';
    }
    return null;
  };

  let cutBy: CutReason | null;
  try {
    cutBy = await copy();
  } catch (error) {
    cutBy = signal.aborted ? (signal.reason as CutReason) : diskTrouble(session, error);
  } finally {
    incoming.release();
  }
  const end = incoming.end();
  if (cutBy === null && end !== 'ended') cutBy = end;
  if (cutBy !== null) data.socket.destroy();
  return {
    bytes,
    sha256: hash.digest('hex'),
    container: scan.verdict(),
    closeNotify: cutBy === null && data.endedWithCloseNotify(),
    cutBy,
  };
}

function firstBytes(batch: readonly Buffer[], count: number): Buffer[] {
  const kept: Buffer[] = [];
  let left = count;
  for (const piece of batch) {
    if (left <= 0) break;
    kept.push(piece.subarray(0, left));
    left -= piece.length;
  }
  return kept;
}

/** A bug of ours passes through: it has no errno. */
function diskTrouble(session: Session, error: unknown): CutReason {
  const errno = errnoOf(error) ?? errnoOf((error as { cause?: unknown } | null)?.cause);
  if (errno === undefined) throw error;
  session.log.error({ errno, error: messageOf(error) }, 'upload could not be stored');
  return errno === 'ENOSPC' || errno === 'EDQUOT' ? 'disk-full' : 'disk-error';
}
