// A recorder with real pulls: ffmpeg, a fake camera, files, the catalogue; and what must hold after every fault.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { systemClock } from '../../src/base/clock.ts';
import { spansBetween } from '../../src/domain/footage/coverage.ts';
import { parseRtspAddress } from '../../src/domain/rtsp/rtsp-address.ts';
import { meanHoldMs } from '../../src/record/ffmpeg-door.ts';
import { startPull } from '../../src/record/pull.ts';
import type { CameraSource } from '../../src/record/recorder-parts.ts';
import { createSoundMemory } from '../../src/record/sound-memory.ts';
import { startRecorders } from '../../src/record/start-record.ts';
import { password, short } from './pulling.ts';
import { openRecording } from './recording.ts';

/** With limits and delays that are shorter by the factor ten or so, a camera that is back is recorded within this. */
export const backWithinMs = 8000;

export async function recorded(
  t: Test,
  camera: { port: number; maxBitsPerSecond?: number; dataDir?: string },
  searchPath?: string,
) {
  const recording = await openRecording(t, { clock: systemClock, ...camera });
  const sound = createSoundMemory(systemClock);
  const { log } = recording.parts;
  const source: CameraSource = {
    key: 'a',
    // As in the daemon.
    meanHoldMs,
    async pull(sink) {
      const { address } = parseRtspAddress(`rtsp://admin@127.0.0.1:${camera.port}/stream`);
      if (!address) throw new Error('an address was expected');
      return startPull(
        { clock: systemClock, limits: short, ...(searchPath !== undefined && { searchPath }) },
        {
          ...{ address, fingerprint: null, sound, ...sink, wantsAudio: true, log },
          credentials: { user: 'admin', password, allowBasic: false },
          maxBitsPerSecond: camera.maxBitsPerSecond ?? 64e6,
          onAudioLost: reason => log.warn({ camera: 'den', reason }, 'sound is not recorded'),
        },
      );
    },
  };
  const recorders = await startRecorders({
    parts: recording.parts,
    cameras: () => [{ name: 'den', timeZone: 'UTC', record: 'on', source }],
  });
  const startAt = Date.now();
  const recordingLines = (count: number) => recording.waitForLog(({ msg }) => msg === 'recording', count);
  let isOver = false;
  const stop = async () => {
    if (isOver) return;
    isOver = true;
    await recorders[Symbol.asyncDispose]();
  };
  t.teardown(stop);
  return {
    ...recording,
    recorders,
    recordingLines,
    stop,
    /** Stops it; everything is accounted for, plays, and no secret is in the log. */
    async finish() {
      await stop();
      const segments = recording.segments('den');
      const within = { startAt, endAt: Math.max(...segments.map(({ endAt }) => endAt)) };
      // What follows the last one is the end of the test.
      const gaps = recording.gaps('den').filter(gap => gap.startAt < within.endAt);
      const holes = spansBetween([...segments, ...gaps], within).filter(
        ({ startAt: from, endAt }) => endAt - from > 50,
      );
      t.strictSame(holes, [], 'every moment is in a segment or in a gap');
      t.strictSame(recording.filesEnding('.open'), []);
      t.equal(recording.filesEnding('').filter(name => name.endsWith('.mp4')).length, segments.length);
      for (const { path } of segments)
        await promisify(execFile)('ffmpeg', [
          ...['-nostdin', '-v', 'error', '-xerror', '-i', join(recording.dataDir, path), '-f', 'null', '-'],
        ]);
      const text = JSON.stringify(recording.logged);
      if (text.includes(password)) t.fail('the log holds the password');
      t.notMatch(text, /\\u00[01]/, 'no control characters in the log');
      return { segments, gaps };
    },
  };
}

/** The gap between the first and the second run, and that it was short. */
export function gapBetweenRuns(t: Test, { segments, gaps }: Awaited<ReturnType<Recorded['finish']>>): string {
  const first = segments.findLast(({ run }) => run === segments[0]?.run);
  const found = gaps.filter(gap => gap.startAt >= (first?.endAt ?? 0));
  t.equal(found[0]?.startAt, first?.endAt, 'the gap begins where the footage ends');
  t.ok(
    segments.some(({ startAt }) => startAt === found.at(-1)?.endAt),
    'and ends where it goes on',
  );
  return [...new Set(found.map(({ reason }) => reason))].join(', then ');
}

export type Recorded = Awaited<ReturnType<typeof recorded>>;
