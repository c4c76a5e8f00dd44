// How doctor may try an upload without the password of any camera: for some seconds there is a pass in the state directory,
// the hash of a random password. Who may write there is the owner, so that nobody else makes one, and the receiver, which may
// run under another user, only reads it. The password itself is in the memory of doctor alone.
//
// What comes with a pass is let in from this machine only, and what it uploads is thrown away (receive/check-visit.ts). A
// doctor that was killed leaves a file that has run out, which the next one replaces.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { writeNewFile } from '../base/durable.ts';
import { errnoOf, TransientError } from '../base/errors.ts';

/** Longer than doctor takes for both listeners, short for a file that a killed one left. */
export const checkPassMs = 20_000;
/** A hash and a time; what is longer is none of ours. */
const maxFileBytes = 128;

export type CheckPass = AsyncDisposable & Readonly<{ password: string }>;

/** Makes the pass; disposing of it takes it away. Throws TransientError while another doctor has one. */
export async function openCheckPass(parts: { stateDir: string; clock: Clock }): Promise<CheckPass> {
  const { stateDir, clock } = parts;
  const file = fileOf(stateDir);
  const password = randomBytes(32).toString('base64url');
  if (readPass(file, clock.now()) !== undefined)
    throw new TransientError('Another clipward doctor is trying an upload just now.');
  await rm(file, { force: true });
  try {
    await writeNewFile(file, `${hashOf(password).toString('hex')} ${clock.now() + checkPassMs}\n`, 'read');
  } catch (error) {
    if (errnoOf(error) === 'EEXIST')
      throw new TransientError('Another clipward doctor is trying an upload just now.', { cause: error });
    // Made, and no room for what is in it.
    await rm(file, { force: true });
    throw error;
  }
  return { password, [Symbol.asyncDispose]: () => rm(file, { force: true }) };
}

/** The receiver's side: what is asked here is asked for connections from this machine alone. */
export type CheckPasses = Readonly<{
  /** Whether a doctor is at work. */
  isExpected(): boolean;
  admits(password: string): boolean;
}>;

export function readCheckPasses(parts: { stateDir: string; clock: Clock }): CheckPasses {
  const read = () => readPass(fileOf(parts.stateDir), parts.clock.now());
  return {
    isExpected: () => read() !== undefined,
    admits: password => {
      const hash = read();
      return hash !== undefined && timingSafeEqual(hash, hashOf(password));
    },
  };
}

function fileOf(stateDir: string): string {
  return join(stateDir, 'check-pass');
}

/** The hash, while it counts. A clock that was set back makes no pass count for longer than it was made for. */
function readPass(file: string, nowMs: number): Buffer | undefined {
  const text = readShortFile(file);
  const [, hash, until] = /^([0-9a-f]{64}) (\d{1,15})\n$/.exec(text ?? '') ?? [];
  const leftMs = Number(until) - nowMs;
  return hash !== undefined && leftMs > 0 && leftMs <= checkPassMs ? Buffer.from(hash, 'hex') : undefined;
}

/** What cannot be read is no pass: a log-in is then refused as with any wrong name. */
function readShortFile(file: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const bytes = Buffer.alloc(maxFileBytes);
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, maxFileBytes, 0));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Of 256 random bits: no salt and no slow hash could make it harder to guess. */
function hashOf(password: string): Buffer {
  return createHash('sha256').update(password).digest();
}
