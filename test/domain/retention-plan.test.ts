import t from 'tap';
import {
  type CameraMedia,
  type Candidate,
  clockJump,
  dayMs,
  type MediaClass,
  maxJumpMs,
  mediaClasses,
  planRetention,
  type RetentionQuestion,
} from '../../src/domain/retention-plan.ts';
import { seededRandom } from './seeded-random.ts';

const now = Date.UTC(2026, 10, 21);
const hour = 3_600_000;
const none = { footage: null, 'event-footage': null, clip: null } as const;

type Files = Partial<Record<MediaClass, readonly Candidate[]>>;

/** Files of so many days of age and so many bytes, oldest first. */
function aged(prefix: string, ...files: ReadonlyArray<readonly [days: number, bytes: number]>): Candidate[] {
  return files
    .map(([days, bytes], index) => ({ id: `${prefix}${index}`, bytes, keptFrom: now - days * dayMs }))
    .sort((a, b) => a.keptFrom - b.keptFrom);
}

function camera(name: string, files: Files, facts: Partial<CameraMedia> = {}): CameraMedia {
  return {
    camera: name,
    keepDays: none,
    maxBytes: null,
    bytes: Object.values(files)
      .flat()
      .reduce((sum, { bytes }) => sum + bytes, 0),
    candidates: mediaClass => files[mediaClass] ?? [],
    ...facts,
  };
}

function plan(cameras: readonly CameraMedia[], facts: Partial<RetentionQuestion> = {}) {
  return planRetention({
    now,
    clockJumpMs: null,
    rules: { maxBytes: null, minFreeBytes: 0, minAgeMs: 72 * hour },
    cameras,
    disk: { freeBytes: 1000, totalBytes: 10_000 },
    maxEvictions: 1000,
    ...facts,
  });
}

const rules = (facts: Partial<RetentionQuestion['rules']>) => ({
  rules: { maxBytes: null, minFreeBytes: 0, minAgeMs: 72 * hour, ...facts },
});
const gone = (result: ReturnType<typeof plan>) => result.evictions.map(({ id }) => id);

t.test('without a rule that asks for it, nothing goes, however old', async t => {
  t.strictSame(plan([camera('a', { clip: aged('a', [4000, 100]) })]), {
    evictions: [],
    isComplete: true,
    unmet: [],
  });
});

t.test(
  'what is older than its days goes, what is exactly as old stays, each class by its own days',
  async t => {
    const clip: Candidate[] = [-1, 0, 1].map(ms => ({
      id: `c${ms}`,
      bytes: 1,
      keptFrom: now - 30 * dayMs + ms,
    }));
    const result = plan([
      camera(
        'a',
        { clip, footage: aged('f', [8, 1], [7, 1], [6, 1]) },
        { keepDays: { ...none, clip: 30, footage: 7 } },
      ),
      camera('b', { clip: aged('b', [4000, 1]) }),
    ]);
    t.match(result.evictions, [
      { id: 'f0', reason: 'age', mediaClass: 'footage', camera: 'a' },
      { id: 'c-1', reason: 'age', mediaClass: 'clip' },
    ]);
    t.equal(result.evictions.length, 2);
  },
);

t.test('a day is enough for age: the least age is about room, not about promises', async t => {
  t.strictSame(
    gone(plan([camera('a', { clip: aged('a', [1.5, 1], [0.5, 1]) }, { keepDays: { ...none, clip: 1 } })])),
    ['a0'],
  );
});

t.test(
  'a camera over its bytes loses its oldest, footage before clips, and nothing younger than the least age',
  async t => {
    const files = { clip: aged('c', [20, 10], [10, 10], [2, 10]), footage: aged('f', [5, 10], [4, 10]) };
    t.strictSame(gone(plan([camera('a', files, { maxBytes: 50 })])), []);
    t.strictSame(gone(plan([camera('a', files, { maxBytes: 49 })])), ['f0']);
    t.strictSame(gone(plan([camera('a', files, { maxBytes: 25 })])), ['f0', 'f1', 'c0']);
    const short = plan([camera('a', files, { maxBytes: 5 })]);
    t.strictSame(gone(short), ['f0', 'f1', 'c0', 'c1']);
    t.strictSame(short.unmet, [{ promise: 'camera-bytes', camera: 'a', shortfallBytes: 5 }]);
  },
);

t.test('the floor of free disk is reached, and no more than that goes', async t => {
  const cameras = [camera('a', { clip: aged('a', [9, 100], [8, 100], [7, 100]) })];
  for (const [minFreeBytes, ids] of [
    [1000, []],
    [1001, ['a0']],
    [1100, ['a0']],
    [1101, ['a0', 'a1']],
    [1300, ['a0', 'a1', 'a2']],
  ] as const)
    t.strictSame(gone(plan(cameras, rules({ minFreeBytes }))), ids, `${minFreeBytes}`);
  t.strictSame(plan(cameras, rules({ minFreeBytes: 1301 })).unmet, [
    { promise: 'free-disk', shortfallBytes: 1 },
  ]);
});

t.test('what is exactly as old as the least age stays', async t => {
  const clip = [-1, 0].map(ms => ({ id: `c${ms}`, bytes: 1, keptFrom: now - 72 * hour + ms }));
  t.strictSame(gone(plan([camera('a', { clip })], rules({ minFreeBytes: 5000 }))), ['c-1']);
});

t.test(
  'a flood of one camera takes nothing from another that is within its share, and meets a full disk instead',
  async t => {
    const flood = camera('a', { clip: aged('a', [9, 100], [1, 3000], [0.5, 3000]) });
    const quiet = camera('b', { clip: aged('b', [300, 100], [200, 100]) });
    const result = plan([flood, quiet], {
      ...rules({ minFreeBytes: 2000 }),
      disk: { freeBytes: 500, totalBytes: 8000 },
    });
    t.strictSame(gone(result), ['a0']);
    t.strictSame(result.unmet, [{ promise: 'free-disk', shortfallBytes: 1400 }]);
  },
);

t.test(
  'a foreign file that fills the disk makes every share smaller: what is old goes, in the published order',
  async t => {
    const cameras = [
      camera('a', { footage: aged('fa', [9, 10]), clip: aged('ca', [9, 10], [1, 10]) }),
      camera('b', {
        footage: aged('fb', [8, 10]),
        'event-footage': aged('eb', [7, 10]),
        clip: aged('cb', [9, 10]),
      }),
    ];
    const result = plan(cameras, {
      ...rules({ minFreeBytes: 4000 }),
      disk: { freeBytes: 0, totalBytes: 10_000 },
    });
    t.strictSame(gone(result), ['fa0', 'fb0', 'eb0', 'ca0', 'cb0']);
    t.match(result.unmet, [{ promise: 'free-disk', shortfallBytes: 3950 }]);
  },
);

t.test('a floor of more than half of the disk is told, and a quarter is kept instead', async t => {
  const cameras = [camera('a', { clip: aged('a', [9, 100], [8, 100]) })];
  const at = (minFreeBytes: number) =>
    plan(cameras, { ...rules({ minFreeBytes }), disk: { freeBytes: 2400, totalBytes: 10_000 } });
  t.strictSame(gone(at(5000)), ['a0', 'a1']);
  t.strictSame(gone(at(5001)), ['a0']);
  t.strictSame(at(5001).unmet, [{ promise: 'floor-too-high', minFreeBytes: 5001, totalBytes: 10_000 }]);
});

t.test('all together take no more than they may; who was given bytes has them', async t => {
  const cameras = [
    camera('a', { clip: aged('a', [9, 40], [8, 40]) }, { maxBytes: 80 }),
    camera('b', { clip: aged('b', [9, 30], [8, 30]) }),
  ];
  t.strictSame(gone(plan(cameras, rules({ maxBytes: 140 }))), []);
  t.strictSame(gone(plan(cameras, rules({ maxBytes: 110 }))), ['b0']);
  t.match(plan(cameras, rules({ maxBytes: 110 })).evictions, [{ reason: 'bytes' }]);
});

t.test('when our clock may have been set, nothing goes for its age, and that is said', async t => {
  const cameras = [camera('a', { clip: aged('a', [40, 100]) }, { keepDays: { ...none, clip: 30 } })];
  t.match(plan(cameras, { clockJumpMs: 365 * dayMs }), { evictions: [], unmet: [{ promise: 'clock' }] });
  t.equal(clockJump(now, null), null);
  t.equal(clockJump(now, now - maxJumpMs), null);
  t.equal(clockJump(now, now - maxJumpMs - 1), maxJumpMs + 1);
  t.equal(clockJump(now, now + 400 * dayMs), null, 'a clock that goes back makes nothing old');
});

t.test(
  'no more than the limit goes in one plan, the oldest first, and it says that there is more',
  async t => {
    const clip = aged('a', ...Array.from({ length: 10 }, (_, index) => [50 - index, 1] as const));
    const limited = (maxEvictions: number) =>
      plan([camera('a', { clip }, { keepDays: { ...none, clip: 30 } })], { maxEvictions });
    t.match(limited(3), { isComplete: false, unmet: [] });
    t.strictSame(gone(limited(3)), ['a0', 'a1', 'a2']);
    t.equal(limited(11).isComplete, true);
  },
);

t.test('no more candidates are read than are evicted, and one', async t => {
  let read = 0;
  const endless = function* () {
    for (let index = 0; ; index++) {
      read++;
      yield { id: `x${index}`, bytes: 10, keptFrom: now - 100 * dayMs + index };
    }
  };
  const big = {
    ...camera('a', {}),
    bytes: 1_000_000,
    candidates: (each: MediaClass) => (each === 'clip' ? endless() : []),
  };
  t.equal(plan([big], rules({ minFreeBytes: 1050 })).evictions.length, 5);
  t.ok(read <= 6, `${read}`);
});

t.test(
  'whatever the rules and the files: nothing young goes for room, enough goes or the shortfall is named, and the sums are right',
  async t => {
    const random = seededRandom(20261121);
    for (let round = 0; round < 500; round++) {
      const cameras = Array.from({ length: 1 + random(4) }, (_, index) =>
        camera(
          `cam${index}`,
          Object.fromEntries(
            mediaClasses.map(each => [
              each,
              aged(
                `${index}${each}`,
                ...Array.from({ length: random(12) }, () => [random(100) / 10, 1 + random(100)] as const),
              ),
            ]),
          ),
          { maxBytes: random(3) === 0 ? random(500) : null },
        ),
      );
      const minFreeBytes = random(3000);
      const maxBytes = random(2) === 0 ? null : random(3000);
      const disk = { freeBytes: random(3000), totalBytes: 10_000 };
      const result = plan(cameras, { ...rules({ minFreeBytes, maxBytes }), disk });
      const ids = gone(result);
      t.equal(new Set(ids).size, ids.length, 'nothing goes twice');
      t.ok(result.evictions.every(({ keptFrom }) => keptFrom < now - 72 * hour));
      const freed = result.evictions.reduce((sum, { bytes }) => sum + bytes, 0);
      const short = (promise: string) =>
        result.unmet.find(each => each.promise === promise) as { shortfallBytes?: number } | undefined;
      t.equal(short('free-disk')?.shortfallBytes ?? 0, Math.max(0, minFreeBytes - disk.freeBytes - freed));
      const total = cameras.reduce((sum, { bytes }) => sum + bytes, 0);
      if (maxBytes !== null && short('bytes') === undefined) t.ok(total - freed <= maxBytes);
      t.strictSame(
        plan(cameras, { ...rules({ minFreeBytes, maxBytes }), disk }),
        result,
        'the same question, the same plan',
      );
    }
  },
);
