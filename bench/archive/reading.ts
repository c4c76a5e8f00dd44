// check and verify over a large archive, and verify over large clips: the built commands.

import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { clipward, measureProgram } from '../lib/bench.ts';
import { beginLargeArchive, type LargeArchive, makeFiles, makeRows } from '../lib/large-archive.ts';
import { clipsIn } from '../lib/made-archive.ts';

const mebibyte = 1024 * 1024;
/** A GiB in all. */
const largeClips = 32;
const largeClipBytes = 32 * mebibyte;

export type Reading = Readonly<{
  clips: number;
  seconds: number;
  perSecond: number;
  /** Of all threads, and in the kernel for them. */
  cpuSeconds: number;
  peakMebibytes: number;
}>;

export async function measureReading(command: 'check' | 'verify', archive: LargeArchive): Promise<Reading> {
  const { config } = archive;
  const clips = clipsIn(archive);
  const run = await measureProgram([process.execPath, clipward, command, '--json', '--config', config]);
  if (run.code !== 0)
    throw new Error(`${command} ended with ${run.code}: ${run.stderr}${run.stdout.slice(0, 2000)}`);
  const said = JSON.parse(run.stdout) as { clips?: number; media?: { clips: number } };
  const seen = said.clips ?? said.media?.clips;
  if (seen !== clips) throw new Error(`${command} saw ${seen} clips of ${clips}`);
  const seconds = run.ms / 1000;
  return {
    clips,
    seconds,
    perSecond: clips / seconds,
    cpuSeconds: run.cpuMs / 1000,
    peakMebibytes: Math.round(run.peakRssBytes / mebibyte),
  };
}

/** What verify reads in a second: files are in the page cache, so that it is its own speed and not the disk's. */
export async function measureHashing(directory: string): Promise<{ mebibytesPerSecond: number }> {
  const root = join(directory, 'large-clips');
  mkdirSync(root);
  try {
    const archive = await beginLargeArchive(root, largeClips);
    const piece = randomBytes(largeClipBytes);
    const mediaOf = (number: number) => {
      piece.writeUInt32LE(number);
      return piece;
    };
    await makeRows(archive, largeClips, mediaOf);
    makeFiles(archive, largeClips, mediaOf);
    const { seconds } = await measureReading('verify', archive);
    return { mebibytesPerSecond: (largeClips * largeClipBytes) / mebibyte / seconds };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

export function readingInWords(
  command: string,
  { clips, seconds, perSecond, cpuSeconds, peakMebibytes }: Reading,
): string {
  return `${command} over ${clips} clips: ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU, ${Math.round(perSecond)} clips a second, ${peakMebibytes} MiB at the most`;
}
