import t from 'tap';
import { isCameraName } from '../../src/domain/camera-name.ts';
import {
  addressBytes,
  formatNetwork,
  networkMatcher,
  parseAddress,
  parseNetwork,
} from '../../src/domain/networks.ts';
import { seededRandom } from './seeded-random.ts';

const network = (text: string) => {
  const parsed = parseNetwork(text);
  return parsed === undefined ? undefined : formatNetwork(parsed);
};

t.test('addresses get one spelling; mapped ones are IPv4 and zone suffixes are dropped', async t => {
  for (const [text, canonical] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::', '::'],
    ['::1', '::1'],
  ] as const)
    t.equal(parseAddress(text), canonical, text);
  for (const text of [
    '',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.01',
    'front-door',
    ':::',
    '192.0.2.1/24',
    ' 192.0.2.1',
    '%eth0',
    '1',
  ])
    t.equal(parseAddress(text), undefined, text);
});

t.test('a network is an address with or without a prefix, and no bits behind it', async t => {
  for (const [text, canonical] of [
    ['192.168.20.0/24', '192.168.20.0/24'],
    ['192.168.20.11', '192.168.20.11'],
    ['192.168.20.11/32', '192.168.20.11'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['fd00::/8', 'fd00::/8'],
    ['::1', '::1'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['2001:db8:0:1::/64', '2001:db8:0:1::/64'],
    ['::/0', '::/0'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    [' 10.0.0.0/8 ', '10.0.0.0/8'],
  ] as const)
    t.equal(network(text), canonical, text);
  for (const text of [
    '',
    '192.168.20.11/24',
    '10.0.0.0/33',
    'fd00::1/8',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/08x',
    '10.0.0/8',
    '::ffff:10.0.0.0/104',
    'fe80::1%eth0',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    'all',
    '*',
    '128.0.0.0/0',
  ])
    t.equal(network(text), undefined, text);
});

t.test('an address matches the networks that it lies in, whatever its spelling', async t => {
  const parsed = ['192.168.20.0/24', '10.1.2.3', 'fd00::/8'].map(text => parseNetwork(text) ?? t.fail(text));
  const matches = networkMatcher(parsed as Parameters<typeof networkMatcher>[0]);
  for (const text of [
    '192.168.20.0',
    '192.168.20.255',
    '::ffff:192.168.20.11',
    '10.1.2.3',
    'fdff::1',
    'fd00::1%eth0',
  ])
    t.equal(matches(text), true, text);
  for (const text of [
    '192.168.19.255',
    '192.168.21.0',
    '10.1.2.2',
    '10.1.2.4',
    'fc00::1',
    'fe00::1',
    '',
    'x',
    '::ffff:10.1.2.4',
  ])
    t.equal(matches(text), false, text);
  t.equal(networkMatcher([])('192.168.20.11'), false, 'no networks, nobody');
  t.equal(
    networkMatcher([parseNetwork('0.0.0.0/0') as NonNullable<ReturnType<typeof parseNetwork>>])('::1'),
    false,
  );
});

t.test('the bytes of an address are what its text says', async t => {
  t.strictSame([...addressBytes('192.0.2.1')], [192, 0, 2, 1]);
  t.strictSame([...addressBytes('::')], Array(16).fill(0));
  t.strictSame([...addressBytes('2001:db8::1')], [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1]);
  t.strictSame([...addressBytes('64:ff9b::192.0.2.1')].slice(-4), [192, 0, 2, 1]);
  const random = seededRandom(64);
  for (let round = 0; round < 2000; round += 1) {
    const bytes = Array.from({ length: 16 }, () => (random(2) ? random(256) : 0));
    const groups = Array.from({ length: 8 }, (_, n) =>
      (((bytes[2 * n] ?? 0) << 8) | (bytes[2 * n + 1] ?? 0)).toString(16),
    );
    const address = parseAddress(groups.join(':'));
    if (address === undefined || address.includes('.')) continue;
    if (addressBytes(address).join() !== bytes.join()) return t.fail(`${groups.join(':')} as ${address}`);
  }
});

t.test('a camera may be called what is fit for an account, a directory and a comment', async t => {
  for (const name of ['a', '0', 'front-door', 'a-', '1-2', 'x'.repeat(30), 'x'.repeat(31)])
    t.equal(isCameraName(name), true, name);
  for (const name of [
    '',
    '-a',
    'A',
    'front_door',
    'front door',
    'über',
    'a\n',
    'a.b',
    '..',
    'a/b',
    'x'.repeat(32),
  ])
    t.equal(isCameraName(name), false, JSON.stringify(name));
});
