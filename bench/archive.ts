// What filing costs in a small and in a large archive, and how soon a clip can be seen: the real stores and the real daemon.

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openClipFiles } from '../src/archive/clip-files.ts';
import { openMarker } from '../src/archive/marker.ts';
import { systemClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import { randomId } from '../src/base/random-id.ts';
import { inTransaction, openDatabase } from '../src/base/sqlite.ts';
import { catalogueFile, openCatalogue } from '../src/catalogue/catalogue.ts';
import { adjustClock } from '../src/ingest/adjust-clock.ts';
import { fileMedia } from '../src/ingest/file-media.ts';
import type { ClipParts } from '../src/ingest/parts.ts';
import { makeInstallation } from '../test/support/daemon.ts';
import { type Bench, inTemporaryDirectory, wholeOption } from './lib/bench.ts';

const cameras = 8;
const minuteMs = 60_000;
const rounds = 8;
const clipsARound = 40;
const uploads = 30;

export const bench: Bench = {
  description: [
    'filing with a thousand rows and with many, and the time from 226 to the thumbnail',
    'Files the same small clips into an archive of a thousand rows and into one of N, in turns: everything but the decoder.',
    'Then a real client uploads 1080p clips to a real daemon, one after the other.',
  ].join('\n'),
  options: '[--rows N] [--dir DIR] [--json]     N: 1000000 unless given',
  async run(args) {
    const rows = wholeOption(args, 'rows', 1_000_000);
    const facts = await inTemporaryDirectory(args, async directory => ({
      rows,
      ...(await compareFiling(directory, rows)),
      ...(await measureThumbnails(directory)),
    }));
    console.log(args.includes('--json') ? JSON.stringify(facts) : inWords(facts));
  },
};

type Facts = Awaited<ReturnType<typeof compareFiling>> &
  Awaited<ReturnType<typeof measureThumbnails>> & { rows: number };

function inWords(facts: Facts): string {
  return [
    `filing a clip: ${facts.smallMs.toFixed(2)} ms with 1000 rows, ${facts.largeMs.toFixed(2)} ms with ${facts.rows}: ${facts.ratio.toFixed(2)} times`,
    `the rounds: ${facts.ratios.map(each => each.toFixed(2)).join(', ')}`,
    `226 to thumbnail: ${facts.thumbnailMedianMs} ms in the middle, ${facts.thumbnailWorstMs} ms at the worst of ${uploads}`,
    `memory of the daemon: ${facts.daemonMebibytesBefore} MiB after the first clip, ${facts.daemonMebibytesAfter} MiB after the last`,
  ].join('\n');
}

async function compareFiling(directory: string, rows: number) {
  const small = await openArchive(join(directory, 'small'), 1000);
  const large = await openArchive(join(directory, 'large'), rows);
  const ratios: number[] = [];
  const smallMs: number[] = [];
  const largeMs: number[] = [];
  await small.file();
  await large.file();
  for (let round = 0; round < rounds; round++) {
    const [a, b] = [await small.file(), await large.file()];
    smallMs.push(a);
    largeMs.push(b);
    ratios.push(b / a);
  }
  small.close();
  large.close();
  return { smallMs: median(smallMs), largeMs: median(largeMs), ratio: median(ratios), ratios };
}

/** An archive with so many rows of clips; `file` files some more, and answers the milliseconds that each took. */
async function openArchive(root: string, rows: number) {
  const dirs = { dataDir: join(root, 'data'), stateDir: join(root, 'state') };
  const ours = { ...dirs, archiveId: await openMarker(dirs) };
  const file = catalogueFile(dirs.stateDir);
  const chain = { archiveId: ours.archiveId, sign: () => 'x'.repeat(88), now: () => systemClock.now() };
  openCatalogue({ file, chain })[Symbol.dispose]();
  fill(file, rows);
  const catalogue = openCatalogue({ file, chain });
  const parts: ClipParts & Parameters<typeof adjustClock>[0] = {
    dataDir: dirs.dataDir,
    media: {
      look: async () => ({
        ...{ container: 'mp4', extension: 'mp4', kind: 'video', codec: 'h264', audioCodec: null },
        ...{ width: 1920, height: 1080, durationMs: 10_000, containerCreatedAt: null, problem: null },
      }),
      thumbnail: async () => ({ jpeg: Buffer.alloc(20_000, 1), width: 480, height: 270 }),
    },
    clipFiles: openClipFiles(ours),
    catalogue,
    cameraTime: () => ({ timeZone: 'UTC', acceptanceDays: 7 }),
    log: silentLog(),
  };
  const source = join(root, 'source');
  await mkdir(root, { recursive: true });
  return {
    close: () => catalogue[Symbol.dispose](),
    async file(): Promise<number> {
      let spentMs = 0;
      for (let index = 0; index < clipsARound; index++) {
        const bytes = Buffer.from(randomId().repeat(2000));
        await writeFile(source, bytes);
        await using media = await open(source);
        const camera = `camera-${index % cameras}`;
        // Half of them by a camera that never dates its names, and so has used one of them for ever.
        const originalPath = index % 2 ? 'snapshot.mp4' : nameOf(systemClock.now());
        const startedAt = performance.now();
        await fileMedia(
          parts,
          {
            ...{ id: randomId(), camera, originalPath, bytes: bytes.length },
            sha256: createHash('sha256').update(bytes).digest('hex'),
            receivedAt: systemClock.now(),
            keptFrom: systemClock.now(),
            withdrawnAt: null,
            ...{ completeness: 'whole', completenessBasis: 'close-notify', receiptText: '{}' },
            media: { file: media, path: source, digest: async () => '' },
          },
          new AbortController().signal,
        );
        adjustClock(parts, camera);
        spentMs += performance.now() - startedAt;
      }
      return spentMs / clipsARound;
    },
  };
}

function nameOf(at: number): string {
  const text = new Date(at).toISOString();
  return `${text.slice(0, 10).replaceAll('-', '/')}/Den_00_${text.slice(0, 19).replaceAll(/[-:T]/g, '')}.mp4`;
}

/** Rows as filing leaves them: an event, a receipt and an entry of the chain for each clip. */
function fill(file: string, rows: number): void {
  const db = openDatabase({
    file,
    migrations: new URL('../src/catalogue/migrations/', import.meta.url),
    journal: 'wal',
    synchronous: 'normal',
  });
  const lastAt = systemClock.now() - 60 * minuteMs;
  const event = db.prepare('INSERT INTO event (id, camera, start_at, end_at) VALUES (?, ?, ?, ?)');
  const clip = db.prepare(`
    INSERT INTO clip (id, camera, original_path, path, bytes, sha256, kind, completeness, completeness_basis, time_zone,
      claimed_at, start_at, time_source, received_at, duration_ms, width, height, codec, thumbnail, event, kept_from)
    VALUES (@id, @camera, @name, 'clips/' || @id, 8000000, @sha256, 'video', 'whole', 'close-notify', 'UTC',
      @claimedAt, @at, @source, @at, 10000, 1920, 1080, 'h264', 'thumbnails/' || @id, @event, @at)`);
  const receipt = db.prepare('INSERT INTO receipt (upload, clip, received_at, body) VALUES (?, ?, ?, ?)');
  const entry = db.prepare(
    "INSERT INTO chain_entry (number, day, type, subject, line, hash) VALUES (?, '2026-01-01', 'kept', ?, ?, ?)",
  );
  for (let from = 0; from < rows; from += 10_000) {
    inTransaction(db, () => {
      for (let row = from; row < Math.min(rows, from + 10_000); row++) {
        const [id, eventId] = [randomId(), randomId()];
        const camera = `camera-${row % cameras}`;
        const at = lastAt - Math.floor((rows - row) / cameras) * 2 * minuteMs;
        const isDated = row % 2 === 0;
        const sha256 = createHash('sha256').update(id).digest('hex');
        event.run(eventId, camera, at, at + 10_000);
        clip.run({
          ...{ id, camera, at, sha256, event: eventId },
          name: isDated ? nameOf(at) : 'snapshot.mp4',
          claimedAt: isDated ? at : null,
          source: isDated ? 'name' : 'arrival',
        });
        receipt.run(id, id, at, 'x'.repeat(600));
        entry.run(row + 1, id, `${row + 1} ${'x'.repeat(180)}`, sha256);
      }
    });
  }
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}

async function measureThumbnails(directory: string) {
  const file = join(directory, 'clip.mp4');
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=1920x1080:r=15:d=10', '-c:v', 'libx264'],
    ...['-preset', 'ultrafast', '-g', '30', '-pix_fmt', 'yuv420p', '-b:v', '4M', file],
  ]);
  const installation = await makeInstallation();
  try {
    const daemon = await installation.serve();
    await using _stopped = { [Symbol.asyncDispose]: async () => void (await daemon.stop()) };
    const { password } = await installation.json(['camera', 'add', 'den', '--allow', '127.0.0.0/8']);
    const thumbnails = join(installation.dataDir, 'thumbnails');
    await mkdir(thumbnails, { recursive: true });
    const memory = async () =>
      Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]) / 1024;
    const times: number[] = [];
    let before = 0;
    for (let index = 0; index < uploads; index++) {
      const isThere = Promise.withResolvers<number>();
      const watcher = watch(thumbnails, { recursive: true }, (_event, name) => {
        if (name?.endsWith('.jpg')) isThere.resolve(performance.now());
      });
      const url = `ftp://127.0.0.1:${installation.explicitPort}/Den_${index}.mp4`;
      const curl = spawn('curl', ['-sSv', '--ssl-reqd', '-k', '-u', `den:${password}`, '-T', file, url]);
      let said = '';
      let answeredAt = Number.NaN;
      curl.stderr.on('data', chunk => {
        said += chunk;
        if (Number.isNaN(answeredAt) && said.includes('< 226')) answeredAt = performance.now();
      });
      await once(curl, 'close');
      times.push((await isThere.promise) - answeredAt);
      watcher.close();
      if (index === 0) before = await memory();
    }
    return {
      thumbnailMedianMs: Math.round(median(times)),
      thumbnailWorstMs: Math.round(Math.max(...times)),
      daemonMebibytesBefore: Math.round(before),
      daemonMebibytesAfter: Math.round(await memory()),
    };
  } finally {
    installation.remove();
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
