// How far verify has come, durably: an archive of terabytes is read for a day, and a restart must not begin at its start.

import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../base/durable.ts';
import { errnoOf, FailedError } from '../../base/errors.ts';
import { type VerifyFinding, verifyCodes } from './finding.ts';
import type { MediaPosition } from './read-media.ts';

export type VerifyProgress = Readonly<{
  version: 1;
  archiveId: string;
  /** What was asked for: nothing else can be gone on with. */
  camera: string | null;
  since: number | null;
  until: number | null;
  position: MediaPosition;
  /** What was found in media so far, and how often. */
  findings: readonly VerifyFinding[];
  findingCount: number;
}>;

const maxProgressBytes = 4 * 1024 * 1024;

function fileIn(stateDir: string): string {
  return join(stateDir, 'verify-progress.json');
}

export async function saveProgress(stateDir: string, progress: VerifyProgress): Promise<void> {
  await replaceFile(fileIn(stateDir), `${JSON.stringify(progress)}\n`);
}

export async function removeProgress(stateDir: string): Promise<void> {
  await rm(fileIn(stateDir), { force: true });
}

/** Throws FailedError when there is nothing to go on with. */
export async function loadProgress(stateDir: string, archiveId: string): Promise<VerifyProgress> {
  const text = await readText(fileIn(stateDir));
  const progress = parseProgress(text);
  if (progress?.archiveId === archiveId) return progress;
  throw new FailedError(
    text === undefined
      ? 'There is no interrupted verify to go on with: run clipward verify without --resume.'
      : `${fileIn(stateDir)} is not from a verify of this archive and version: run clipward verify without --resume.`,
  );
}

async function readText(path: string): Promise<string | undefined> {
  try {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    await using file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stat = await file.stat();
    return stat.isFile() && stat.size <= maxProgressBytes ? await file.readFile('utf8') : '';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new FailedError(
      `${path} cannot be read (${errnoOf(error)}): run clipward verify without --resume.`,
      {
        cause: error,
      },
    );
  }
}

function parseProgress(text: string | undefined): VerifyProgress | undefined {
  let value: VerifyProgress;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
  const { version, archiveId, camera, since, until, position, findings, findingCount } = value ?? {};
  const isSound =
    version === 1 &&
    typeof archiveId === 'string' &&
    (camera === null || typeof camera === 'string') &&
    [since, until].every(each => each === null || Number.isSafeInteger(each)) &&
    [
      ...[position?.through, position?.clips, position?.segments, position?.bytes],
      ...[position?.goneMeanwhile, findingCount],
    ].every(isCount) &&
    Array.isArray(findings) &&
    findings.length <= findingCount &&
    findings.every(isFinding);
  return isSound ? value : undefined;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isFinding(value: Partial<VerifyFinding> | null): boolean {
  return (
    value !== null &&
    verifyCodes.some(code => code === value.code) &&
    typeof value.text === 'string' &&
    typeof value.remedy === 'string' &&
    (value.number === null || isCount(value.number)) &&
    [value.camera, value.id, value.path].every(each => each === null || typeof each === 'string')
  );
}
