// Runs the fuzzers against a receiver in batches. After each batch a camera uploads: its file must be stored as it was
// sent. At the end everything that the receiver held must be back where it was before.

import { createHash } from 'node:crypto';
import { loginExplicit, loginImplicit } from '../support/ftps-client.ts';
import { account } from '../support/receiver.ts';
import { fuzzControl, stages } from './control-fuzz.ts';
import { fuzzData } from './data-fuzz.ts';
import { openRandom, type Random } from './random.ts';
import { type HostState, startVictim, type Victim } from './victim.ts';

/** Connections side by side, within one process that has a core to itself at best. */
const concurrency = 16;
const connectionsPerBatch = 96;
const maxLinesPerConnection = 600;
/** One connection of so many is for the data connection's fuzzer. */
const dataEvery = 8;
const settleTimeoutMs = 30_000;
const settleIntervalMs = 50;
/** What a heap may gain between the first batch and the last: caches that fill, code that is compiled. */
const maxHeapGrowthBytes = 24 * 1024 * 1024;
const maxFailures = 20;
const connectionTimeoutMs = 120_000;

export type FuzzOptions = {
  seed: number;
  /** Stops at the first that is reached. */
  maxInputs: number;
  maxSeconds: number;
  /** One connection alone, to see again what a run has found. */
  only?: number;
  onProgress?(progress: { inputs: number; connections: number; elapsedMs: number; heapBytes: number }): void;
};

export type FuzzReport = {
  seed: number;
  /** Control lines that were sent. */
  inputs: number;
  connections: number;
  dataConnections: number;
  elapsedMs: number;
  /** Each with the number of its connection, for `only`. */
  failures: string[];
  before: HostState;
  after: HostState;
};

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const victim = await startVictim();
  let hasEnded = false;
  try {
    const report = await fuzzVictim(victim, options);
    hasEnded = await victim.stop();
    if (!hasEnded) report.failures.push('the process does not end after the receiver has stopped');
    return report;
  } finally {
    if (!hasEnded) await victim.stop();
  }
}

async function fuzzVictim(victim: Victim, options: FuzzOptions): Promise<FuzzReport> {
  const startedAtMs = performance.now();
  const elapsedMs = () => performance.now() - startedAtMs;
  const failures: string[] = [];
  const counts = { inputs: 0, connections: 0, dataConnections: 0 };
  const isDone = () =>
    failures.length >= maxFailures ||
    counts.inputs >= options.maxInputs ||
    elapsedMs() >= options.maxSeconds * 1000 ||
    (options.only !== undefined && counts.connections > 0);

  const one = async (index: number) => {
    const random = openRandom(options.seed, index);
    try {
      await withinTime(attackOnce(random));
    } catch (error) {
      failures.push(`connection ${index}: ${(error as Error).stack}`);
    }
  };

  const attackOnce = async (random: Random) => {
    if (random.oneIn(dataEvery)) {
      counts.dataConnections++;
      await fuzzData(victim, random);
    } else {
      const stage = random.oneIn(3) ? random.pick(stages) : 'logged-in';
      const inputs = await fuzzControl(victim, random, stage, maxLinesPerConnection);
      counts.inputs += inputs;
    }
  };

  await canary(victim, openRandom(options.seed, -1));
  const before = await settled(victim, undefined);
  let next = 0;
  let warm: HostState | undefined;
  while (!isDone()) {
    if (options.only !== undefined) await one(options.only);
    else {
      const end = next + connectionsPerBatch;
      const worker = async () => {
        while (next < end && !isDone()) {
          const index = next++;
          await one(index);
          counts.connections++;
        }
      };
      await Promise.race([victim.died, Promise.all(Array.from({ length: concurrency }, worker))]);
    }
    if (options.only !== undefined) counts.connections++;
    await canary(victim, openRandom(options.seed, -1 - next)).catch(error =>
      failures.push(`after connection ${next - 1}: ${error.stack}`),
    );
    const state = await victim.state();
    warm ??= state;
    failures.push(...state.problems.map(problem => `up to connection ${next - 1}: ${problem}`));
    options.onProgress?.({ ...counts, elapsedMs: elapsedMs(), heapBytes: state.heapBytes });
  }
  const after = await settled(victim, before);
  failures.push(...after.problems, ...leftovers(before, warm ?? before, after));
  return { seed: options.seed, ...counts, elapsedMs: elapsedMs(), failures, before, after };
}

async function withinTime(work: Promise<void>): Promise<void> {
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    deadline = setTimeout(() => reject(new Error('it never came to an end')), connectionTimeoutMs);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(deadline);
  }
}

/** What a camera does, and whether what is stored is what it sent; checks what the fuzzers had stored on the way. */
async function canary(victim: Victim, random: Random): Promise<void> {
  const bytes = random.bytes(1 + random.below(20_000));
  const client = random.oneIn(2)
    ? await loginExplicit(victim.explicitPort, account)
    : await loginImplicit(victim.implicitPort, account);
  const path = `canary-${bytes.length}.bin`;
  const reply = await client.upload(path, bytes, { handshake: random.pick(['before', 'after']) });
  if (reply.code !== 226) throw new Error(`the camera's upload was answered ${reply.code} ${reply.text}`);
  const goodbye = await client.command('QUIT');
  if (goodbye.code !== 221) throw new Error(`the camera's QUIT was answered ${goodbye.code}`);
  const stored = await victim.collect();
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (!stored.some(upload => upload.path === path && upload.sha256 === sha256))
    throw new Error("the camera's upload is not in the inbox as it was sent");
  const lie = stored.find(upload => !upload.isAsItsReceiptSays);
  if (lie !== undefined) throw new Error(`a receipt does not say what is stored: ${JSON.stringify(lie)}`);
}

/** The state once nothing moves any more, or after the longest time that anything may take. */
async function settled(victim: Victim, baseline: HostState | undefined): Promise<HostState> {
  const deadline = performance.now() + settleTimeoutMs;
  const problems: string[] = [];
  for (;;) {
    const state = await victim.state();
    problems.push(...state.problems);
    state.problems = problems;
    const isIdle = state.connections === 0 && state.leasedPorts === 0 && state.incoming === 0;
    const isBack = baseline === undefined || leftovers(baseline, undefined, state).length === 0;
    if ((isIdle && isBack) || performance.now() > deadline) return state;
    await new Promise(resolve => setTimeout(resolve, settleIntervalMs));
  }
}

function leftovers(before: HostState, warm: HostState | undefined, after: HostState): string[] {
  const found: string[] = [];
  const compare = (what: string, was: number, is: number) => {
    if (is > was) found.push(`${what}: ${was} before, ${is} after`);
  };
  compare('control connections', 0, after.connections);
  compare('passive ports', 0, after.leasedPorts);
  compare('entries in incoming', 0, after.incoming);
  compare('descriptors', before.descriptors, after.descriptors);
  for (const [kind, count] of Object.entries(after.resources))
    if (kind !== 'Immediate') compare(`active resources of kind ${kind}`, before.resources[kind] ?? 0, count);
  if (warm !== undefined && after.heapBytes - warm.heapBytes > maxHeapGrowthBytes)
    found.push(`heap: ${warm.heapBytes} bytes after the first batch, ${after.heapBytes} at the end`);
  return found;
}
