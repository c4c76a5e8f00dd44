// Passwords of the cameras' own streams. Unlike those of accounts they must be shown to the cameras, so that they are kept
// as they are: a file for each, in a directory that the receiver's user cannot enter, never in a database that it reads.

import { constants, lstatSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { closeToOthers, makeDirectory, replaceFile, syncDirectory, temporaryOf } from '../base/durable.ts';
import { errnoOf, FailedError } from '../base/errors.ts';
import { isCameraName } from '../domain/camera-name.ts';

/** What cameras take: they allow 31 to 127 characters. */
export const maxStreamPasswordLength = 128;

/** Printable ASCII: what stands in a Digest hash, the same for every camera and every keyboard. */
export function isStreamPassword(text: string): boolean {
  return text.length <= maxStreamPasswordLength && /^[\x20-\x7e]+$/.test(text);
}

/** Durable when it resolves. For its owner, and whoever `secrets/` lends to: who records may be another user. */
export async function writeStreamPassword(stateDir: string, camera: string, password: string): Promise<void> {
  const directory = directoryOf(stateDir);
  await makeDirectory(dirname(directory));
  await makeDirectory(directory, 'read');
  await closeToOthers(directory);
  await replaceFile(fileOf(stateDir, camera), password, 'read');
}

/** Also what a crash left while one was written. Durable when it resolves; does nothing when there is none. */
export async function removeStreamPassword(stateDir: string, camera: string): Promise<void> {
  const path = fileOf(stateDir, camera);
  try {
    for (const each of [path, temporaryOf(path)]) await rm(each, { force: true });
    await syncDirectory(directoryOf(stateDir));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw new FailedError(
      `The password of the stream of ${camera} cannot be removed (${errnoOf(error)}): remove ${path} by hand.`,
      { cause: error },
    );
  }
}

/** Whether one is kept, readable or not. False also for who may not look. */
export function hasStreamPassword(stateDir: string, camera: string): boolean {
  try {
    return lstatSync(fileOf(stateDir, camera), { throwIfNoEntry: false })?.isFile() ?? false;
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return false;
    throw error;
  }
}

/** Null when there is none. Throws FailedError when it cannot be read. */
export async function readStreamPassword(stateDir: string, camera: string): Promise<string | null> {
  const path = fileOf(stateDir, camera);
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxStreamPasswordLength + 1), 0);
    const text = buffer.toString('latin1', 0, bytesRead);
    if (isStreamPassword(text)) return text;
    throw new FailedError(`${path} holds no password: set it again with clipward camera set ${camera}.`);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    if (errnoOf(error) === undefined) throw error;
    throw new FailedError(`${path} cannot be read (${errnoOf(error)}): look at its rights.`, {
      cause: error,
    });
  }
}

/** Changes whenever the password is set or removed: it is always another file. */
export function streamPasswordMark(stateDir: string, camera: string): string {
  try {
    const found = lstatSync(fileOf(stateDir, camera), { bigint: true, throwIfNoEntry: false });
    return found === undefined ? 'ENOENT' : `${found.ino} ${found.mtimeNs}`;
  } catch (error) {
    // Whoever reads it then says what is wrong.
    return errnoOf(error) ?? 'unknown';
  }
}

function directoryOf(stateDir: string): string {
  return join(stateDir, 'secrets', 'rtsp');
}

function fileOf(stateDir: string, camera: string): string {
  if (!isCameraName(camera)) throw new Error('the name of a camera was expected');
  return join(directoryOf(stateDir), camera);
}
