// Secrets that settings name by a file: the settings themselves may be read by anybody and are shown by commands.

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { errnoOf, FailedError } from '../base/errors.ts';

const maxSecretBytes = 4096;

/**
 * The first line of a file, which nobody else may read. Read each time it is used, so that a new one counts at once. Throws
 * FailedError, which never holds any of it.
 */
export async function readSecretFile(file: string): Promise<string> {
  try {
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await handle.stat();
    if (!stat.isFile()) throw new FailedError(`${file} is not a regular file: put the secret into one.`);
    if ((stat.mode & 0o007) !== 0)
      throw new FailedError(`${file} may be read by other users: chmod 600 it, and replace the secret.`);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxSecretBytes + 1), 0);
    const [line = ''] = buffer.toString('utf8', 0, bytesRead).split(/\r?\n/, 1);
    // Printable, as it stands in a header or a log-in; a longer line has no end here.
    if (bytesRead <= maxSecretBytes && /^[\x20-\x7e]+$/.test(line)) return line;
    throw new FailedError(
      `${file} holds no secret: expected one line of up to ${maxSecretBytes} printable ASCII characters.`,
    );
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw new FailedError(
      `${file} cannot be read (${errnoOf(error)}): put the secret there, for the user that clipward runs as.`,
      { cause: error },
    );
  }
}
