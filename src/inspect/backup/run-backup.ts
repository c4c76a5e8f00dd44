// Everything that clipward backup works with, and the small things that belong to an archive: databases, keys, certificates,
// settings. What is not there yet, since nothing needed it, is not there in the backup either.

import { existsSync } from 'node:fs';
import { readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { accessDatabaseFile } from '../../access/open-accounts.ts';
import { receiverDatabaseFile, receiverDirectory } from '../../access/receiver-database.ts';
import { secretsDirectory } from '../../access/signing-key.ts';
import { type Copier, openCopier } from '../../archive/copy-out.ts';
import { copyTree } from '../../archive/copy-tree.ts';
import { layoutOf } from '../../archive/layout.ts';
import { readArchiveId, requireMarker } from '../../archive/marker.ts';
import type { Clock } from '../../base/clock.ts';
import { makeDirectory, replaceFile, syncDirectory } from '../../base/durable.ts';
import { FailedError } from '../../base/errors.ts';
import { copyDatabase } from '../../base/sqlite.ts';
import { catalogueFile, openCatalogue } from '../../catalogue/catalogue.ts';
import { type BackupProgress, backupMedia, type MediaBackup, settleCatalogue } from './backup.ts';
import type { BackupFinding } from './copy-kept.ts';
import { type BackupTarget, openTarget } from './target.ts';

export type BackupRequest = Readonly<{
  out: string;
  resume: boolean;
  /** Of the program. */
  version: string;
  onProgress(progress: BackupProgress): void;
  signal?: AbortSignal | undefined;
}>;

/** Certificates and keys are some kilobytes. */
const maxSmallBytes = 1024 * 1024;
const defaultSettings =
  '# The archive ran with the built-in defaults: data, state and certs beside this file.\n';

export type BackupReport = MediaBackup &
  Readonly<{ directory: string; archiveId: string; startedAt: number; finishedAt: number }>;

type Installation = Readonly<{
  /** The settings file; null: the built-in defaults. */
  file: string | null;
  dataDir: string;
  stateDir: string;
  certsDir: string;
  maxUploadBytes: number;
  clock: Clock;
}>;

/**
 * Makes a backup, beside a running daemon or without one. Throws FailedError for a target that cannot be used, TransientError
 * before the first start and without the marker; what was copied by then stays, and `resume` goes on.
 */
export async function runBackup(installation: Installation, request: BackupRequest): Promise<BackupReport> {
  const { dataDir, stateDir, certsDir, maxUploadBytes, clock } = installation;
  const { out, resume, onProgress, signal } = request;
  const startedAt = clock.now();
  const archiveId = await readArchiveId(stateDir);
  await requireMarker({ dataDir, archiveId });
  using live = openCatalogue({ file: catalogueFile(stateDir), readOnly: true });
  await using target = await openTarget({ out, resume, archiveId, ours: [dataDir, stateDir, certsDir] });
  const copier = openCopier();
  if (!resume) await requireRoom({ dataDir, target, copier, bytes: live.keptTotals().bytes });
  const media = await backupMedia({
    ...{ dataDir, stateDir, archiveId, live, target, copier, maxUploadBytes, onProgress, signal },
  });
  const findings = [...media.findings, ...(await copyState(installation, target, copier))];
  await replaceFile(layoutOf(target.dataDir).marker, `${archiveId}\n`);
  await settleCatalogue(target);
  await replaceFile(join(target.stateDir, 'archive-id'), `${archiveId} sealed\n`);
  const report = {
    ...media,
    ...{ findings, directory: target.directory, archiveId, startedAt, finishedAt: clock.now() },
  };
  await target.finish({ version: request.version, ...backupFacts(report) });
  return report;
}

/** docs/json.md: what `backup --json` prints, and what BACKUP.json in the backup says. */
export function backupFacts(report: BackupReport) {
  const { directory, archiveId, startedAt, finishedAt, head, tally, findings } = report;
  return {
    ...{ directory, archiveId },
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: new Date(finishedAt).toISOString(),
    ...{ head, clips: report.clips, segments: report.segments },
    ...{ waiting: report.waiting, quarantined: report.quarantined },
    ...{ bytes: tally.bytes, sharedBytes: tally.sharedBytes, copiedBytes: tally.copiedBytes },
    findings: findings.map(({ path, text }) => ({ path, text })),
  };
}

/** Found out before anything is copied, not after hours. A file system that shares bytes needs next to none. */
async function requireRoom(
  parts: Readonly<{ dataDir: string; target: BackupTarget; copier: Copier; bytes: number }>,
): Promise<void> {
  const { dataDir, target, copier, bytes } = parts;
  const probe = join(target.directory, 'probe');
  await copier.copy({ from: layoutOf(dataDir).marker, to: probe });
  await rm(probe, { force: true });
  const { bavail, bsize } = await statfs(target.directory);
  if (copier.shares() || bavail * bsize > bytes) return;
  await rm(target.directory, { recursive: true });
  throw new FailedError(
    `There is no room for this backup: the media takes ${bytes} bytes, and ${bavail * bsize} are free on the disk of ${target.directory}.`,
  );
}

async function copyState(
  { file, stateDir, certsDir }: Installation,
  target: BackupTarget,
  copier: Copier,
): Promise<readonly BackupFinding[]> {
  await makeDirectory(receiverDirectory(target.stateDir));
  for (const path of [accessDatabaseFile, receiverDatabaseFile]) {
    await rm(path(target.stateDir), { force: true });
    if (existsSync(path(stateDir))) copyDatabase(path(stateDir), path(target.stateDir));
  }
  await syncDirectory(receiverDirectory(target.stateDir));
  const findings: BackupFinding[] = [];
  for (const [from, to, name] of [
    [secretsDirectory(stateDir), secretsDirectory(target.stateDir), 'state/secrets'],
    [certsDir, target.certsDir, 'certs'],
  ] as const) {
    await rm(to, { recursive: true, force: true });
    // What is in them is ours: a certificate may be a link to where another program renews it.
    const { skipped } = await copyTree(from, to, { copier, maxBytes: maxSmallBytes, followLinks: true });
    for (const each of skipped)
      findings.push({ path: `${name}/${each}`, text: 'It cannot be read, or is no regular file; left out.' });
  }
  await replaceFile(target.settingsFile, file === null ? defaultSettings : await readFile(file));
  return findings;
}
