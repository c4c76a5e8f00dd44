// DELE, RMD, RNFR and RNTO, for what this very session made: test buttons delete their test file, Axis cameras upload
// under a temporary name and rename. They are answered as the client expects and become notes beside the upload: what got
// its 226 stays stored, so a stolen password cannot erase evidence, not even its own session's.

import { newUploadId } from '../../archive/upload-id.ts';
import { messageOf, TransientError } from '../../base/errors.ts';
import { parentOf } from '../../domain/virtual-path.ts';
import { RefusedError } from '../refused-error.ts';
import type { OwnUpload, Session } from '../session.ts';
import { cameraOf, makeDirectories, resolveOrRefuse } from './directory.ts';

/** Axis renames once. Each is an entry in the inbox, and without this a session could make them for ever. */
const maxRenamesPerUpload = 8;

export async function dele(session: Session, argument: string | null): Promise<void> {
  const { path, upload } = ownUpload(session, argument);
  await publishNote(session, {
    version: 1,
    type: 'withdrawn',
    id: newUploadId(),
    camera: cameraOf(session),
    upload: upload.uploadId,
    at: new Date(session.hall.clock.now()).toISOString(),
  });
  session.ownUploads.delete(path);
  session.log.info({ upload: upload.uploadId }, 'upload withdrawn by its client, kept');
  await session.connection.reply(250, 'Removed.');
}

export async function rmd(session: Session, argument: string | null): Promise<void> {
  if (argument === null) throw new RefusedError(501, 'A name is needed.');
  const path = resolveOrRefuse(session, argument);
  const holdsUpload = [...session.ownUploads.keys()].some(file => file.startsWith(`${path}/`));
  const isOwn = session.ownDirectories.has(path) && !holdsUpload;
  if (!isOwn || session.hall.memory.removeDirectory(cameraOf(session), path) !== 'removed') {
    throw new RefusedError(550, 'Directory not removed.');
  }
  session.ownDirectories.delete(path);
  await session.connection.reply(250, 'Removed.');
}

export async function rnfr(session: Session, argument: string | null): Promise<void> {
  session.renameFrom = ownUpload(session, argument).path;
  await session.connection.reply(350, 'Send the new name.');
}

export async function rnto(session: Session, argument: string | null): Promise<void> {
  const from = session.renameFrom;
  session.renameFrom = null;
  if (from === null) throw new RefusedError(503, 'Send RNFR first.');
  const { upload } = ownUpload(session, `/${from}`);
  if (argument === null) throw new RefusedError(501, 'A name is needed.');
  if (upload.renames >= maxRenamesPerUpload) throw new RefusedError(550, 'Renamed too often.');
  const path = resolveOrRefuse(session, argument);
  if (path === '' || session.hall.memory.hasDirectory(cameraOf(session), path))
    throw new RefusedError(553, 'That is a directory.');
  if (parentOf(path) !== '') makeDirectories(session, parentOf(path));
  await publishNote(session, {
    version: 1,
    type: 'renamed',
    id: newUploadId(),
    camera: cameraOf(session),
    upload: upload.uploadId,
    sentAs: argument,
    path,
    at: new Date(session.hall.clock.now()).toISOString(),
  });
  session.ownUploads.delete(from);
  session.ownUploads.set(path, { ...upload, renames: upload.renames + 1 });
  await session.connection.reply(250, 'Renamed.');
}

async function publishNote(
  session: Session,
  note: Parameters<Session['hall']['uploads']['publishNote']>[0],
): Promise<void> {
  const { uploads, settings } = session.hall;
  try {
    if ((await uploads.freeBytes()) < settings.limits.minFreeBytes) {
      throw new RefusedError(452, 'Not enough space, try again later.');
    }
    await uploads.publishNote(note);
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    session.log.error({ error: messageOf(error) }, 'note could not be stored');
    throw new RefusedError(452, 'Not enough space, try again later.', { cause: error });
  }
}

function ownUpload(session: Session, argument: string | null): { path: string; upload: OwnUpload } {
  if (argument === null) throw new RefusedError(501, 'A name is needed.');
  const path = resolveOrRefuse(session, argument);
  const upload = session.ownUploads.get(path);
  if (upload === undefined) throw new RefusedError(550, 'No such file of this session.');
  return { path, upload };
}
