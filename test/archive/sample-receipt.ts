import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openMarker } from '../../src/archive/marker.ts';
import type { UploadReceipt } from '../../src/archive/receipt.ts';
import { newUploadId } from '../../src/archive/upload-id.ts';
import type { BeginFacts } from '../../src/archive/uploads.ts';

export const tls = { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', alpn: null };

export const beginFacts: BeginFacts = {
  camera: 'front',
  sentAs: '/a/clip.mp4',
  path: 'a/clip.mp4',
  startedAt: '2026-11-21T02:14:03.000Z',
  peer: { address: '127.0.0.1', port: 40_000 },
  listener: 'explicit',
  controlTls: tls,
};

export function receiptFor(
  id: string,
  bytes: Uint8Array,
  change: Partial<UploadReceipt> = {},
): UploadReceipt {
  return {
    version: 1,
    type: 'upload',
    id,
    ...beginFacts,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    finishedAt: new Date().toISOString(),
    dataTls: tls,
    dataBound: true,
    completeness: 'whole',
    completenessBasis: 'close-notify',
    endedBy: null,
    ...change,
  };
}

/** A new archive below `directory`. */
export async function makeArchive(directory: string): Promise<{ dataDir: string; archiveId: string }> {
  const dataDir = join(directory, 'data');
  return { dataDir, archiveId: await openMarker({ dataDir, stateDir: join(directory, 'state') }) };
}

/** An inbox entry as a receiver would leave it, or nearly: what `change` says is otherwise. */
export async function leaveEntry(
  dataDir: string,
  change: { camera?: string; id?: string; media?: Uint8Array | null; receipt?: string | null } = {},
): Promise<{ camera: string; id: string; path: string }> {
  const { camera = 'front', id = newUploadId(), media = Buffer.from('some bytes') } = change;
  const path = join(dataDir, 'inbox', camera, id);
  // Put together elsewhere and renamed, as the receiver does it: a daemon may be looking.
  const apart = join(dataDir, `entry-${id}`);
  await mkdir(apart, { recursive: true });
  if (media) await writeFile(join(apart, 'media'), media);
  const receipt = change.receipt ?? JSON.stringify(receiptFor(id, media ?? new Uint8Array(), { camera }));
  if (change.receipt !== null) await writeFile(join(apart, 'receipt.json'), receipt);
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { recursive: true, force: true });
  await rename(apart, path);
  return { camera, id, path };
}
