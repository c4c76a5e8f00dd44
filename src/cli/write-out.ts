import { writeSync } from 'node:fs';
import { errnoOf } from '../base/errors.ts';

const standardOutput = 1;
/** How long to wait for a reader that is slower than we are. */
const fullPipeMs = 2;
const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes to standard output and returns when it is written: a stream keeps something for each write until the program pauses,
 * and a list of a million rows never does. A reader that has seen enough (`| head`) ends the program.
 */
export function writeOut(text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(standardOutput, bytes, done);
    } catch (error) {
      if (['EPIPE', 'ECONNRESET'].includes(errnoOf(error) ?? '')) process.exit(0);
      if (errnoOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, fullPipeMs);
    }
  }
}
