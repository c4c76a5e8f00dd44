// Whether the daemon needs more the more it has filed: real filing of many small clips, its memory at some points.

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeInstallation } from '../../test/support/daemon.ts';
import { openBacklog } from '../lib/backlog.ts';
import { inDirectoryBelow } from '../lib/bench.ts';
import { startBuilt } from '../lib/built-daemon.ts';
import { costsOf } from '../lib/process-costs.ts';
import { untilQuiet } from '../lib/quiet.ts';

const mebibyte = 1024 * 1024;
const clipBytes = 4096;
/** What memory is taken at: when it has filed so many, and has rested. */
const milestones = [1000, 10_000, 50_000, 100_000];
const inMemory = '/dev/shm';
/** Longer than a thread rests before it gives memory back (src/base/spare-memory.ts). */
const restMs = 25_000;

export type Memory = Readonly<{ filed: number; pssMebibytes: number }>[];

/** On a disk in memory where there is one: the syncs of so many clips would be all that is waited for. */
export function measureMemory(clips: number): Promise<Memory> {
  const parent = existsSync(inMemory) ? inMemory : tmpdir();
  return inDirectoryBelow(parent, directory => measureIn(directory, clips));
}

async function measureIn(directory: string, clips: number): Promise<Memory> {
  const temporary = process.env.TMPDIR;
  process.env.TMPDIR = directory;
  try {
    const place = await makeInstallation({ settings: ['  limits: { minFreeBytes: 0 }'] });
    await using daemon = await startBuilt(place.config);
    using backlog = openBacklog(place);
    const found: { filed: number; pssMebibytes: number }[] = [];
    let filed = 0;
    for (const milestone of [...milestones.filter(each => each < clips), clips]) {
      await backlog.file(milestone - filed, () => randomBytes(clipBytes));
      filed = milestone;
      await sleep(restMs);
      await untilQuiet('the daemon', [daemon.pid]);
      found.push({ filed, pssMebibytes: Math.round(costsOf([daemon.pid]).pssBytes / mebibyte) });
      process.stderr.write(`memory: ${filed} clips filed\n`);
    }
    return found;
  } finally {
    if (temporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = temporary;
  }
}

export function memoryInWords(facts: Memory): string[] {
  const each = facts.map(({ filed, pssMebibytes }) => `${pssMebibytes} MiB with ${filed}`).join(', ');
  return [`memory of the daemon (PSS) after filing clips, when it does nothing: ${each}`];
}
