// Cameras that upload without end until they are told to stop or the daemon is gone. What they do is drawn from the seed;
// when they do it is up to the machine.

import { Readable } from 'node:stream';
import { Client } from 'basic-ftp';
import { type FtpsClient, loginExplicit } from '../support/ftps-client.ts';
import { type Contents, type Studio, sha256Of } from './contents.ts';
import type { Attempt, Ledger } from './ledger.ts';
import type { Random } from './volatile-image.ts';

export type Camera = Readonly<{
  name: string;
  password: string;
  /** `bare`: test/support/ftps-client.ts, which can also cut itself short. `library`: basic-ftp. */
  client: 'bare' | 'library';
}>;

export type Shift = Readonly<{
  camera: Camera;
  port: number;
  ledger: Ledger;
  studio: Studio;
  random: Random;
  signal: AbortSignal;
}>;

/** Works until the signal, or until nobody answers any more. Never rejects for what the daemon does. */
export async function workShift(shift: Shift): Promise<void> {
  while (!shift.signal.aborted) {
    try {
      await (shift.camera.client === 'bare' ? bareSession(shift) : librarySession(shift));
    } catch (error) {
      // Gone in the middle, which is the point; a camera would come back, and does in the next cycle.
      if (!isLoss(error)) throw error;
      return;
    }
  }
}

function isLoss(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  const isCut = /closed|ECONN|EPIPE|socket|greeted with|refused|Timeout|FIN/i;
  return isCut.test(`${code} ${message}`) || (typeof code === 'number' && code >= 400);
}

const uploadsPerSession = 4;

async function bareSession(shift: Shift): Promise<void> {
  const { camera, port, random, signal } = shift;
  const client = await loginExplicit(port, { user: camera.name, password: camera.password });
  const leave = () => client.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    let last: Attempt | undefined;
    for (let upload = 0; upload < uploadsPerSession && !signal.aborted; upload++) {
      const isCutShort = random(6) === 0;
      const attempt = isCutShort ? undefined : draw(shift, last);
      if (attempt === undefined) {
        await uploadCutShort(client, shift);
        continue;
      }
      const { code } = await client.upload(attempt.path, shift.studio.bytesOf(attempt.contents));
      if (code !== 226) continue;
      attempt.acknowledged = true;
      last = attempt;
      if (random(5) === 0) await rename(attempt, path => bareRename(client, attempt.path, path));
      else if (random(6) === 0 && (await client.code(`DELE ${attempt.path}`)) === 250)
        attempt.withdrawn = true;
    }
  } finally {
    signal.removeEventListener('abort', leave);
    client.close();
  }
}

async function bareRename(client: FtpsClient, from: string, to: string): Promise<boolean> {
  return (await client.code(`RNFR ${from}`)) === 350 && (await client.code(`RNTO ${to}`)) === 250;
}

/** Only the beginning is sent, and the connection ends as when a camera loses its network. */
async function uploadCutShort(client: FtpsClient, shift: Shift): Promise<void> {
  const attempt = begin(shift, nameOf(shift), drawContents(shift));
  const bytes = shift.studio.bytesOf(attempt.contents);
  // Not just before the box that nobody needs: what ends there is whole, and says so.
  const beginning = bytes.subarray(0, shift.random(Math.max(1, bytes.length - 64)));
  const ending = shift.random(2) === 0 ? 'fin' : 'reset';
  const { code } = await client.upload(attempt.path, beginning, { ending });
  if (code === 226) throw new Error(`a clip cut short (${ending}) was answered with 226`);
}

async function librarySession(shift: Shift): Promise<void> {
  const { camera, port, random, signal } = shift;
  const client = new Client(20_000);
  const leave = () => client.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    const host = '127.0.0.1';
    const secureOptions = { rejectUnauthorized: false };
    const account = { user: camera.name, password: camera.password };
    await client.access({ host, port, secure: true, secureOptions, ...account });
    let last: Attempt | undefined;
    for (let upload = 0; upload < uploadsPerSession && !signal.aborted; upload++) {
      const attempt = draw(shift, last);
      await client.uploadFrom(Readable.from([shift.studio.bytesOf(attempt.contents)]), attempt.path);
      attempt.acknowledged = true;
      last = attempt;
      if (random(5) === 0)
        await rename(attempt, async path => {
          await client.rename(attempt.path, path);
          return true;
        });
      else if (random(6) === 0) {
        await client.remove(attempt.path);
        attempt.withdrawn = true;
      }
    }
  } finally {
    signal.removeEventListener('abort', leave);
    client.close();
  }
}

async function rename(attempt: Attempt, ask: (path: string) => Promise<boolean>): Promise<void> {
  attempt.renamedTo = `renamed-${attempt.path}`;
  attempt.renameAcknowledged = await ask(attempt.renamedTo);
}

/** Something new, mostly; or the last upload once more, or other bytes under its name; or what was never answered. */
function draw(shift: Shift, last: Attempt | undefined): Attempt {
  const { ledger, camera, random } = shift;
  if (last !== undefined && last.renamedTo === undefined) {
    if (random(8) === 0) return begin(shift, last.path, last.contents);
    if (random(8) === 0) return begin(shift, last.path, drawContents(shift));
  }
  if (random(3) === 0) {
    const mine = ledger.attempts.filter(each => each.camera === camera.name && !each.isImport);
    const answered = new Set(mine.filter(each => each.acknowledged).map(({ sha256 }) => sha256));
    const unanswered = mine.findLast(each => !answered.has(each.sha256));
    if (unanswered !== undefined) return begin(shift, unanswered.path, unanswered.contents);
  }
  return begin(shift, nameOf(shift), drawContents(shift));
}

function begin({ ledger, camera, studio }: Shift, path: string, contents: Contents): Attempt {
  return ledger.begin({ camera: camera.name, path, contents, sha256: sha256Of(studio.bytesOf(contents)) });
}

function nameOf({ ledger, random, camera }: Shift): string {
  const number = ledger.nextNumber();
  if (random(10) === 0) return `test-${number}.txt`;
  const at = new Date(Date.now() - random(3_600_000)).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '');
  return `${camera.name}_${number}_${at}.mp4`;
}

const mebibyte = 1024 * 1024;

function drawContents({ ledger, random }: Shift): Contents {
  const number = ledger.nextNumber();
  const drawn = random(10);
  if (drawn === 0) return { kind: 'video', number, bytes: 0 };
  if (drawn <= 3) return { kind: 'picture', number, bytes: 0 };
  const bytes = drawn === 4 ? mebibyte + random(mebibyte) : 1 + random(100_000);
  return { kind: 'noise', number, bytes };
}
