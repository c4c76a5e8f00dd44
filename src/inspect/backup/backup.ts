// A backup while the daemon runs, of one moment although nothing stands still. Media comes first, then the catalogue as it
// is at that moment, then what was filed in between: so every row in the backup has its file. What retention deleted before
// that moment is taken out again; what it deletes after it is there already. Uploads that wait in the inbox are copied
// before the catalogue: one that is filed meanwhile is in one of the two, and filing knows an upload that it has.

import { rename, rm } from 'node:fs/promises';
import type { Copier } from '../../archive/copy-out.ts';
import { requireMarker } from '../../archive/marker.ts';
import { syncDirectory } from '../../base/durable.ts';
import { TransientError } from '../../base/errors.ts';
import { copyDatabase } from '../../base/sqlite.ts';
import { type Catalogue, catalogueFile, openCatalogue } from '../../catalogue/catalogue.ts';
import { formatHead } from '../../domain/chain.ts';
import { type BackupFinding, copyKept, type KeptCopy, type KeptFinding, type Tally } from './copy-kept.ts';
import {
  copyInbox,
  copyOpenSegments,
  copyQuarantine,
  emptyWaiting,
  type WaitingParts,
} from './copy-waiting.ts';
import { removeUnnamed } from './remove-unnamed.ts';
import type { BackupTarget } from './target.ts';

export type BackupProgress = Readonly<{ files: number; ofFiles: number; bytes: number; ofBytes: number }>;

export type MediaBackup = Readonly<{
  /** The signed head of the chain in the backup: `clipward verify --expect` takes it. Null while nothing was taken in. */
  head: string | null;
  clips: number;
  segments: number;
  /** Uploads that were not filed yet. */
  waiting: number;
  quarantined: number;
  tally: Tally;
  findings: readonly BackupFinding[];
}>;

export type BackupParts = Readonly<{
  dataDir: string;
  stateDir: string;
  archiveId: string;
  /** The catalogue that the daemon writes, opened for reading. */
  live: Pick<Catalogue, 'keptFiles' | 'keptFile' | 'keptTotals'>;
  target: Pick<BackupTarget, 'dataDir' | 'stateDir'>;
  copier: Copier;
  /** Settings, ftps.limits.maxUploadBytes. */
  maxUploadBytes: number;
  onProgress(progress: BackupProgress): void;
  signal?: AbortSignal | undefined;
}>;

/** Each round copies only what was filed during the one before; a deletion of something that new is rare. */
const maxRounds = 10;

/**
 * Copies media and catalogue into the target. May be repeated after an interruption and goes on then. Throws TransientError
 * without the marker, the signal's reason, and system errors of what is written (ENOSPC).
 */
export async function backupMedia(parts: BackupParts): Promise<MediaBackup> {
  const { dataDir, archiveId, target, live, copier, signal } = parts;
  const ours = { dataDir, archiveId };
  await requireMarker(ours);
  await emptyWaiting(target.dataDir);
  const leftOut = new Map<string, BackupFinding>();
  const waitingParts: WaitingParts = {
    ...{ from: dataDir, to: target.dataDir, archiveId, copier, maxBytes: parts.maxUploadBytes, signal },
    onLeftOut: (path, text) => void leftOut.set(path, { path, text }),
  };
  const total = live.keptTotals();
  const done = { sharedBytes: 0, copiedBytes: 0, findings: new Map<string, KeptFinding>() };
  const copyRows = async (catalogue: Pick<Catalogue, 'keptFiles'>) => {
    const copied = await copyKept(catalogue.keptFiles(), {
      ...{ from: dataDir, to: target.dataDir, copier, signal },
      onProgress: ({ files, bytes }) =>
        parts.onProgress({ files, bytes, ofFiles: total.files, ofBytes: total.bytes }),
    });
    done.sharedBytes += copied.tally.sharedBytes;
    done.copiedBytes += copied.tally.copiedBytes;
    for (const [path, finding] of copied.findings) done.findings.set(path, finding);
    return copied;
  };
  await copyRows(live);
  let waiting = 0;
  for (let round = 1; ; round++) {
    waiting += await copyInbox(waitingParts);
    using snapshot = await takeSnapshot(parts);
    const copied = await copyRows(snapshot);
    // Nothing that was missed is missing where the disk was unmounted.
    await requireMarker(ours);
    const { missing, deleted } = sortOut(copied, live);
    if (deleted > 0 && round < maxRounds) continue;
    if (deleted > 0)
      throw new TransientError(
        'What was just filed is deleted again before it can be copied: look at the settings of retention, and try again.',
      );
    const open = await copyOpenSegments(waitingParts, snapshot);
    const quarantined = await copyQuarantine(waitingParts, snapshot);
    await removeUnnamed(target.dataDir, snapshot, open);
    const head = snapshot.chainHead();
    const clips = snapshot.clipCount();
    const named = [...done.findings.values()].filter(
      ({ kept }) => snapshot.keptFile(kept.kind, kept.id) !== undefined,
    );
    const findings = new Map(
      [...named, ...missing, ...leftOut.values()].map(({ path, text }) => [path, { path, text }]),
    );
    return {
      head: head === undefined ? null : formatHead(head),
      ...{ clips, segments: snapshot.keptTotals().files - clips, waiting, quarantined },
      tally: { ...copied.tally, sharedBytes: done.sharedBytes, copiedBytes: done.copiedBytes },
      findings: [...findings.values()],
    };
  }
}

/** Under another name until the backup is complete, so that no daemon starts on it before. */
function snapshotFile(target: Pick<BackupTarget, 'stateDir'>): string {
  return `${catalogueFile(target.stateDir)}.part`;
}

async function takeSnapshot({ stateDir, target }: BackupParts): Promise<Catalogue> {
  const file = snapshotFile(target);
  await rm(file, { force: true });
  copyDatabase(catalogueFile(stateDir), file);
  return openCatalogue({ file, readOnly: true });
}

/** Gives the catalogue of the backup its name; it is the last thing that a restored archive needs. */
export async function settleCatalogue(target: Pick<BackupTarget, 'stateDir'>): Promise<void> {
  await rename(snapshotFile(target), catalogueFile(target.stateDir));
  await syncDirectory(target.stateDir);
}

/** A row goes before its file (I5): where the row is still there, the file is missing indeed. */
function sortOut(
  { gone }: KeptCopy,
  live: Pick<Catalogue, 'keptFile'>,
): { missing: readonly BackupFinding[]; deleted: number } {
  const missing = gone
    .filter(({ kind, id }) => live.keptFile(kind, id) !== undefined)
    .map(({ path }) => ({ path, text: 'The file is missing; clipward check says what can be done.' }));
  return { missing, deleted: gone.length - missing.length };
}
