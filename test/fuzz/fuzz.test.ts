// A bounded run of the fuzzer; `npm run fuzz` runs it for as long as asked. What a failure prints is how to see it again.

import { randomInt } from 'node:crypto';
import t from 'tap';
import { fuzz } from './fuzzer.ts';

const fixedSeed = 20_261_121;
const maxSeconds = 6;
const maxInputs = 30_000;
/** A run that got nowhere has shown nothing. */
const minInputs = 300;

t.setTimeout(240_000);

for (const seed of [fixedSeed, randomInt(2 ** 31)]) {
  t.test(`nonsense on both kinds of connection does no harm, seed ${seed}`, async t => {
    const report = await fuzz({ seed, maxInputs, maxSeconds });
    t.comment(
      `${report.inputs} control lines on ${report.connections} connections, ${report.dataConnections} of them for data`,
    );
    t.ok(report.inputs >= minInputs, `${report.inputs} control lines were sent`);
    t.ok(report.dataConnections > 0, 'data connections were opened');
    t.same(report.failures, [], `see each again with: npm run fuzz -- --seed ${seed} --only CONNECTION`);
  });
}
