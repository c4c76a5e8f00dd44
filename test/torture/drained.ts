import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const timeoutMs = 60_000;
const pollMs = 25;

/**
 * Resolves when nothing is in the inbox or on its way to it, or when `isOver`; throws what still is there when that lasts too
 * long. By looking: nobody but the daemon knows when it is through, and it may not live to say so.
 */
export async function untilDrained(dataDir: string, isOver: () => boolean = () => false): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const left = [...namesIn(join(dataDir, 'incoming')), ...entriesOf(join(dataDir, 'inbox'))];
    if (left.length === 0 || isOver()) return;
    if (performance.now() > deadline) throw new Error(`not filed in time: ${left.join(', ')}`);
    await sleep(pollMs);
  }
}

function entriesOf(inbox: string): string[] {
  return namesIn(inbox).flatMap(camera => namesIn(join(inbox, camera)).map(id => `${camera}/${id}`));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
