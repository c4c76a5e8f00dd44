// How long `clipward check` takes for a large archive: real files, real rows, the built command.

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { clipRelativePath, thumbnailRelativePath } from '../src/archive/clip-path.ts';
import { openMarker } from '../src/archive/marker.ts';
import { idFromBytes } from '../src/base/random-id.ts';
import { inTransaction, openDatabase } from '../src/base/sqlite.ts';
import { catalogueFile, openCatalogue } from '../src/catalogue/catalogue.ts';
import { type Bench, clipward, inTemporaryDirectory, measureProgram, wholeOption } from './lib/bench.ts';

const cameras = 8;
const minuteMs = 60_000;
/** In order of time, one clip of each camera every two minutes. */
const firstAt = Date.UTC(2026, 0, 1);

export const bench: Bench = {
  description: [
    'clipward check over many files and rows',
    'Makes an archive of so many clips, each with a small file, a thumbnail, a receipt, an entry in the chain and an event,',
    'and runs the built command over it. Files are in the page cache: a disk that has to seek takes longer.',
  ].join('\n'),
  options: '[--rows N] [--dir DIR] [--json]     N: 500000 unless given',
  async run(args) {
    const rows = wholeOption(args, 'rows', 500_000);
    await inTemporaryDirectory(args, async directory => {
      const startedAt = performance.now();
      const config = await makeArchive(directory, rows);
      const buildMs = performance.now() - startedAt;
      const run = await measureProgram([process.execPath, clipward, 'check', '--json', '--config', config]);
      if (run.code !== 0)
        throw new Error(`check ended with ${run.code}: ${run.stderr}${run.stdout.slice(0, 2000)}`);
      const { clips } = JSON.parse(run.stdout) as { clips: number };
      if (clips !== rows) throw new Error(`check saw ${clips} clips of ${rows}`);
      const facts = {
        rows,
        files: rows * 2,
        checkMs: Math.round(run.ms),
        filesPerSecond: Math.round((rows * 2) / (run.ms / 1000)),
        peakRssBytes: run.peakRssBytes,
        buildMs: Math.round(buildMs),
      };
      console.log(args.includes('--json') ? JSON.stringify(facts) : inWords(facts));
    });
  },
};

function inWords(
  facts: Record<'rows' | 'files' | 'checkMs' | 'filesPerSecond' | 'peakRssBytes', number>,
): string {
  const { rows, files, checkMs, filesPerSecond, peakRssBytes } = facts;
  return `${rows} clips, ${files} files: ${(checkMs / 1000).toFixed(1)} s (${filesPerSecond} files a second), ${Math.round(peakRssBytes / 1_048_576)} MiB at the most`;
}

async function makeArchive(directory: string, rows: number): Promise<string> {
  const dataDir = join(directory, 'data');
  const stateDir = join(directory, 'state');
  await openMarker({ dataDir, stateDir });
  const config = join(directory, 'clipward.yaml');
  writeFileSync(config, 'dataDir: ./data\nstateDir: ./state\ncertsDir: ./certs\n');
  openCatalogue({ file: catalogueFile(stateDir) })[Symbol.dispose]();
  using opened = openForWriting(stateDir);
  const { db } = opened;
  const insert = inserts(db);
  const batch = 10_000;
  for (let from = 0; from < rows; from += batch)
    inTransaction(db, () => {
      for (let number = from; number < Math.min(rows, from + batch); number++) {
        const clip = clipOf(number);
        writeStored(dataDir, clip.path, clip.media);
        writeStored(dataDir, clip.thumbnail, 'a picture');
        insert(clip, number);
      }
    });
  return config;
}

/** The schema as it is; rows are put into it in large transactions, since each of filing is synced to the disk. */
function openForWriting(stateDir: string) {
  const db = openDatabase({
    file: catalogueFile(stateDir),
    migrations: new URL('../src/catalogue/migrations/', import.meta.url),
    journal: 'wal',
    synchronous: 'normal',
  });
  return { db, [Symbol.dispose]: () => void db.close() };
}

type SmallClip = ReturnType<typeof clipOf>;

function clipOf(number: number) {
  const camera = `camera-${(number % cameras) + 1}`;
  const at = firstAt + Math.floor(number / cameras) * 2 * minuteMs;
  const id = idFromBytes(createHash('sha256').update(`clip ${number}`).digest());
  const path = clipRelativePath({ camera, at, id, extension: 'mp4' });
  const media = `the bytes of clip ${number}`;
  return { id, camera, at, path, thumbnail: thumbnailRelativePath(path), media };
}

function inserts(db: ReturnType<typeof openForWriting>['db']): (clip: SmallClip, number: number) => void {
  const event = db.prepare('INSERT INTO event (id, camera, start_at, end_at) VALUES (?, ?, ?, ?)');
  const clip = db.prepare(`
    INSERT INTO clip (id, camera, original_path, path, bytes, sha256, kind, completeness, completeness_basis, time_zone,
                      claimed_at, start_at, time_source, received_at, duration_ms, width, height, codec, thumbnail, event, kept_from)
    VALUES (@id, @camera, @originalPath, @path, @bytes, @sha256, 'video', 'whole', 'close-notify', 'UTC',
            @at, @at, 'name', @at, 12000, 1920, 1080, 'h264', @thumbnail, @event, @at)`);
  const receipt = db.prepare('INSERT INTO receipt (upload, clip, received_at, body) VALUES (?, ?, ?, ?)');
  const entry = db.prepare(
    "INSERT INTO chain_entry (number, day, type, subject, line, hash) VALUES (?, ?, 'kept', ?, ?, ?)",
  );
  return ({ id, camera, at, path, thumbnail, media }, number) => {
    const eventId = idFromBytes(createHash('sha256').update(`event ${number}`).digest());
    const sha256 = createHash('sha256').update(media).digest('hex');
    const day = new Date(at).toISOString().slice(0, 10);
    event.run(eventId, camera, at, at + 12_000);
    clip.run({
      ...{ id, camera, at, path, thumbnail, sha256, event: eventId },
      originalPath: `${day}/${number}.mp4`,
      bytes: Buffer.byteLength(media),
    });
    // As long as a receipt is.
    receipt.run(id, id, at, JSON.stringify({ version: 1, id, camera, sha256, padding: 'x'.repeat(600) }));
    entry.run(number + 1, day, id, `${number + 1} kept clip ${id} ${camera} ${sha256}`, sha256);
  };
}

const made = new Set<string>();

function writeStored(dataDir: string, path: string, bytes: string): void {
  const file = join(dataDir, path);
  const directory = dirname(file);
  if (!made.has(directory)) mkdirSync(directory, { recursive: true, mode: 0o700 });
  made.add(directory);
  writeFileSync(file, bytes, { mode: path.startsWith('clips/') ? 0o400 : 0o600 });
}
