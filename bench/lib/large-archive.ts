// An archive as filing leaves it, made quickly: real files, rows and a chain that holds, but many to a transaction and with
// clips of a few bytes.

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openSigningKey } from '../../src/access/signing-key.ts';
import { clipRelativePath, thumbnailRelativePath } from '../../src/archive/clip-path.ts';
import { openMarker } from '../../src/archive/marker.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { idFromBytes } from '../../src/base/random-id.ts';
import { type Db, inTransaction, openDatabase } from '../../src/base/sqlite.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { chainDay, formatEntry, genesisText, headText, linkText } from '../../src/domain/chain.ts';

export type LargeArchive = Readonly<{
  config: string;
  dataDir: string;
  stateDir: string;
  archiveId: string;
  /** When the first clip began; the last one did an hour ago. */
  firstAt: number;
}>;

export type MediaOf = (number: number) => string | Uint8Array;

export const largeArchiveCameras = 8;
/** A clip of each camera every two minutes: 5760 a day. */
const apartMs = 120_000;
const batch = 10_000;
const fewBytes: MediaOf = number => `the bytes of clip ${number}`;

/** An empty archive for so many clips, of which the last began an hour ago. */
export async function beginLargeArchive(directory: string, clips: number): Promise<LargeArchive> {
  const dataDir = join(directory, 'data');
  const stateDir = join(directory, 'state');
  const archiveId = await openMarker({ dataDir, stateDir });
  await openSigningKey({ stateDir, log: silentLog() });
  openCatalogue({ file: catalogueFile(stateDir) })[Symbol.dispose]();
  const config = join(directory, 'clipward.yaml');
  writeFileSync(config, 'dataDir: ./data\nstateDir: ./state\ncertsDir: ./certs\n');
  const firstAt = systemClock.now() - 3_600_000 - Math.floor((clips - 1) / largeArchiveCameras) * apartMs;
  return { config, dataDir, stateDir, archiveId, firstAt };
}

/** Each clip with an event, a receipt and an entry in the chain. `mediaOf`: the bytes of one. */
export async function makeRows(
  { stateDir, archiveId, firstAt }: LargeArchive,
  clips: number,
  mediaOf = fewBytes,
): Promise<void> {
  const { sign } = await openSigningKey({ stateDir, log: silentLog() });
  const db = openDatabase({
    file: catalogueFile(stateDir),
    migrations: new URL('../../src/catalogue/migrations/', import.meta.url),
    journal: 'wal',
    synchronous: 'normal',
  });
  // Nobody needs what an interruption would leave of it.
  db.exec('PRAGMA synchronous = off; PRAGMA cache_size = -524288; PRAGMA wal_autocheckpoint = 100000');
  const makeIndexes = withoutIndexes(db);
  const insert = inserts(db);
  const chain = chainOf(db, archiveId, sign);
  for (let from = 0; from < clips; from += batch)
    inTransaction(db, () => {
      for (let number = from; number < Math.min(clips, from + batch); number++) {
        const clip = clipOf(number, firstAt, mediaOf(number));
        insert(clip);
        chain.append(clip);
      }
      chain.signDay();
    });
  makeIndexes();
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}

/** The files of the same clips, and a thumbnail for each. */
export function makeFiles(
  { dataDir, firstAt }: Pick<LargeArchive, 'dataDir' | 'firstAt'>,
  clips: number,
  mediaOf = fewBytes,
): void {
  const write = fileWriter(dataDir);
  for (let number = 0; number < clips; number++) {
    const media = mediaOf(number);
    const { path, thumbnail } = placeOf(number, firstAt);
    write(path, media, 0o400);
    write(thumbnail, 'a picture', 0o600);
  }
}

/** Made when all rows are there, an index takes a tenth of the time. */
function withoutIndexes(db: Db): () => void {
  const indexes = db
    .prepare<[], { name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('clip', 'receipt', 'chain_entry', 'event')",
    )
    .all();
  for (const { name } of indexes) db.exec(`DROP INDEX ${name}`);
  return () => {
    for (const { sql } of indexes) db.exec(sql);
  };
}

type MadeClip = ReturnType<typeof clipOf>;

function placeOf(number: number, firstAt: number) {
  const camera = `camera-${(number % largeArchiveCameras) + 1}`;
  const at = firstAt + Math.floor(number / largeArchiveCameras) * apartMs;
  const id = idFromBytes(createHash('sha256').update(`clip ${number}`).digest());
  const path = clipRelativePath({ camera, at, id, extension: 'mp4' });
  return { id, camera, at, path, thumbnail: thumbnailRelativePath(path) };
}

function clipOf(number: number, firstAt: number, media: string | Uint8Array) {
  const place = placeOf(number, firstAt);
  const { id, camera } = place;
  const sha256 = createHash('sha256').update(media).digest('hex');
  // As long as a receipt is.
  const receipt = JSON.stringify({ version: 1, id, camera, sha256, padding: 'x'.repeat(500) });
  return { number, ...place, bytes: Buffer.byteLength(media), sha256, receipt };
}

function inserts(db: Db): (clip: MadeClip) => void {
  const event = db.prepare('INSERT INTO event (id, camera, start_at, end_at) VALUES (?, ?, ?, ?)');
  const row = db.prepare(`
    INSERT INTO clip (id, camera, original_path, path, bytes, sha256, kind, completeness, completeness_basis, time_zone,
                      claimed_at, start_at, time_source, received_at, duration_ms, width, height, codec, thumbnail, event, kept_from)
    VALUES (@id, @camera, @originalPath, @path, @bytes, @sha256, 'video', 'whole', 'close-notify', 'UTC',
            @claimedAt, @at, @source, @at, 12000, 1920, 1080, 'h264', @thumbnail, @event, @at)`);
  const receiptRow = db.prepare('INSERT INTO receipt (upload, clip, received_at, body) VALUES (?, ?, ?, ?)');
  return ({ number, receipt, ...clip }) => {
    const { id, camera, at } = clip;
    const event_ = idFromBytes(createHash('sha256').update(`event ${number}`).digest());
    event.run(event_, camera, at, at + 12_000);
    // Half of the cameras never date their names, and so have used one of them for ever.
    const isDated = number % 2 === 0;
    row.run({
      ...clip,
      event: event_,
      originalPath: isDated ? datedName(at) : 'snapshot.mp4',
      claimedAt: isDated ? at : null,
      source: isDated ? 'name' : 'arrival',
    });
    receiptRow.run(id, id, at, receipt);
  };
}

export function datedName(at: number): string {
  const text = new Date(at).toISOString();
  return `${text.slice(0, 10).replaceAll('-', '/')}/Den_00_${text.slice(0, 19).replaceAll(/[-:T]/g, '')}.mp4`;
}

/** As catalogue/chain.ts appends, but a head is signed once for each batch of a day, not with each entry. */
function chainOf(db: Db, archiveId: string, sign: (text: string) => string) {
  const entry = db.prepare(
    "INSERT INTO chain_entry (number, day, type, subject, line, hash) VALUES (?, ?, 'kept', ?, ?, ?)",
  );
  const head = db.prepare(`
    INSERT INTO chain_head (day, number, hash, signature) VALUES (?, ?, ?, ?)
    ON CONFLICT (day) DO UPDATE SET number = excluded.number, hash = excluded.hash, signature = excluded.signature`);
  let last = { day: '', number: 0, hash: sha256OfText(genesisText(archiveId)) };
  const signDay = () => {
    if (last.number > 0) head.run(last.day, last.number, last.hash, sign(headText(archiveId, last)));
  };
  return {
    signDay,
    append({ id, camera, at, bytes, sha256, receipt }: MadeClip) {
      const day = chainDay(at, last.day === '' ? undefined : last.day);
      if (day !== last.day) signDay();
      const kept = { type: 'kept', media: 'clip', id, camera, bytes, sha256, receivedAt: at } as const;
      const number = last.number + 1;
      const line = formatEntry({ number, at, entry: { ...kept, receiptSha256: sha256OfText(receipt) } });
      last = { day, number, hash: sha256OfText(linkText(last.hash, line)) };
      entry.run(number, day, id, line, last.hash);
    },
  };
}

function sha256OfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function fileWriter(dataDir: string): (path: string, bytes: string | Uint8Array, mode: number) => void {
  const made = new Set<string>();
  return (path, bytes, mode) => {
    const file = join(dataDir, path);
    const directory = dirname(file);
    if (!made.has(directory)) mkdirSync(directory, { recursive: true, mode: 0o700 });
    made.add(directory);
    writeFileSync(file, bytes, { mode });
  };
}
