import { mock } from 'node:test';
import t from 'tap';
import { readPublicKeys } from '../../src/access/signing-key.ts';
import { openLog } from '../../src/base/log.ts';
import { formatHead } from '../../src/domain/chain.ts';
import { startHeadAnnouncements } from '../../src/inspect/announce-head.ts';
import { chainedArchive } from './chained-archive.ts';

const minuteMs = 60_000;

t.test('the head is told at the start and once on every day, whatever the clock does in between', async t => {
  const archive = await chainedArchive(t);
  const { current } = await readPublicKeys(archive.stateDir);
  const lines: Array<Record<string, unknown>> = [];
  const log = openLog({
    level: 'info',
    stream: { write: line => void lines.push(JSON.parse(line)) },
    pretty: false,
  });
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const clock = { now: () => archive.clock.at, monotonicMs: () => 0 };
  const { archiveId, catalogue } = archive;
  if (current === undefined) throw new Error('a key was expected');
  const announcing = startHeadAnnouncements({ archiveId, catalogue, publicKey: current, clock, log });
  t.strictSame(lines, [], 'nothing was taken in yet');

  archive.fileClip('a1');
  const first = catalogue.chainHead();
  archive.clock.at = Date.UTC(2026, 10, 22) - 1;
  mock.timers.tick(minuteMs);
  t.equal(lines.length, 0);
  archive.clock.at += 1;
  mock.timers.tick(minuteMs);
  mock.timers.tick(minuteMs);
  t.equal(lines.length, 1);
  t.match(lines[0], {
    msg: 'chain head',
    level: 30,
    head: formatHead(first ?? { number: 0, hash: '' }),
    day: '2026-11-21',
    signature: first?.signature,
    keyFingerprint: current.fingerprint,
  });

  archive.sqlite("UPDATE chain_head SET signature = 'x'");
  archive.nextDay();
  mock.timers.tick(minuteMs);
  t.match(lines.slice(1), [
    { level: 50, msg: 'chain does not end with its signed head', entry: 1 },
    { msg: 'chain head' },
  ]);

  announcing[Symbol.dispose]();
  archive.nextDay();
  mock.timers.tick(minuteMs);
  t.equal(lines.length, 3);
});

t.test('a chain that cannot be read stops nobody', async t => {
  const lines: Array<Record<string, unknown>> = [];
  const log = openLog({
    level: 'info',
    stream: { write: line => void lines.push(JSON.parse(line)) },
    pretty: false,
  });
  const broken = () => {
    throw new Error('database disk image is malformed');
  };
  using _announcing = startHeadAnnouncements({
    archiveId: 'x',
    catalogue: { chainHead: broken, hashOf: broken, lastNumber: broken },
    publicKey: { fingerprint: '', verify: () => true },
    clock: { now: () => 0, monotonicMs: () => 0 },
    log,
  });
  t.match(lines, [{ level: 50, msg: 'chain cannot be read', error: /malformed/ }]);
});
