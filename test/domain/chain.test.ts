import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import t from 'tap';
import {
  type ChainEntry,
  chainDay,
  formatEntry,
  formatHead,
  genesisText,
  headText,
  linkText,
  parseEntry,
  parseHead,
} from '../../src/domain/chain.ts';
import { seededRandom } from './seeded-random.ts';

const kept: ChainEntry = {
  type: 'kept',
  media: 'clip',
  id: 'a'.repeat(26),
  camera: 'front-door',
  bytes: 1000,
  sha256: 'b'.repeat(64),
  receivedAt: Date.UTC(2026, 10, 21, 2, 14, 3),
  receiptSha256: 'c'.repeat(64),
};
const { receivedAt: _receivedAt, receiptSha256: _receipt, ...facts } = kept;
const gone: ChainEntry = { ...facts, type: 'gone', reason: 'free-disk' };
const at = Date.UTC(2026, 10, 21, 2, 14, 4, 120);

t.test('an entry is one line that a person can read', async t => {
  t.equal(
    formatEntry({ number: 17, at, entry: kept }),
    `17 2026-11-21T02:14:04.120Z kept clip ${kept.id} front-door 1000 ${kept.sha256} 2026-11-21T02:14:03.000Z ${'c'.repeat(64)}`,
  );
  t.equal(
    formatEntry({ number: 18, at, entry: gone }),
    `18 2026-11-21T02:14:04.120Z gone clip ${kept.id} front-door 1000 ${kept.sha256} free-disk`,
  );
});

t.test('whatever is written is read as it was written, and is ASCII without a line feed', async t => {
  const random = seededRandom(4);
  const text = (length: number, alphabet: string) =>
    Array.from({ length }, () => alphabet[random(alphabet.length)]).join('');
  for (let i = 0; i < 500; i++) {
    const common = {
      media: random(2) === 0 ? 'clip' : 'segment',
      id: text(26, '0123456789abcdefghjkmnpqrstvwxyz'),
      camera: `c${text(random(31), 'abc09-')}`,
      bytes: random(2 ** 31) * random(1000),
      sha256: text(64, '0123456789abcdef'),
    } as const;
    const entry: ChainEntry =
      random(2) === 0
        ? {
            ...common,
            type: 'kept',
            receivedAt: random(2 ** 31) * 1000,
            receiptSha256: random(3) === 0 ? null : text(64, '0123456789abcdef'),
          }
        : { ...common, type: 'gone', reason: `r${text(random(32), 'ab-')}` };
    const placed = { number: random(2 ** 31) + 1, at: random(2 ** 31) * 1000 + random(1000), entry };
    const line = formatEntry(placed);
    t.match(line, /^[\x20-\x7e]+$/);
    t.strictSame(parseEntry(line), placed);
  }
});

t.test('what could be read in two ways is never written', async t => {
  const refused = (change: object) =>
    t.throws(() => formatEntry({ number: 1, at, entry: { ...kept, ...change } as ChainEntry }), /entry/);
  refused({ camera: 'front door' });
  refused({ camera: 'front\ndoor' });
  refused({ camera: '' });
  refused({ id: `${'a'.repeat(25)} ` });
  refused({ bytes: -1 });
  refused({ bytes: 1.5 });
  refused({ bytes: Number.NaN });
  refused({ sha256: 'B'.repeat(64) });
  refused({ receiptSha256: '' });
  refused({ receivedAt: 8.64e15 });
  t.throws(
    () => formatEntry({ number: 1, at, entry: { ...gone, reason: 'two words' } as ChainEntry }),
    /entry/,
  );
  t.throws(() => formatEntry({ number: 0, at, entry: kept }), /entry/);
});

t.test('a line that was not written here is not read', async t => {
  const line = formatEntry({ number: 17, at, entry: kept });
  t.ok(parseEntry(line));
  for (const wrong of [
    '',
    `${line} `,
    ` ${line}`,
    `${line}\n`,
    line.replace('17 ', '017 '),
    line.replace('kept', 'gone'),
    line.replace('02:14:04.120Z', '02:14:04.12Z0'),
    line.replace('2026-11-21T02:14:03.000Z', '2026-11-31T02:14:03.000Z'),
    line.replace(' 1000 ', '  1000 '),
    line.replace(' clip ', ' event '),
  ])
    t.equal(parseEntry(wrong), undefined, wrong);
});

t.test(
  'the first entry builds on the id of the archive, every other on the one before, as sha256sum says',
  async t => {
    const sum = (text: string) => execFileSync('sha256sum', { input: text, encoding: 'latin1' }).slice(0, 64);
    const ours = (text: string) => createHash('sha256').update(text).digest('hex');
    t.equal(genesisText('0d3b'), 'clipward-chain-1\n0d3b\n');
    t.not(ours(genesisText('a')), ours(genesisText('b')));
    const genesis = ours(genesisText('0d3b'));
    const line = formatEntry({ number: 1, at, entry: kept });
    t.equal(ours(linkText(genesis, line)), sum(`${genesis}\n${line}`));
  },
);

t.test('a head is a text to sign and a word to copy', async t => {
  const head = { day: '2026-11-21', number: 17, hash: 'd'.repeat(64) };
  t.equal(headText('0d3b', head), `clipward-head-1\n0d3b\n2026-11-21\n17\n${head.hash}\n`);
  t.equal(formatHead(head), `17-${head.hash}`);
  t.strictSame(parseHead(formatHead(head)), { number: 17, hash: head.hash });
  for (const wrong of ['', '17', head.hash, `0-${head.hash}`, `17-${'D'.repeat(64)}`, `17-${head.hash}0`])
    t.equal(parseHead(wrong), undefined, wrong);
});

t.test('a day never comes after a later one, also when our clock is set back', async t => {
  t.equal(chainDay(Date.UTC(2026, 10, 21), undefined), '2026-11-21');
  t.equal(chainDay(Date.UTC(2026, 10, 21) - 1, '2026-11-20'), '2026-11-20');
  t.equal(chainDay(Date.UTC(2026, 10, 21), '2026-11-20'), '2026-11-21');
  t.equal(chainDay(Date.UTC(2020, 0, 1), '2026-11-21'), '2026-11-21');
});
