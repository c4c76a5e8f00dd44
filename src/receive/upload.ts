// One upload, from STOR to its reply. The order is the promise: bytes written and hashed, their end judged, file synced,
// receipt synced, entry renamed into the inbox, directories synced, and only then 226 (archive/uploads.ts does the last
// part). What arrived of a clip that was cut short is published as well, as partial: half a clip of a burglar is evidence.

import type { UploadReceipt } from '../archive/receipt.ts';
import type { Upload } from '../archive/uploads.ts';
import { errnoOf, messageOf, TransientError } from '../base/errors.ts';
import { judgeCompleteness } from '../domain/completeness.ts';
import { parentOf } from '../domain/virtual-path.ts';
import { cameraOf, makeDirectories, resolveOrRefuse } from './commands/directory.ts';
import { requireDataConnection, runTransfer, type SecuredData } from './data-connection.ts';
import type { DataTls } from './data-tls.ts';
import { noteDown } from './note-down.ts';
import type { FileQuota } from './quota.ts';
import { RefusedError } from './refused-error.ts';
import type { OwnUpload, Session } from './session.ts';
import { type CutReason, type ReceivedBytes, receiveBytes } from './upload-bytes.ts';

/** How many of its own uploads a session can ask about; the oldest are forgotten. */
const maxOwnUploads = 1000;
/** How long a client may take to close its side after the end of its upload. */
const lingerMs = 5000;

type Reply = Readonly<{ code: number; text: string }>;
/** What was known when STOR arrived. */
type Request = Readonly<{ camera: string; path: string; sentAs: string; startedAtMs: number }>;

export async function stor(session: Session, argument: string | null): Promise<void> {
  if (argument === null) throw new RefusedError(501, 'STOR needs a name.');
  const camera = cameraOf(session);
  requireDataConnection(session);
  const path = resolveOrRefuse(session, argument);
  if (path === '' || session.hall.memory.hasDirectory(camera, path)) {
    throw new RefusedError(553, 'That is a directory.');
  }
  const request = { camera, path, sentAs: argument, startedAtMs: session.hall.clock.now() };
  const quota = openQuota(session);
  try {
    const upload = await beginUpload(session, request);
    try {
      await runTransfer(session, async (data, signal) => {
        const received = await receiveBytes(session, upload, data, quota, signal);
        // Before the disk work: some clients wait for our close_notify before they listen for 226 (Python's ftplib).
        letGo(data);
        return conclude(session, upload, request, data, received);
      });
    } finally {
      // Does nothing once it is published.
      await upload.discard();
    }
  } finally {
    noteDown(session.log, () => quota.close());
  }
}

function openQuota(session: Session): FileQuota {
  const quota = session.camera === null ? undefined : session.hall.quotas.openFile(session.camera);
  if (quota !== undefined) return quota;
  session.log.warn({ camera: session.camera?.name }, 'upload refused, the camera has used up its day');
  throw new RefusedError(452, 'The quota of this day is used up.');
}

async function beginUpload(session: Session, request: Request): Promise<Upload> {
  const { uploads, settings } = session.hall;
  const { camera, sentAs, path, startedAtMs } = request;
  try {
    if ((await uploads.freeBytes()) < settings.limits.minFreeBytes) {
      session.log.error('upload refused, disk is full');
      throw new RefusedError(452, 'Not enough space, try again later.');
    }
    // Cameras differ in whether they send MKD first.
    rememberDirectories(session, parentOf(path));
    return await uploads.begin({
      camera,
      sentAs,
      path,
      startedAt: new Date(startedAtMs).toISOString(),
      peer: session.peer,
      listener: session.listener,
      controlTls: controlTlsOf(session),
    });
  } catch (error) {
    throw storageRefusal(session, error);
  }
}

/** An upload needs no directory to be stored; only CWD later asks for it. */
function rememberDirectories(session: Session, path: string): void {
  if (path === '') return;
  let refusal: RefusedError | undefined;
  noteDown(session.log, () => {
    try {
      makeDirectories(session, path);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      refusal = error;
    }
  });
  if (refusal !== undefined) throw refusal;
}

async function conclude(
  session: Session,
  upload: Upload,
  request: Request,
  data: SecuredData,
  received: ReceivedBytes,
): Promise<Reply> {
  const judged = judge(session, request, received);
  const { bytes } = received;
  const log = session.log.child({ upload: upload.id, bytes, completeness: judged.completeness });
  const answered = (reply: Reply): Reply => {
    const closeNotify = received.cutBy === null ? received.closeNotify : null;
    const { completeness, endedBy } = judged;
    const event = {
      kind: 'uploaded',
      path: request.path,
      bytes,
      completeness,
      closeNotify,
      endedBy,
    } as const;
    session.hall.observe(session, { ...event, reply: reply.code });
    return reply;
  };
  if (bytes === 0 && judged.endedBy !== null) {
    log.info({ endedBy: judged.endedBy }, 'upload ended without a byte');
    return answered(refusalFor(judged.endedBy));
  }
  const finishedAtMs = session.hall.clock.now();
  try {
    await upload.publish(receiptOf(session, upload, request, received, data, { ...judged, finishedAtMs }));
  } catch (error) {
    throw storageRefusal(session, error);
  }
  rememberOwnUpload(session, request.path, {
    uploadId: upload.id,
    bytes,
    modifiedAtMs: finishedAtMs,
    renames: 0,
  });
  if (judged.endedBy !== null) {
    log.warn({ endedBy: judged.endedBy }, 'upload was cut short, what arrived is kept');
    return answered(refusalFor(judged.endedBy));
  }
  log.info(
    { basis: judged.completenessBasis, durationMs: finishedAtMs - request.startedAtMs },
    'upload published',
  );
  return answered({ code: 226, text: 'Stored.' });
}

type Judged = Pick<UploadReceipt, 'completeness' | 'completenessBasis'> & { endedBy: CutReason | null };

function judge(session: Session, { camera, path }: Request, received: ReceivedBytes): Judged {
  const { cutBy, closeNotify, container, bytes, sha256 } = received;
  if (cutBy !== null) return { completeness: 'partial', completenessBasis: 'none', endedBy: cutBy };
  const { memory, settings, clock } = session.hall;
  const truncation = session.camera?.truncation ?? settings.tls.truncation;
  const repeat = !closeNotify && memory.wasCut({ camera, path, sha256 });
  const { completeness, basis } = judgeCompleteness({ closeNotify, container, truncation, repeat, bytes });
  if (completeness !== 'partial') return { completeness, completenessBasis: basis, endedBy: null };
  if (bytes > 0) noteDown(session.log, () => memory.rememberCut({ camera, path, sha256, atMs: clock.now() }));
  return { completeness, completenessBasis: basis, endedBy: 'truncated' };
}

function receiptOf(
  session: Session,
  upload: Upload,
  request: Request,
  received: ReceivedBytes,
  data: SecuredData,
  { finishedAtMs, ...judged }: Judged & { finishedAtMs: number },
): UploadReceipt {
  return {
    version: 1,
    type: 'upload',
    id: upload.id,
    camera: request.camera,
    sentAs: request.sentAs,
    path: request.path,
    bytes: received.bytes,
    sha256: received.sha256,
    startedAt: new Date(request.startedAtMs).toISOString(),
    finishedAt: new Date(finishedAtMs).toISOString(),
    peer: session.peer,
    listener: session.listener,
    controlTls: controlTlsOf(session),
    dataTls: data.facts.tls,
    dataBound: data.facts.isBound,
    ...judged,
  };
}

const refusals: Partial<Record<CutReason, Reply>> = {
  'too-large': { code: 552, text: 'File is too large.' },
  quota: { code: 552, text: 'The quota of this day is used up.' },
  'disk-full': { code: 452, text: 'Not enough space, try again later.' },
  'disk-error': { code: 451, text: 'Local error, try again later.' },
};

/** 552 for what does not fit, 426 for what the client should send again. */
function refusalFor(endedBy: CutReason): Reply {
  return refusals[endedBy] ?? { code: 426, text: 'The upload was cut short, send it again.' };
}

/** 452 when space may come back, 451 for any other trouble with the disk; the operator sees it in the log. */
function storageRefusal(session: Session, error: unknown): unknown {
  const errno = errnoOf(error) ?? errnoOf((error as { cause?: unknown } | null)?.cause);
  if (error instanceof RefusedError || (errno === undefined && !(error instanceof TransientError)))
    return error;
  session.log.error({ errno: errno ?? null, error: messageOf(error) }, 'upload could not be stored');
  const isFull = errno === 'ENOSPC' || errno === 'EDQUOT' || errno === undefined;
  const { code, text } = refusalFor(isFull ? 'disk-full' : 'disk-error');
  return new RefusedError(code, text, { cause: error });
}

function letGo(data: DataTls): void {
  data.finish();
  const linger = setTimeout(() => data.socket.destroy(), lingerMs);
  data.socket.once('close', () => clearTimeout(linger));
  data.socket.resume();
}

function rememberOwnUpload(session: Session, path: string, upload: OwnUpload): void {
  session.ownUploads.delete(path);
  session.ownUploads.set(path, upload);
  const oldest = session.ownUploads.size > maxOwnUploads ? session.ownUploads.keys().next().value : undefined;
  if (oldest !== undefined) session.ownUploads.delete(oldest);
}

function controlTlsOf(session: Session): UploadReceipt['controlTls'] {
  if (session.tls === null) throw new Error('an upload began without TLS on the control connection');
  return session.tls;
}
