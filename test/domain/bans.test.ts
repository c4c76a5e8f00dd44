import { readFileSync } from 'node:fs';
import t from 'tap';
import { banPoints, maxAttempts, maxTracked, maxTrackedPerNetwork } from '../../src/domain/ban-score.ts';
import { type Ban, createBans, maxBans, networkFactor, repetitionMemoryMs } from '../../src/domain/bans.ts';
import { type Network, networkMatcher, parseNetwork } from '../../src/domain/networks.ts';

const limits = {
  threshold: 100,
  halfLifeMs: 600_000,
  firstBanMs: 300_000,
  maxBanMs: 3_600_000,
  maxBackOffMs: 10_000,
};
const minuteMs = 60_000;
const nowMs = Date.parse('2026-11-21T08:00:00Z');
const stranger = '192.168.20.66';

/** `cameras` says which camera logged in at which address. */
function bansWith(cameras: Record<string, string> = {}, restored: Ban[] = []) {
  return createBans(
    limits,
    {
      camerasAt: address => [cameras[address] ?? []].flat(),
      hasCameraIn: network => Object.keys(cameras).some(networkMatcher([network])),
    },
    restored,
  );
}

function network(text: string): Network {
  const parsed = parseNetwork(text);
  if (parsed === undefined) throw new Error(`${text} is no network`);
  return parsed;
}

let nextGuess = 0;
function guess(bans: ReturnType<typeof bansWith>, address: string, atMs = nowMs, name = 'front-door') {
  nextGuess += 1;
  return bans.failedLogin({ address, name, attempt: `guess ${nextGuess}`, delayMs: 1000 }, atMs);
}

t.test('an address is banned at the threshold and not below it', async t => {
  const bans = bansWith();
  for (let count = 1; count < 10; count += 1) t.same(guess(bans, stranger).made, [], String(count));
  t.equal(bans.covering(stranger, nowMs), undefined);
  const [made] = guess(bans, stranger).made;
  t.match(made, {
    subject: stranger,
    sinceMs: nowMs,
    untilMs: nowMs + limits.firstBanMs,
    repetition: 1,
    reasons: { 'bad-login': 10 },
  });
  t.same(bans.covering(stranger, nowMs), made);
  t.equal(bans.covering('192.168.20.67', nowMs), undefined, 'the neighbour is not');
  t.same(guess(bans, stranger).made, [], 'what comes while it is banned makes no second ban');
});

t.test('a ban holds until its last millisecond', async t => {
  const bans = bansWith();
  for (let count = 0; count < 2; count += 1) bans.note(stranger, 'foreign-protocol', nowMs);
  t.ok(bans.covering(stranger, nowMs + limits.firstBanMs - 1));
  t.same(bans.expire(nowMs + limits.firstBanMs - 1).ended, []);
  t.notOk(bans.covering(stranger, nowMs + limits.firstBanMs));
  t.equal(bans.expire(nowMs + limits.firstBanMs).ended.length, 1);
  t.same(bans.expire(nowMs + limits.firstBanMs).ended, [], 'told once');
});

t.test('each further ban lasts twice as long up to the cap, until a day without one', async t => {
  const bans = bansWith();
  let atMs = nowMs;
  const banOnce = () => {
    bans.note(stranger, 'foreign-protocol', atMs);
    const [made] = bans.note(stranger, 'foreign-protocol', atMs);
    if (made === undefined) throw new Error('not banned');
    atMs = made.untilMs;
    return (made.untilMs - made.sinceMs) / minuteMs;
  };
  t.same([1, 2, 3, 4, 5, 6].map(banOnce), [5, 10, 20, 40, 60, 60]);
  atMs += repetitionMemoryMs - 1;
  t.same(bans.expire(atMs).forgotten, []);
  t.equal(banOnce(), 60);
  atMs += repetitionMemoryMs;
  t.equal(bans.expire(atMs).forgotten.length, 1);
  t.equal(banOnce(), 5);
});

t.test('points fade by half in a half-life, also when the clock was set back', async t => {
  const bans = bansWith();
  for (let count = 0; count < 9; count += 1) guess(bans, stranger);
  const laterMs = nowMs + limits.halfLifeMs;
  for (let count = 0; count < 5; count += 1) t.same(guess(bans, stranger, laterMs).made, [], '45 and 50');
  t.equal(guess(bans, stranger, laterMs).made.length, 1, '45 and 60');
  const other = bansWith();
  for (let count = 0; count < 9; count += 1) guess(other, stranger);
  t.equal(guess(other, stranger, nowMs - 10 * limits.halfLifeMs).made.length, 1);
});

t.test('a camera with a wrong setting that tries every ten seconds all night is not banned', async t => {
  for (const event of ['plaintext-login', 'handshake-failure', 'tls-on-explicit-port'] as const) {
    const bans = bansWith();
    for (let atMs = 0; atMs < 12 * 60 * minuteMs; atMs += 10_000)
      if (bans.note(stranger, event, nowMs + atMs).length > 0) t.fail(`${event} after ${atMs} ms`);
  }
  const bans = bansWith();
  for (let atMs = 0; atMs < 12 * 60 * minuteMs; atMs += 10_000) {
    const attempt = { address: stranger, name: 'front-dor', attempt: 'always the same', delayMs: 1000 };
    if (bans.failedLogin(attempt, nowMs + atMs).made.length > 0) t.fail(`log-in after ${atMs} ms`);
  }
  const hasty = bansWith();
  const made = Array.from({ length: 110 }, () => hasty.note(stranger, 'handshake-failure', nowMs)).flat();
  t.equal(made.length, 1, 'a hundred at once are another matter');
});

t.test('the same name and password again is no guess, among the last that were tried', async t => {
  const bans = bansWith();
  const tryAgain = (attempt: string) =>
    bans.failedLogin({ address: stranger, name: 'a', attempt, delayMs: 0 }, nowMs).made;
  for (let count = 0; count < 80; count += 1) t.same(tryAgain('same'), []);
  t.equal(tryAgain('another').length, 0, '10 + 79 + 10');
  t.equal(tryAgain('a third').length, 1);
  t.ok(maxAttempts * banPoints['bad-login'] > limits.threshold, 'nobody is banned later for a short memory');
});

t.test(
  'a camera is never banned for its own name where it logged in, its answers only come later',
  async t => {
    const bans = bansWith({ '192.168.20.11': 'front-door' });
    const delays = [1, 2, 3, 4, 5, 6].map(() => guess(bans, '192.168.20.11').delayMs);
    t.same(delays, [1000, 2000, 4000, 8000, 10_000, 10_000]);
    for (let count = 0; count < 1000; count += 1) t.same(guess(bans, '192.168.20.11').made, []);
    bans.loggedIn('192.168.20.11', 'front-door');
    t.equal(guess(bans, '192.168.20.11').delayMs, 1000, 'over when it logged in');
    guess(bans, '192.168.20.11');
    const laterMs = nowMs + limits.halfLifeMs + 1;
    t.equal(guess(bans, '192.168.20.11', laterMs).delayMs, 1000, 'and when it was quiet for a while');
    t.equal(guess(bans, stranger).delayMs, 1000, 'elsewhere the same name has no back-off');
  },
);

t.test('another name tried from a camera’s address counts as from anywhere', async t => {
  const bans = bansWith({ '192.168.20.11': 'front-door' });
  const made = Array.from({ length: 10 }, () => guess(bans, '192.168.20.11', nowMs, 'back-door').made).flat();
  t.match(made, [{ subject: '192.168.20.11' }]);
});

t.test('an IPv6 address is banned by itself, and its /64 at four times the points', async t => {
  const bans = bansWith();
  const made = [];
  for (let host = 1; made.length === 0 || made.at(-1)?.subject !== '2001:db8:1:2::/64'; host += 1) {
    if (host > 100) throw new Error('never banned');
    made.push(...bans.note(`2001:db8:1:2::${host.toString(16)}`, 'foreign-protocol', nowMs));
  }
  t.equal(made.length, 1, 'no address of it came to the threshold');
  t.match(made, [{ reasons: { 'foreign-protocol': (networkFactor * limits.threshold) / 50 } }]);
  t.ok(bans.covering('2001:db8:1:2:ffff::1', nowMs));
  t.notOk(bans.covering('2001:db8:1:3::1', nowMs));
  bans.note('2001:db8:1:3::1', 'foreign-protocol', nowMs);
  t.match(bans.note('2001:db8:1:3::1', 'foreign-protocol', nowMs), [{ subject: '2001:db8:1:3::1' }]);
  t.notOk(bans.covering('2001:db8:1:3::2', nowMs));
});

t.test('a /64 with a camera in it is never banned whole, nor one that got a camera later', async t => {
  const cameras: Record<string, string> = { 'fd00::1:2:3:4': 'den' };
  const bans = bansWith(cameras);
  for (let host = 1; host <= 100; host += 1)
    for (let count = 0; count < 2; count += 1)
      for (const { subject } of bans.note(`fd00::${host.toString(16)}`, 'foreign-protocol', nowMs))
        t.notMatch(subject, '/');
  t.ok(bans.covering('fd00::64', nowMs));
  t.notOk(bans.covering('fd00::1:2:3:4', nowMs));
  for (let host = 1; host <= 8; host += 1) bans.note(`fd01::${host}`, 'foreign-protocol', nowMs);
  t.ok(bans.covering('fd01::99', nowMs));
  cameras['fd01::99'] = 'attic';
  t.notOk(bans.covering('fd01::99', nowMs));
});

t.test('whoever has a /64 can neither fill the memory nor push others out of it', async t => {
  const bans = bansWith({ 'fd00::1:2:3:4': 'den' });
  for (let count = 0; count < 2; count += 1) bans.note(stranger, 'foreign-protocol', nowMs);
  bans.note('192.168.20.67', 'foreign-protocol', nowMs);
  for (let host = 1; host <= 20_000; host += 1) bans.note(`fd00::${host.toString(16)}`, 'bad-login', nowMs);
  t.equal(bans.tracked(), 1 + 1 + maxTrackedPerNetwork);
  for (let host = 1; host <= 1000; host += 1)
    for (let count = 0; count < 2; count += 1)
      bans.note(`fd00::${host.toString(16)}`, 'foreign-protocol', nowMs + host);
  t.equal(bans.all().length, 1 + maxTrackedPerNetwork);
  t.ok(bans.covering(stranger, nowMs));
  t.equal(bans.note('192.168.20.67', 'foreign-protocol', nowMs).length, 1, 'its points were kept');
});

t.test('the memory is bounded for IPv4 too, and the oldest is forgotten', async t => {
  const bans = bansWith();
  const address = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
  for (let index = 0; index < maxTracked; index += 1) bans.note(address(index), 'foreign-protocol', nowMs);
  t.equal(bans.tracked(), maxTracked);
  bans.note('192.0.2.1', 'foreign-protocol', nowMs);
  t.equal(bans.tracked(), maxTracked);
  t.same(bans.note(address(0), 'foreign-protocol', nowMs), [], 'forgotten');
  t.equal(bans.note(address(2), 'foreign-protocol', nowMs).length, 1, 'remembered');
});

t.test('a pardon forgives what happened until it was given, and nothing later', async t => {
  const bans = bansWith();
  const banAt = (address: string, atMs: number) => {
    bans.note(address, 'foreign-protocol', atMs);
    bans.note(address, 'foreign-protocol', atMs);
  };
  banAt(stranger, nowMs);
  banAt('192.168.20.67', nowMs);
  const pardon = { network: network(stranger), atMs: nowMs + 1 };
  t.match(bans.pardon([pardon], nowMs + 1), [{ subject: stranger }]);
  t.notOk(bans.covering(stranger, nowMs + 1));
  t.ok(bans.covering('192.168.20.67', nowMs + 1));
  banAt(stranger, nowMs + 2);
  t.same(bans.pardon([pardon], nowMs + 3), [], 'read again it does nothing');
  t.match(bans.covering(stranger, nowMs + 3), { repetition: 1 }, 'the first ban was forgotten');
  t.equal(bans.pardon([{ network: null, atMs: nowMs + 4 }], nowMs + 4).length, 2);
});

t.test('a pardon forgets points, but not those that came later', async t => {
  for (const address of [stranger, '2001:db8::1']) {
    const bans = bansWith();
    const noteAll = (atMs: number) =>
      (['foreign-protocol', 'line-too-long'] as const).flatMap(event => bans.note(address, event, atMs));
    const pardons = [{ network: network(address), atMs: nowMs }];
    noteAll(nowMs);
    bans.pardon(pardons, nowMs);
    t.same(noteAll(nowMs + 1), []);
    bans.pardon(pardons, nowMs + 1);
    t.equal(noteAll(nowMs + 1).length, 1);
  }
});

t.test('a pardon of an address lifts the ban of its /64, one of a network all bans in it', async t => {
  const ban = (subject: string) => ({
    subject,
    sinceMs: nowMs,
    untilMs: nowMs + 1000,
    repetition: 1,
    reasons: {},
  });
  const restored = ['2001:db8::/64', '2001:db8::1', '2001:db8::2', '192.168.20.66', '192.168.21.1'].map(ban);
  const lifted = (text: string) =>
    bansWith({}, restored)
      .pardon([{ network: network(text), atMs: nowMs }], nowMs)
      .map(({ subject }) => subject);
  t.same(lifted('2001:db8::1'), ['2001:db8::/64', '2001:db8::1']);
  t.same(lifted('2001:db8::/64'), ['2001:db8::/64', '2001:db8::1', '2001:db8::2']);
  t.same(lifted('192.168.20.0/24'), ['192.168.20.66']);
});

t.test(
  'bans of an earlier process hold, and a clock that was set back does not make them longer',
  async t => {
    const old = { subject: stranger, sinceMs: nowMs, untilMs: nowMs + 300_000, repetition: 3, reasons: {} };
    const bans = bansWith({}, [old]);
    t.match(bans.covering(stranger, nowMs + 1), old);
    const backMs = nowMs - 365 * 24 * 60 * minuteMs;
    t.equal(bans.covering(stranger, backMs)?.untilMs, backMs + 300_000);
    t.notOk(bans.covering(stranger, backMs + 300_000));
    t.equal(
      bansWith({}, [old]).pardon([{ network: null, atMs: backMs }], backMs).length,
      1,
      'nor out of reach',
    );
  },
);

t.test('docs/security.md shows what counts how much', async t => {
  const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z-]+)`[^|]*\| (\d+) \|$/gm)].map(([, event, points]) => [
    event,
    Number(points),
  ]);
  t.same(Object.fromEntries(rows), banPoints);
});

t.test('a full list forgets the ban that ends first', async t => {
  const address = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
  const restored = Array.from({ length: maxBans }, (_, index) => ({
    subject: address(index),
    sinceMs: nowMs,
    untilMs: nowMs + 1_000_000 + ((index + 7) % maxBans),
    repetition: 1,
    reasons: {},
  }));
  const bans = bansWith({}, restored);
  for (let count = 0; count < 2; count += 1) bans.note(stranger, 'foreign-protocol', nowMs);
  t.equal(bans.all().length, maxBans);
  t.ok(bans.covering(stranger, nowMs));
  t.notOk(bans.covering(address(maxBans - 7), nowMs));
  t.ok(bans.covering(address(maxBans - 6), nowMs));
  t.match(bans.expire(nowMs).forgotten, [{ subject: address(maxBans - 7) }], 'to be forgotten on disk, too');
  t.same(bans.expire(nowMs).forgotten, []);
});
