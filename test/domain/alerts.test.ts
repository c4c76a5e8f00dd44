import t from 'tap';
import { maxAlertsInMessage, messageOf } from '../../src/domain/alert-text.ts';
import {
  type Alert,
  type AlertNews,
  type AlertRules,
  type Condition,
  planAlerts,
} from '../../src/domain/alerts.ts';
import { seededRandom } from './seeded-random.ts';

const minuteMs = 60_000;
const rules: AlertRules = {
  ...{ repeatMs: 60 * minuteMs, gatherMs: 45_000, minIntervalMs: 5 * minuteMs },
  isQuietAt: () => false,
};
const silent = (subject: string): Condition => ({
  ...{ kind: 'camera-silent', subject, sentence: `Camera ${subject} is silent.` },
});

/** What the catalogue keeps, without a catalogue. */
function newBook(overrides: Partial<AlertRules> = {}, canTell = true) {
  let alerts: Alert[] = [];
  let lastMessageAt: number | null = null;
  const messages: { at: number; news: readonly AlertNews[] }[] = [];
  return {
    messages,
    alerts: () => alerts,
    look(now: number, conditions: readonly Condition[], covers: (kind: string) => boolean = () => true) {
      const plan = planAlerts({
        ...{ known: alerts, conditions, covers, canTell, lastMessageAt, now },
        rules: { ...rules, ...overrides },
      });
      const key = ({ kind, subject }: Condition) => `${kind} ${subject}`;
      const stored = new Map(alerts.map(alert => [key(alert), alert]));
      for (const alert of plan.changed) stored.set(key(alert), alert);
      for (const alert of plan.forgotten) stored.delete(key(alert));
      alerts = [...stored.values()];
      if (plan.news.length > 0) {
        lastMessageAt = now;
        messages.push({ at: now, news: plan.news });
      }
      return plan;
    },
  };
}

t.test('what is wrong is told once it has waited for others, and not before', async t => {
  const book = newBook();
  t.equal(book.look(0, [silent('den')]).raised.length, 1);
  book.look(44_999, [silent('den')]);
  t.equal(book.messages.length, 0);
  book.look(45_000, [silent('den')]);
  t.match(book.messages, [{ at: 45_000, news: [{ state: 'raised', subject: 'den', raisedAt: 0 }] }]);
  t.equal(book.look(45_001, [silent('den')]).changed.length, 0, 'and then nothing is to be written');
});

t.test('forty cameras that fall silent with their switch are one message', async t => {
  const book = newBook();
  const cameras = Array.from({ length: 40 }, (_, index) => silent(`camera-${index}`));
  for (let index = 0; index <= 40; index++) book.look(index * 1000, cameras.slice(0, index));
  book.look(46_000, cameras);
  t.equal(book.messages.length, 1);
  t.equal(book.messages[0]?.news.length, 40);
});

t.test('between two messages there is a least time, and what happened meanwhile is one message', async t => {
  const book = newBook();
  book.look(0, [silent('a')]);
  book.look(45_000, [silent('a')]);
  book.look(60_000, [silent('b')]);
  book.look(45_000 + 5 * minuteMs - 1, [silent('b')]);
  t.equal(book.messages.length, 1);
  book.look(45_000 + 5 * minuteMs, [silent('b')]);
  t.match(book.messages[1]?.news, [
    { state: 'cleared', subject: 'a', clearedAt: 60_000 },
    { state: 'raised', subject: 'b' },
  ]);
  t.equal(book.alerts().length, 1, 'what ended and was told is forgotten');
});

t.test('what lasts is told again after the time that was set, or never', async t => {
  for (const [repeatMs, expected] of [
    [60 * minuteMs, 3],
    [null, 1],
  ] as const) {
    const book = newBook({ repeatMs });
    for (let at = 0; at <= 150 * minuteMs; at += 30_000) book.look(at, [silent('den')]);
    t.equal(book.messages.length, expected);
  }
});

t.test('it is told again when that time has passed, and not a moment before', async t => {
  const book = newBook();
  book.look(0, [silent('den')]);
  book.look(45_000, [silent('den')]);
  book.look(45_000 + 60 * minuteMs - 1, [silent('den')]);
  t.equal(book.messages.length, 1);
  book.look(45_000 + 60 * minuteMs, [silent('den')]);
  t.match(book.messages[1]?.news, [{ state: 'lasting', subject: 'den', raisedAt: 0 }]);
});

t.test('what is over before it was told waits no longer than from when it began', async t => {
  const book = newBook();
  book.look(0, [silent('a')]);
  book.look(30_000, []);
  book.look(44_999, []);
  t.equal(book.messages.length, 0);
  book.look(45_000, []);
  t.match(book.messages[0]?.news, [{ state: 'cleared', raisedAt: 0, clearedAt: 30_000 }]);
});

t.test('an alert says what is wrong now, and not what was when it was raised', async t => {
  const book = newBook();
  book.look(0, [silent('a')]);
  const longer = { ...silent('a'), sentence: 'Camera a has been silent for long.' };
  t.match(book.look(30_000, [longer]).changed, [{ ...longer, raisedAt: 0 }]);
  book.look(45_000, [longer]);
  t.match(book.messages[0]?.news, [longer]);
});

t.test('in quiet hours nothing is sent; afterwards all that happened comes, also what is over', async t => {
  const book = newBook({ isQuietAt: at => at < 10 * minuteMs });
  book.look(0, [silent('a'), silent('b')]);
  book.look(5 * minuteMs, [silent('a')]);
  book.look(10 * minuteMs - 1, [silent('a')]);
  t.equal(book.messages.length, 0);
  book.look(10 * minuteMs, [silent('a')]);
  t.match(book.messages[0]?.news, [
    { state: 'raised', subject: 'a', raisedAt: 0 },
    { state: 'cleared', subject: 'b', raisedAt: 0, clearedAt: 5 * minuteMs },
  ]);
});

t.test('what comes back before its end was told has never ended', async t => {
  const book = newBook();
  book.look(0, [silent('a')]);
  book.look(45_000, [silent('a')]);
  book.look(60_000, []);
  t.equal(book.look(90_000, [silent('a')]).raised.length, 0);
  book.look(45_000 + 5 * minuteMs, [silent('a')]);
  t.equal(book.messages.length, 1);
});

t.test('of kinds that were not looked at nothing ends', async t => {
  const book = newBook();
  book.look(0, [silent('a')]);
  t.equal(book.look(60_000, [], kind => kind !== 'camera-silent').cleared.length, 0);
  t.equal(book.look(60_000, []).cleared.length, 1);
});

t.test('without a channel alerts are raised and end, and nothing piles up', async t => {
  const book = newBook({}, false);
  book.look(0, [silent('a')]);
  t.equal(book.alerts().length, 1);
  book.look(60_000, []);
  t.same(book.alerts(), []);
  t.equal(book.messages.length, 0);
});

t.test('a clock that is set back silences nothing', async t => {
  const book = newBook();
  book.look(1000 * minuteMs, [silent('a')]);
  book.look(1001 * minuteMs, [silent('a')]);
  book.look(0, [silent('a'), silent('b')]);
  book.look(45_000, [silent('a'), silent('b')]);
  t.equal(book.messages.flatMap(({ news }) => news).filter(({ subject }) => subject === 'b').length, 1);
});

t.test('whatever happens: each raising is told, each end too, and messages keep their distance', async t => {
  for (let seed = 1; seed <= 200; seed++) {
    const below = seededRandom(seed);
    const book = newBook({ repeatMs: null, isQuietAt: at => Math.floor(at / (30 * minuteMs)) % 4 === 1 });
    const wrong = new Set<string>();
    let at = 0;
    for (let step = 0; step < 300; step++) {
      at += below(2 * minuteMs);
      const subject = `c${below(6)}`;
      if (below(5) === 0 && !wrong.delete(subject)) wrong.add(subject);
      book.look(at, [...wrong].map(silent));
    }
    const told = new Map<string, string>();
    for (const { news } of book.messages) {
      for (const { subject, state } of news) {
        if (state === 'raised') t.not(told.get(subject), 'raised', `${seed}: twice`);
        told.set(subject, state);
      }
    }
    for (let calm = 1; calm <= 100; calm++) book.look(at + calm * minuteMs, [...wrong].map(silent));
    for (const { subject, state } of book.messages.flatMap(({ news }) => news)) told.set(subject, state);
    for (const subject of wrong) t.equal(told.get(subject), 'raised', `${seed}: ${subject}`);
    for (const [subject, state] of told)
      if (!wrong.has(subject)) t.equal(state, 'cleared', `${seed}: ${subject}`);
    const times = book.messages.map(message => message.at);
    t.ok(
      times.every((time, index) => index === 0 || time - (times[index - 1] as number) >= 5 * minuteMs),
      `${seed}: distance`,
    );
    t.equal(book.alerts().length, wrong.size, `${seed}: only what lasts is kept`);
  }
});

t.test('a message says what is wrong before what is right again, and counts what it leaves out', async t => {
  const news = (state: AlertNews['state'], subject: string): AlertNews => ({
    ...{ ...silent(subject), state, raisedAt: 0, clearedAt: state === 'cleared' ? 60_000 : null },
  });
  const teller = { from: 'attic', timeZone: 'Europe/Berlin', now: 120_000 };
  const body = messageOf([news('cleared', 'b'), news('raised', 'a')], teller);
  t.equal(body.subject, 'Clipward on attic: camera-silent a');
  t.equal(
    body.text,
    'Camera a is silent. (noticed 1970-01-01T01:00:00.000+01:00)\n' +
      'Right again since 1970-01-01T01:01:00.000+01:00: Camera b is silent. (noticed 1970-01-01T01:00:00.000+01:00)',
  );
  const subjectOf = (...each: AlertNews[]) => messageOf(each, teller).subject;
  t.equal(subjectOf(news('raised', 'a'), news('lasting', 'b')), 'Clipward on attic: 2 alerts');
  t.equal(subjectOf(news('cleared', 'a'), news('cleared', 'b')), 'Clipward on attic: right again');
  t.equal(subjectOf({ ...news('raised', ''), kind: 'disk-failed' }), 'Clipward on attic: disk-failed');
  t.match(messageOf([news('lasting', 'a')], teller).text, /^Still: Camera a is silent\. \(noticed /);
  for (const [count, more] of [
    [maxAlertsInMessage, 0],
    [maxAlertsInMessage + 1, 1],
  ] as const) {
    const many = messageOf(
      Array.from({ length: count }, (_, index) => news('raised', `c${index}`)),
      teller,
    );
    t.equal(many.alerts.length, maxAlertsInMessage);
    t.equal(many.more, more);
    t.equal(many.text.includes('And 1 more'), more === 1);
  }
});
