// One upload, from STOR to its reply. The order is the promise: bytes written and hashed, their end judged, file synced,
// receipt synced, entry renamed into the inbox, directories synced, and only then 226 (archive/uploads.ts does the last
// part). What arrived of a clip that was cut short is published as well, as partial: half a clip of a burglar is evidence.

import { createHash } from 'node:crypto';
import type { UploadReceipt } from '../archive/receipt.ts';
import type { Upload } from '../archive/uploads.ts';
import { errnoOf, messageOf, TransientError } from '../base/errors.ts';
import { judgeCompleteness, startContainerScan } from '../domain/completeness.ts';
import { parentOf } from '../domain/virtual-path.ts';
import { cameraOf, makeDirectories, resolveOrRefuse } from './commands/directory.ts';
import { requireDataConnection, runTransfer } from './data-connection.ts';
import type { DataFacts, DataTls } from './data-tls.ts';
import { gatherBytes } from './incoming-bytes.ts';
import { RefusedError } from './refused-error.ts';
import type { Session } from './session.ts';

/** How many of its own uploads a session can ask about; the oldest are forgotten. */
const maxOwnUploads = 1000;
/** How long a client may take to close its side after the end of its upload. */
const lingerMs = 5000;

/** What the data connection delivered. `endedBy`: null, or the receipt's word for what cut it short. */
type Received = {
  bytes: number;
  sha256: string;
  container: 'whole' | 'cut' | 'unknown';
  closeNotify: boolean;
  endedBy: string | null;
};

export async function stor(session: Session, argument: string | null): Promise<void> {
  if (argument === null) throw new RefusedError(501, 'STOR needs a name.');
  const camera = cameraOf(session);
  requireDataConnection(session);
  const path = resolveOrRefuse(session, argument);
  if (path === '' || session.hall.memory.hasDirectory(camera, path))
    throw new RefusedError(553, 'That is a directory.');
  const startedAtMs = session.hall.clock.now();
  const upload = await beginUpload(session, { camera, path, sentAs: argument, startedAtMs });
  let isPublished = false;
  try {
    await runTransfer(session, async (data, signal) => {
      const received = await receive(session, upload, data, signal);
      const outcome = await conclude(
        session,
        upload,
        { path, sentAs: argument, startedAtMs },
        data,
        received,
      );
      isPublished = outcome.isPublished;
      return outcome.reply;
    });
  } finally {
    if (!isPublished)
      await upload
        .discard()
        .catch(error => session.log.warn({ error: messageOf(error) }, 'upload not discarded'));
  }
}

async function beginUpload(
  session: Session,
  facts: { camera: string; path: string; sentAs: string; startedAtMs: number },
): Promise<Upload> {
  const { uploads, settings } = session.hall;
  if ((await uploads.freeBytes()) < settings.limits.minFreeBytes) {
    session.log.error('upload refused, disk is full');
    throw new RefusedError(452, 'Not enough space, try again later.');
  }
  // Cameras differ in whether they send MKD first.
  if (parentOf(facts.path) !== '') makeDirectories(session, parentOf(facts.path));
  try {
    return await uploads.begin({
      camera: facts.camera,
      sentAs: facts.sentAs,
      path: facts.path,
      startedAt: new Date(facts.startedAtMs).toISOString(),
      peer: session.peer,
      listener: session.listener,
      controlTls: controlTlsOf(session),
    });
  } catch (error) {
    throw storageRefusal(session, error);
  }
}

async function receive(
  session: Session,
  upload: Upload,
  data: DataTls,
  signal: AbortSignal,
): Promise<Received> {
  const { dataStallTimeoutMs, maxUploadBytes } = session.hall.settings.limits;
  const incoming = gatherBytes(data.socket, { stallTimeoutMs: dataStallTimeoutMs, signal });
  const hash = createHash('sha256');
  const scan = startContainerScan();
  let bytes = 0;
  let endedBy: string | null = null;
  try {
    for (let batch = await incoming.next(); batch !== null; batch = await incoming.next()) {
      bytes += batch.reduce((sum, piece) => sum + piece.length, 0);
      if (bytes > maxUploadBytes) {
        bytes -= batch.reduce((sum, piece) => sum + piece.length, 0);
        endedBy = 'too-large';
        break;
      }
      const written = upload.write(batch);
      for (const piece of batch) {
        hash.update(piece);
        scan.push(piece);
      }
      await written;
    }
  } catch (error) {
    if (!signal.aborted) {
      data.socket.destroy();
      throw storageRefusal(session, error);
    }
    endedBy = String(signal.reason);
  }
  const end = incoming.end();
  const closeNotify = end === 'ended' && data.endedWithCloseNotify();
  if (endedBy === null && end !== 'ended') endedBy = end;
  return {
    bytes,
    sha256: hash.digest('hex'),
    container: scan.verdict(),
    closeNotify: closeNotify && endedBy === null,
    endedBy,
  };
}

async function conclude(
  session: Session,
  upload: Upload,
  facts: { path: string; sentAs: string; startedAtMs: number },
  data: DataTls & { facts: DataFacts },
  received: Received,
): Promise<{ isPublished: boolean; reply: { code: number; text: string } }> {
  // Before the disk work: some clients wait for our close_notify before they listen for 226 (Python's ftplib).
  letGo(data);
  const { closeNotify, container, bytes } = received;
  const truncation = session.camera?.truncation ?? session.hall.settings.tls.truncation;
  const judged =
    received.endedBy === null
      ? judgeCompleteness({ closeNotify, container, truncation, repeat: false, bytes })
      : ({ completeness: 'partial', basis: 'none', reply: 426 } as const);
  const endedBy = judged.completeness === 'partial' ? (received.endedBy ?? 'truncated') : null;
  const log = session.log.child({ upload: upload.id, bytes, completeness: judged.completeness });
  if (bytes === 0 && judged.completeness === 'partial') {
    log.info({ endedBy }, 'upload ended without a byte');
    return { isPublished: false, reply: refusalFor(endedBy) };
  }
  const finishedAtMs = session.hall.clock.now();
  const receipt = receiptOf(session, upload, facts, received, data.facts, {
    completeness: judged.completeness,
    completenessBasis: judged.basis,
    endedBy,
    finishedAtMs,
  });
  try {
    await upload.publish(receipt);
  } catch (error) {
    throw storageRefusal(session, error);
  }
  rememberOwnUpload(session, facts.path, { uploadId: upload.id, bytes, modifiedAtMs: finishedAtMs });
  if (judged.completeness === 'partial') {
    log.warn({ endedBy }, 'upload was cut short, what arrived is kept');
    return { isPublished: true, reply: refusalFor(endedBy) };
  }
  log.info({ basis: judged.basis, durationMs: finishedAtMs - facts.startedAtMs }, 'upload published');
  return { isPublished: true, reply: { code: 226, text: 'Stored.' } };
}

function receiptOf(
  session: Session,
  upload: Upload,
  facts: { path: string; sentAs: string; startedAtMs: number },
  received: Received,
  data: DataFacts,
  end: Pick<UploadReceipt, 'completeness' | 'completenessBasis' | 'endedBy'> & { finishedAtMs: number },
): UploadReceipt {
  return {
    version: 1,
    type: 'upload',
    id: upload.id,
    camera: cameraOf(session),
    sentAs: facts.sentAs,
    path: facts.path,
    bytes: received.bytes,
    sha256: received.sha256,
    startedAt: new Date(facts.startedAtMs).toISOString(),
    finishedAt: new Date(end.finishedAtMs).toISOString(),
    peer: session.peer,
    listener: session.listener,
    controlTls: controlTlsOf(session),
    dataTls: data.tls,
    dataBound: data.isBound,
    completeness: end.completeness,
    completenessBasis: end.completenessBasis,
    endedBy: end.endedBy,
  };
}

/** 552 for what can never fit, 426 for what the client should send again. */
function refusalFor(endedBy: string | null): { code: number; text: string } {
  if (endedBy === 'too-large') return { code: 552, text: 'File is too large.' };
  return { code: 426, text: 'The upload was cut short, send it again.' };
}

/** 452 when space may come back, 451 for any other trouble with the disk; the operator sees it in the log. */
function storageRefusal(session: Session, error: unknown): unknown {
  const errno = errnoOf(error) ?? errnoOf((error as { cause?: unknown } | null)?.cause);
  if (error instanceof RefusedError || (errno === undefined && !(error instanceof TransientError)))
    return error;
  session.log.error({ errno: errno ?? null, error: messageOf(error) }, 'upload could not be stored');
  const isFull = errno === 'ENOSPC' || errno === 'EDQUOT' || errno === undefined;
  return isFull
    ? new RefusedError(452, 'Not enough space, try again later.', { cause: error })
    : new RefusedError(451, 'Local error, try again later.', { cause: error });
}

function letGo(data: DataTls): void {
  data.finish();
  const linger = setTimeout(() => data.socket.destroy(), lingerMs);
  data.socket.once('close', () => clearTimeout(linger));
  data.socket.resume();
}

function rememberOwnUpload(
  session: Session,
  path: string,
  upload: { uploadId: string; bytes: number; modifiedAtMs: number },
): void {
  session.ownUploads.delete(path);
  session.ownUploads.set(path, upload);
  const oldest = session.ownUploads.size > maxOwnUploads ? session.ownUploads.keys().next().value : undefined;
  if (oldest !== undefined) session.ownUploads.delete(oldest);
}

function controlTlsOf(session: Session): UploadReceipt['controlTls'] {
  if (session.tls === null) throw new Error('an upload began without TLS on the control connection');
  return session.tls;
}
