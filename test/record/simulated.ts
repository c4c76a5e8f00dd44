// Recorders whose time is a test's: timers and clock move together, second by second, and the disk keeps up.

import { mock } from 'node:test';
import type { Test } from 'tap';
import { standardDelays } from '../../src/record/recorder-parts.ts';
import { type RecordedCamera, startRecorders } from '../../src/record/start-record.ts';
import { handClock, makeFootage } from './made-footage.ts';
import { openRecording, scriptedSource, secondOf } from './recording.ts';

export const noon = Date.UTC(2026, 10, 21, 12);
export const footage = makeFootage(12);
export const other = makeFootage(12, { size: '320x240' });

const stepMs = 250;

type Recording = Awaited<ReturnType<typeof openRecording>>;

/** `before`: what is there when the recorders start. */
export async function simulated(
  t: Test,
  more: {
    record?: string;
    timeZone?: string;
    before?(recording: Recording & { clock: ReturnType<typeof handClock> }): unknown;
  } = {},
) {
  const clock = handClock(noon);
  const recording = await openRecording(t, { clock, delays: standardDelays });
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  t.teardown(() => mock.timers.reset());
  const script = scriptedSource();
  const den: RecordedCamera = {
    name: 'den',
    timeZone: more.timeZone ?? 'UTC',
    record: more.record ?? 'on',
    source: script.source,
  };
  let cameras: () => readonly RecordedCamera[] = () => [den];
  const quiet = async () => {
    for (let calm = 0; calm < 4; ) {
      await new Promise(resolve => setImmediate(resolve));
      calm = recording.disk.pending === 0 ? calm + 1 : 0;
    }
  };
  const pass = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      clock.pass(stepMs);
      mock.timers.tick(stepMs);
      await quiet();
    }
  };
  await more.before?.({ ...recording, clock });
  const recorders = await startRecorders({ parts: recording.parts, cameras: () => cameras() });
  await quiet();
  let second = 0;
  /** Media of the camera, a second at a time; nothing when nobody is connected. */
  const bring = async (seconds: number, from = footage) => {
    for (let count = 0; count < seconds; count++) {
      await pass(1000);
      const sink = script.sink();
      if (sink) sink.onFragment(secondOf(from, second));
      second++;
      await quiet();
    }
  };
  return {
    ...{ ...recording, clock, script, den, recorders, pass, quiet, bring },
    set(next: readonly RecordedCamera[]) {
      cameras = () => next;
    },
    /** The accounts cannot be read until `set`. */
    hide() {
      cameras = () => {
        throw new Error('the accounts cannot be read');
      };
    },
    /** What the connection begins with. */
    async connect(from = footage) {
      for (let tries = 0; script.sink() === undefined && tries < 200; tries++) await pass(stepMs);
      await pass(500);
      script.sink()?.onInit(from.init);
      await quiet();
    },
    skipMedia: (seconds: number) => {
      second += seconds;
    },
    async stop() {
      const stopping = recorders[Symbol.asyncDispose]();
      await quiet();
      await stopping;
    },
  };
}

export type Simulated = Awaited<ReturnType<typeof simulated>>;
