// A small tree into a backup: an entry of the inbox, a case of the quarantine, certificates, secrets. Directories are opened
// one below the other, and only regular files are taken: who made what lies there may have been taken over.

import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../base/durable.ts';
import { errnoOf } from '../base/errors.ts';
import type { Copier } from './copy-out.ts';
import { isPlainName } from './entry-name.ts';
import { namesIn } from './inbox.ts';
import { type PinnedDirectory, pinDirectory } from './pinned-directory.ts';

export type TreeCopy = Readonly<{
  /** It, or something in it, was gone before it could be copied. */
  isGone: boolean;
  /** Names of what was not taken, some at the most; bytes that are no UTF-8 are told as entry-name.ts says. */
  skipped: readonly string[];
  bytes: number;
}>;

type Options = Readonly<{
  copier: Copier;
  maxBytes?: number;
  /** Only for what is ours alone: a certificate may be a link to where another program renews it. */
  followLinks?: boolean;
  signal?: AbortSignal | undefined;
}>;

const maxDepth = 16;
const maxSkippedNames = 20;

/** Copies what is in the directory `from` to a new directory `to`. Throws what cannot be written, and EACCES of `from`. */
export async function copyTree(from: string, to: string, options: Options): Promise<TreeCopy> {
  const tally = { isGone: false, skipped: [] as string[], bytes: 0 };
  try {
    await using directory = await pinDirectory(from);
    await copyDirectory(directory, to, { ...options, tally, depth: 0 });
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) throw error;
    tally.isGone = true;
  }
  return tally;
}

type Work = Options &
  Readonly<{ tally: { isGone: boolean; skipped: string[]; bytes: number }; depth: number }>;

async function copyDirectory(directory: PinnedDirectory, to: string, work: Work): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  for await (const name of namesIn(directory.at('.'))) {
    if (isPlainName(name)) await copyName(directory, name, join(to, name), work);
    else skip(work, name);
  }
  await syncDirectory(to);
}

async function copyName(directory: PinnedDirectory, name: string, to: string, work: Work): Promise<void> {
  const { copier, maxBytes, followLinks, signal, tally } = work;
  const found = await lstat(directory.at(name)).catch(() => undefined);
  if (found === undefined) tally.isGone = true;
  else if (found.isDirectory()) {
    if (work.depth === maxDepth) return skip(work, name);
    await using inside = await pinDirectory(directory.at(name));
    await copyDirectory(inside, to, { ...work, depth: work.depth + 1 });
  } else {
    const copied = await copier.copy({
      ...{ from: directory.at(name), to, signal },
      ...(maxBytes !== undefined && { maxBytes }),
      ...(followLinks && { followLink: true }),
    });
    if (copied.state === 'missing') tally.isGone = true;
    else if (copied.state === 'not-regular' || copied.state === 'unreadable') skip(work, name);
    else tally.bytes += copied.bytes;
  }
}

function skip({ tally }: Work, name: string): void {
  if (tally.skipped.length < maxSkippedNames) tally.skipped.push(name);
}
