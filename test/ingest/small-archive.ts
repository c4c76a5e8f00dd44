// A real inbox, archive and catalogue; only what looks into media and names is small and foreseeable. The real one is tested in their own rooms, and all together in the journey test.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Test } from 'tap';
import { openClipFiles } from '../../src/archive/clip-files.ts';
import { openInbox } from '../../src/archive/inbox.ts';
import { openMarker, requireMarker } from '../../src/archive/marker.ts';
import { openQuarantine } from '../../src/archive/quarantine.ts';
import type { Receipt, RenamedNote, UploadReceipt } from '../../src/archive/receipt.ts';
import { silentLog } from '../../src/base/log.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { fileEntry } from '../../src/ingest/file-entry.ts';
import type { FilingParts } from '../../src/ingest/parts.ts';
import type { Media } from '../../src/media/media.ts';

export const video: Awaited<ReturnType<Media['look']>> = {
  container: 'mp4',
  extension: 'mp4',
  kind: 'video',
  codec: 'h264',
  audioCodec: null,
  width: 1920,
  height: 1080,
  durationMs: 12_000,
  containerCreatedAt: null,
  problem: null,
};

/** An id for a short word of digits and a-h. */
export const idOf = (word: string) => word.padEnd(26, '0');

/** A name that claims a time so many seconds ago, as a Reolink camera set to UTC writes it. */
export function nameFrom(secondsAgo: number): string {
  const at = new Date(Date.now() - secondsAgo * 1000).toISOString();
  return `Den_00_${at.slice(0, 19).replaceAll(/[-:T]/g, '')}.mp4`;
}

export type SmallArchive = Awaited<ReturnType<typeof smallArchive>>;

export function smallArchive(test: Test) {
  return openSmallArchive(test, test.testdir({}));
}

export async function openSmallArchive(test: Test, root: string) {
  const dataDir = join(root, 'data');
  const stateDir = join(root, 'state');
  const ours = { dataDir, archiveId: await openMarker({ dataDir, stateDir }) };
  const catalogue = openCatalogue({ file: catalogueFile(stateDir) });
  test.teardown(() => catalogue[Symbol.dispose]());
  const parts: FilingParts = {
    dataDir,
    requireMarker: () => requireMarker(ours),
    inbox: openInbox(ours),
    clipFiles: openClipFiles(ours),
    catalogue,
    cameraTime: () => ({ timeZone: 'UTC', acceptanceDays: 7 }),
    media: {
      look: async () => video,
      thumbnail: async file => ({
        jpeg: Buffer.from(`small ${readFileSync(file, 'utf8')}`),
        width: 4,
        height: 3,
      }),
    },
    log: silentLog(),
  };

  /** With `by-rename` the entry appears as a whole, as a watcher needs it. */
  const publish = (receipt: Receipt, media?: string | Uint8Array, how?: 'by-rename') => {
    const final = join(dataDir, 'inbox', receipt.camera, receipt.id);
    const dir = how === 'by-rename' ? join(dataDir, 'incoming', receipt.id) : final;
    mkdirSync(dir, { recursive: true });
    if (media !== undefined) writeFileSync(join(dir, 'media'), media);
    writeFileSync(join(dir, 'receipt.json'), JSON.stringify(receipt));
    if (dir !== final) renameSync(dir, final);
    return { camera: receipt.camera, id: receipt.id };
  };
  return {
    root,
    dataDir,
    catalogue,
    parts,
    quarantine: openQuarantine(ours),
    /** Publishes an upload as the receiver does. */
    upload(word: string, media: string | Uint8Array, facts: Partial<UploadReceipt> = {}, how?: 'by-rename') {
      const now = new Date().toISOString();
      const tls = { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', alpn: null };
      const receipt: Receipt = {
        version: 1,
        type: 'upload',
        id: idOf(word),
        camera: 'den',
        sentAs: 'clip.mp4',
        path: 'clip.mp4',
        bytes: Buffer.byteLength(media),
        sha256: createHash('sha256').update(media).digest('hex'),
        startedAt: now,
        finishedAt: now,
        peer: { address: '127.0.0.1', port: 40_000 },
        listener: 'explicit',
        controlTls: tls,
        dataTls: tls,
        dataBound: true,
        completeness: 'whole',
        completenessBasis: 'close-notify',
        endedBy: null,
        ...facts,
      };
      return publish(receipt, media, how);
    },
    rename(word: string, upload: string, path: string, facts: Partial<RenamedNote> = {}) {
      const common = { version: 1, id: idOf(word), camera: 'den', at: new Date().toISOString() } as const;
      return publish({ ...common, type: 'renamed', upload: idOf(upload), sentAs: path, path, ...facts });
    },
    withdraw(word: string, upload: string) {
      const common = { version: 1, id: idOf(word), camera: 'den', at: new Date().toISOString() } as const;
      return publish({ ...common, type: 'withdrawn', upload: idOf(upload) });
    },
    file: (entry: { camera: string; id: string }, more: Partial<FilingParts> = {}) =>
      fileEntry({ ...parts, ...more }, entry, new AbortController().signal),
    /** Every file under the data directory, relative, sorted. */
    files: () =>
      readdirSync(dataDir, { recursive: true, withFileTypes: true })
        .filter(file => file.isFile())
        .map(file => join(relative(dataDir, file.parentPath), file.name))
        .sort(),
    read: (path: string | null | undefined) => readFileSync(join(dataDir, path ?? ''), 'utf8'),
    clips: () => [...catalogue.listClips({})].map(clip => ({ ...clip })),
    clip: (word: string) => catalogue.clip(idOf(word)),
  };
}
