// Recorders over a real catalogue and real files, with faults that a test orders.

import { generateKeyPairSync, sign } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type FootageFile, openFootageFiles } from '../../src/archive/footage-files.ts';
import { openMarker } from '../../src/archive/marker.ts';
import type { Clock } from '../../src/base/clock.ts';
import { openLog } from '../../src/base/log.ts';
import { type Catalogue, openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Segment } from '../../src/catalogue/footage.ts';
import type { Gap } from '../../src/domain/footage/coverage.ts';
import { type Fragment, shiftFragment } from '../../src/domain/footage/fragment-reader.ts';
import type {
  CameraSource,
  PullSink,
  RecorderDelays,
  RecorderParts,
} from '../../src/record/recorder-parts.ts';
import { StreamError } from '../../src/record/stream-error.ts';
import type { MadeFootage } from './made-footage.ts';

const { privateKey } = generateKeyPairSync('ed25519');

export const shortDelays: RecorderDelays = {
  firstRetryMs: 100,
  maxRetryMs: 400,
  diskRetryMs: 100,
  diskLookMs: 50,
};

/** Named as the functions of FootageFiles, FootageFile and Catalogue; the error that the next calls end with. */
export type Faults = Map<string, Error>;

export async function openRecording(
  t: Test,
  options: { clock: Clock; delays?: RecorderDelays; dataDir?: string; segmentMs?: number },
) {
  const root = t.testdir();
  const dataDir = options.dataDir ?? join(root, 'data');
  const stateDir = join(root, 'state');
  const archiveId = await openMarker({ dataDir, stateDir });
  const catalogue = openCatalogue({
    file: join(stateDir, 'catalogue.db'),
    chain: {
      archiveId,
      sign: text => sign(null, Buffer.from(text), privateKey).toString('base64'),
      now: () => options.clock.now(),
    },
  });
  t.teardown(() => catalogue[Symbol.dispose]());
  const logged: Array<Record<string, unknown> & { msg: string }> = [];
  const waiting = new Set<() => void>();
  const log = openLog({
    level: 'debug',
    stream: {
      write(line: string) {
        logged.push(JSON.parse(line));
        for (const wake of waiting) wake();
      },
    },
  });
  const faults: Faults = new Map();
  const room = { freeBytes: 1e9 };
  const disk = { pending: 0 };
  const files = openFootageFiles({ dataDir, archiveId });
  const watched =
    <Args extends unknown[], Result>(name: string, work: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      disk.pending++;
      try {
        const fault = faults.get(name);
        if (fault) throw fault;
        return await work(...args);
      } finally {
        disk.pending--;
      }
    };
  const watchedFile = (file: FootageFile): FootageFile => ({
    append: watched('append', (...pieces: Uint8Array[]) => file.append(...pieces)),
    sync: watched('sync', () => file.sync()),
    // A fault of ours comes before what closes the file.
    finish: watched('closing', () =>
      watched('finish', () => file.finish())().catch(async error => {
        await file.leave().catch(() => {});
        throw error;
      }),
    ),
    leave: watched('leave', () => file.leave()),
  });
  const parts: RecorderParts = {
    catalogue: new Proxy(catalogue, {
      get(target, name, receiver) {
        const fault = faults.get(String(name));
        if (fault)
          return () => {
            throw fault;
          };
        return Reflect.get(target, name, receiver);
      },
    }) as Catalogue,
    files: {
      create: watched('create', async path => watchedFile(await files.create(path))),
      recover: watched('recover', (path, options) => files.recover(path, options)),
    },
    freeBytes: async () => room.freeBytes,
    minFreeBytes: 1e6,
    segmentMs: options.segmentMs ?? 10_000,
    lossWindowMs: 1000,
    clock: options.clock,
    log,
    random: () => 1,
    delays: options.delays ?? shortDelays,
  };
  const far = { from: 0, to: 9e15 };
  return {
    ...{ parts, catalogue, dataDir, faults, room, disk, logged },
    segments: (camera: string): readonly Segment[] => catalogue.segmentsBetween({ camera, ...far }),
    gaps(camera: string): readonly Gap[] {
      const now = options.clock.now();
      catalogue.beatRecorder(now);
      return catalogue.gaps({ camera, ...far, now });
    },
    /** Files under footage/ whose name ends so. */
    filesEnding(end: string): string[] {
      try {
        const all = readdirSync(join(dataDir, 'footage'), { recursive: true }) as string[];
        return all.filter(name => name.endsWith(end));
      } catch {
        return [];
      }
    },
    /** Waits until so many lines have been logged that say this. */
    async waitForLog(holds: (line: { msg: string } & Record<string, unknown>) => boolean, count = 1) {
      const deadline = Date.now() + 20_000;
      while (logged.filter(holds).length < count) {
        if (Date.now() > deadline) throw new Error(`not logged: ${JSON.stringify(logged, null, 1)}`);
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, 1000);
        waiting.add(resolve);
        await promise;
        clearTimeout(timer);
        waiting.delete(resolve);
      }
      return logged.filter(holds)[count - 1] as { msg: string } & Record<string, unknown>;
    },
  };
}

/** A source whose connections, once they are to end, wait for `over`. */
export function endsSlowly({ source }: { source: CameraSource }, over: Promise<void>): CameraSource {
  return {
    ...source,
    async pull(...to) {
      const pull = await source.pull(...to);
      return {
        ended: pull.ended,
        [Symbol.asyncDispose]: () => over.then(() => pull[Symbol.asyncDispose]()),
      };
    },
  };
}

/** A camera whose connections are in the hands of a test. */
export function scriptedSource(key = 'a') {
  let sink: PullSink | undefined;
  let end: ((error: StreamError) => void) | undefined;
  let refusal: StreamError | undefined;
  let pulls = 0;
  const source: CameraSource = {
    key,
    meanHoldMs: 0,
    async pull(to) {
      pulls++;
      if (refusal) throw refusal;
      const ended = Promise.withResolvers<StreamError>();
      sink = to;
      end = ended.resolve;
      return {
        ended: ended.promise,
        async [Symbol.asyncDispose]() {
          sink = undefined;
          ended.resolve(new StreamError('stopped', 'it was disposed'));
        },
      };
    },
  };
  return {
    source,
    pulls: () => pulls,
    sink: () => sink,
    end: (error: StreamError) => end?.(error),
    /** From now on; null: it connects. */
    refuse(error: StreamError | null) {
      refusal = error ?? undefined;
    },
  };
}

/** Second number `second` of a camera that never ends, out of footage of some seconds. */
export function secondOf({ init, fragments }: MadeFootage, second: number): Fragment {
  const fragment = fragments[second % fragments.length] as Fragment;
  const laterMs = second * 1000 - fragment.startMs;
  const by = new Map(
    init.tracks.map(({ id, timescale }) => [id, -BigInt(Math.round((laterMs * timescale) / 1000))]),
  );
  return {
    ...fragment,
    bytes: shiftFragment(fragment, by),
    startMs: second * 1000,
    tracks: fragment.tracks.map(times => ({
      ...times,
      baseTime: times.baseTime - (by.get(times.trackId) ?? 0n),
    })),
  };
}
