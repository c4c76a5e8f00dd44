// An archive with footage, written by the recorder's own writer from fragments that a test makes, with a clock that it moves.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import { openSigningKey } from '../../src/access/signing-key.ts';
import { clipRelativePath } from '../../src/archive/clip-path.ts';
import { openFootageFiles } from '../../src/archive/footage-files.ts';
import { openMarker } from '../../src/archive/marker.ts';
import { silentLog } from '../../src/base/log.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Clip } from '../../src/catalogue/clip-row.ts';
import type { FootageInit, Fragment } from '../../src/domain/footage/fragment-reader.ts';
import type { ExportFacts } from '../../src/inspect/export/export-facts.ts';
import { exportFootage } from '../../src/inspect/export/export-footage.ts';
import { openMedia } from '../../src/media/media.ts';
import { startSegmentWriter } from '../../src/record/segment-writer.ts';
import { sampleClip } from '../catalogue/sample-clip.ts';
import { handClock } from '../record/made-footage.ts';

export const noon = Date.UTC(2026, 10, 21, 12);
export const camera = 'den';

export type RecordedArchive = Awaited<ReturnType<typeof recordedArchive>>;

export async function recordedArchive(test: Test, { segmentMs = 10_000 } = {}) {
  const root = test.testdir();
  const dirs = { dataDir: join(root, 'data'), stateDir: join(root, 'state') };
  const archiveId = await openMarker(dirs);
  const { sign } = await openSigningKey({ stateDir: dirs.stateDir, log: silentLog() });
  const clock = handClock(noon);
  const catalogue = openCatalogue({
    file: join(dirs.stateDir, 'catalogue.db'),
    chain: {
      ...{ archiveId, sign },
      now: () => clock.now(),
    },
  });
  test.teardown(() => catalogue[Symbol.dispose]());
  const files = openFootageFiles({ dataDir: dirs.dataDir, archiveId });
  const media = await openMedia({ log: silentLog() });
  const failures: unknown[] = [];
  const parts = { ...dirs, catalogue, media, clock, timeZone: 'UTC' };
  return {
    ...{ root, ...dirs, catalogue, clock, failures, parts },
    /** One connection to the camera: fragments arrive when they are over. `end` waits until all is on the disk. */
    connect(init: FootageInit) {
      catalogue.beatRecorder(clock.now());
      const writer = startSegmentWriter({
        ...{ camera, files, catalogue, clock, segmentMs, lossWindowMs: 1000 },
        onFailure: error => failures.push(error),
      });
      writer.init(init);
      let bytes = 0;
      return {
        bring(fragments: readonly Fragment[]) {
          for (const fragment of fragments) {
            clock.pass(fragment.durationMs);
            writer.fragment(fragment);
            bytes += fragment.bytes.length;
          }
          catalogue.beatRecorder(clock.now());
        },
        end: () => writer.end('disconnected', 'unreachable'),
        /** Once all that was brought is in files. */
        written: () => until(() => footageBytes(dirs.dataDir, init.bytes.length) >= bytes),
      };
    },
    /** A clip of the camera, `file` for its bytes, that starts so many seconds after noon. */
    fileClip(
      word: string,
      file: string,
      startS: number,
      { supersedes = [], ...facts }: Partial<Clip> & { supersedes?: string[] } = {},
    ): Clip {
      const id = word.padEnd(26, '0');
      const bytes = readFileSync(file);
      const path = clipRelativePath({ camera, id, at: clock.now(), extension: 'mp4' });
      mkdirSync(dirname(join(dirs.dataDir, path)), { recursive: true });
      writeFileSync(join(dirs.dataDir, path), bytes, { mode: 0o400 });
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const clip = {
        ...sampleClip(id, { camera, path, bytes: bytes.length, sha256, receivedAt: clock.now() }),
        ...{ startAt: noon + startS * 1000, durationMs: 3000, thumbnail: null, timeZone: 'UTC', ...facts },
      };
      const receipt = { upload: id, receivedAt: clip.receivedAt, body: `{"receipt":"${word}"}` };
      catalogue.fileClip(clip, receipt, { supersedes, supersededBy: null });
      return clip;
    },
    segments: () => catalogue.segmentsBetween({ camera, from: 0, to: Number.MAX_SAFE_INTEGER }),
    /** Seconds after noon. */
    export: async (
      fromS: number,
      toS: number,
      out = join(root, 'out.mp4'),
    ): Promise<ExportFacts | undefined> => {
      const request = { camera, from: noon + fromS * 1000, to: noon + toS * 1000, out, event: null };
      return (await exportFootage(parts, request, new AbortController().signal)).facts;
    },
  };
}

/** Of fragments alone; less where a name changes meanwhile. */
function footageBytes(dataDir: string, initBytes: number): number {
  const root = join(dataDir, 'footage');
  const names = existsSync(root) ? (readdirSync(root, { recursive: true }) as string[]) : [];
  return names
    .filter(name => /\.mp4(\.open)?$/.test(name))
    .reduce(
      (sum, name) =>
        sum + Math.max(0, (statSync(join(root, name), { throwIfNoEntry: false })?.size ?? 0) - initBytes),
      0,
    );
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('what was waited for did not come');
    await new Promise(resolve => setImmediate(resolve));
  }
}

/** Seconds after noon. */
export function secondsOf(iso: string | undefined): number {
  return (Date.parse(iso ?? '') - noon) / 1000;
}
