// What is not filed into a backup: uploads that wait in the inbox, cases of the quarantine, segments that are being written.

import { lstat, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Copier } from '../../archive/copy-out.ts';
import { copyTree } from '../../archive/copy-tree.ts';
import { checkedFootagePath } from '../../archive/footage-path.ts';
import { openInbox } from '../../archive/inbox.ts';
import { layoutOf, unknownCamera } from '../../archive/layout.ts';
import { quarantineCases } from '../../archive/strays.ts';
import { isUploadId } from '../../archive/upload-id.ts';
import { makeDirectory } from '../../base/durable.ts';
import { errnoOf } from '../../base/errors.ts';
import type { Catalogue } from '../../catalogue/catalogue.ts';
import { isCameraName } from '../../domain/camera-name.ts';

export type WaitingParts = Readonly<{
  /** Data directories. */
  from: string;
  to: string;
  archiveId: string;
  copier: Copier;
  /** The longest file that is copied: who writes into the inbox may have been taken over. */
  maxBytes: number;
  signal: AbortSignal | undefined;
  /** What was left out, and why, in a sentence. */
  onLeftOut(path: string, text: string): void;
}>;

const leftOut = 'It is no upload as an honest receiver publishes it; it was left out.';

/** Entries that are in the backup already are left as they are. Answers how many were copied. */
export async function copyInbox(parts: WaitingParts): Promise<number> {
  const { from, to, archiveId } = parts;
  let count = 0;
  for await (const { camera, id } of openInbox({ dataDir: from, archiveId }).listEntries()) {
    parts.signal?.throwIfAborted();
    const path = `inbox/${camera}/${id}`;
    if (!isUploadId(id) || (!isCameraName(camera) && camera !== unknownCamera)) {
      parts.onLeftOut(path, leftOut);
      continue;
    }
    const place = join(to, path);
    if (await isThere(place)) continue;
    await makeDirectory(dirname(place));
    if ((await copyCase(join(from, path), place, path, parts)) === 'copied') count += 1;
  }
  return count;
}

/** Those that the catalogue of the backup lists: what was put aside since is in its inbox. */
export async function copyQuarantine(
  parts: WaitingParts,
  catalogue: Pick<Catalogue, 'isQuarantined'>,
): Promise<number> {
  let count = 0;
  for await (const { camera, id, path } of quarantineCases(parts.from)) {
    parts.signal?.throwIfAborted();
    if (!catalogue.isQuarantined(camera, id)) continue;
    const place = join(parts.to, path);
    await makeDirectory(dirname(place));
    if ((await copyCase(join(parts.from, path), place, path, parts)) === 'copied') count += 1;
  }
  return count;
}

async function copyCase(
  from: string,
  to: string,
  path: string,
  parts: WaitingParts,
): Promise<'copied' | 'gone'> {
  try {
    const { isGone, skipped } = await copyTree(from, to, parts);
    if (isGone) {
      // It was filed, or put aside, while it was being copied.
      await rm(to, { recursive: true, force: true });
      return 'gone';
    }
    for (const name of skipped) parts.onLeftOut(`${path}/${name}`, leftOut);
    return 'copied';
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error;
    await rm(to, { recursive: true, force: true });
    parts.onLeftOut(path, 'It may not be read, and was left out.');
    return 'gone';
  }
}

/**
 * As far as they are written. The daemon that starts on the backup cuts them after their last whole fragment. Answers the paths
 * of what was copied.
 */
export async function copyOpenSegments(
  parts: WaitingParts,
  catalogue: Pick<Catalogue, 'openSegments'>,
): Promise<ReadonlySet<string>> {
  const paths = new Set<string>();
  for (const segment of catalogue.openSegments()) {
    const path = checkedFootagePath(segment.path);
    await makeDirectory(dirname(join(parts.to, path)));
    // Finished since, it has its own name: that one is taken for finished by the recovery, too.
    for (const name of [`${path}.open`, path]) {
      const to = join(parts.to, name);
      await rm(to, { force: true });
      const copied = await parts.copier.copy({ from: join(parts.from, name), to, signal: parts.signal });
      if (copied.state === 'missing') continue;
      paths.add(name);
      break;
    }
  }
  return paths;
}

/** Begins anew with what an earlier try may have left half copied. */
export async function emptyWaiting(to: string): Promise<void> {
  const { inbox, quarantine } = layoutOf(to);
  await rm(quarantine, { recursive: true, force: true });
  await rm(inbox, { recursive: true, force: true });
  await makeDirectory(inbox);
}

async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}
