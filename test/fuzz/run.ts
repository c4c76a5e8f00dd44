// npm run fuzz -- [--seconds N | --inputs N] [--seed S] [--only CONNECTION]: the fuzzer for as long as asked.

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { fuzz } from './fuzzer.ts';

const defaultSeconds = 60;
const progressIntervalMs = 10_000;
const mebibyte = 1024 * 1024;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    inputs: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
  },
});

const seed = number('seed') ?? randomInt(2 ** 31);
const only = number('only');
const seconds = number('seconds');
const inputs = number('inputs');
console.log(`seed ${seed}`);
let lastAtMs = 0;
const report = await fuzz({
  seed,
  maxInputs: inputs ?? Number.POSITIVE_INFINITY,
  maxSeconds: seconds ?? (inputs === undefined ? defaultSeconds : Number.POSITIVE_INFINITY),
  ...(only === undefined ? {} : { only }),
  onProgress: ({ inputs, connections, elapsedMs, heapBytes }) => {
    if (elapsedMs - lastAtMs < progressIntervalMs) return;
    lastAtMs = elapsedMs;
    const rate = Math.round((inputs * 1000) / elapsedMs);
    const heap = Math.round(heapBytes / mebibyte);
    console.log(`${inputs} lines on ${connections} connections, ${rate} a second, heap ${heap} MiB`);
  },
});

const { before, after, failures, elapsedMs } = report;
console.log(
  `${report.inputs} control lines on ${report.connections} connections (${report.dataConnections} of them for data) in ${Math.round(elapsedMs / 1000)} s`,
);
for (const [when, state] of [
  ['before', before],
  ['after', after],
] as const) {
  const { problems: _, logged: _logged, ...held } = state;
  console.log(`${when}: ${JSON.stringify(held)}`);
}
console.log(`logged: ${JSON.stringify(after.logged)}`);
for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(failures.length === 0 ? 'nothing found' : `${failures.length} found`);
// Sockets that were cut off in the middle of a handshake keep Node 24 from ending by itself.
process.exit(failures.length === 0 ? 0 : 1);

function number(name: keyof typeof values): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  if (!/^\d{1,12}$/.test(text)) throw new Error(`--${name} takes a number`);
  return Number(text);
}
