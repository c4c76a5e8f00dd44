// I4, I5, and the footage that is being written: what an interruption leaves half done. The next start of the daemon finishes it, so without a daemon it is a remark;
// beside one, and after a while, nobody is at it any more.

import { incomingEntries } from '../../archive/strays.ts';
import { errnoOf } from '../../base/errors.ts';
import { type Finding, remark, violation } from './finding.ts';
import type { CheckParts } from './parts.ts';
import { unreadable } from './strays.ts';

/** An upload that goes on writes every few seconds, and a pass of retention takes its garbage away within moments. */
const abandonedMs = 60 * 60_000;

export async function* checkIncoming(parts: CheckParts): AsyncGenerator<Finding> {
  const isPlayed = parts.isPlayed('receive');
  try {
    for await (const { id, changedAt } of incomingEntries(parts.dataDir)) {
      const facts = { id, path: `incoming/${id}` };
      if (!isPlayed)
        yield remark(
          'incoming-left',
          'An upload was cut short by the end of the receiver.',
          'The next start of the receiver publishes what has arrived of it.',
          facts,
        );
      else if (isAbandoned(parts, changedAt))
        yield violation(
          'incoming-left',
          'An upload in progress has not changed for an hour, and the receiver runs.',
          'Restart the daemon: it publishes at its start what it finds here, and its log says what it cannot.',
          facts,
        );
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    yield unreadable({
      state: 'unreadable',
      path: 'incoming',
      isDirectory: true,
      error: errnoOf(error) ?? '',
    });
  }
}

export function* checkGarbage(parts: CheckParts): Generator<Finding> {
  const isPlayed = parts.isPlayed('archive');
  for (const garbage of parts.catalogue.garbageRows()) {
    if (isPlayed && !isAbandoned(parts, garbage.at)) continue;
    const { id, camera, path } = garbage;
    yield (isPlayed ? violation : remark)(
      'garbage-left',
      `The ${garbage.type} is being deleted, and its file may still be there.`,
      'The next start of the daemon finishes it, and so does clipward check --repair.',
      { camera, id, path, mend: () => parts.repairs.finishGarbage(garbage) },
    );
  }
}

/** The segment that is being written has a row; one that a recorder left is finished by the next. */
export function* checkOpenSegments(parts: CheckParts): Generator<Finding> {
  const isPlayed = parts.isPlayed('outbound');
  for (const { camera, id, path, writtenAt } of parts.catalogue.openSegments()) {
    if (isPlayed && !isAbandoned(parts, writtenAt)) continue;
    yield (isPlayed ? violation : remark)(
      'open-left',
      isPlayed
        ? 'A segment of footage is being written, and has not changed for an hour.'
        : 'Recording was cut short by the end of the recorder.',
      isPlayed
        ? 'Look at the log of the daemon for what keeps it from going on, and restart it.'
        : 'The next start of the recorder files what can be played of it.',
      { camera, id, path: `${path}.open` },
    );
  }
}

/** Either way: a time that lies far ahead was written under a clock that was wrong. */
function isAbandoned(parts: CheckParts, at: number): boolean {
  return Math.abs(parts.clock.now() - at) > abandonedMs;
}
