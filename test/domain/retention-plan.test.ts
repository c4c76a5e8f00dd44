import t from 'tap';
import { floorOf } from '../../src/domain/retention-floor.ts';
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
import { divideRoom } from '../../src/domain/retention-shares.ts';
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
    waitingBytes: 0,
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
    rules: { maxBytes: null, minFreeBytes: 0, refusedBelowBytes: 0, minAgeMs: 72 * hour },
    cameras,
    disk: { freeBytes: 1000, totalBytes: 10_000 },
    maxEvictions: 1000,
    ...facts,
  });
}

const rules = (facts: Partial<RetentionQuestion['rules']>) => ({
  rules: { maxBytes: null, minFreeBytes: 0, refusedBelowBytes: 0, minAgeMs: 72 * hour, ...facts },
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

t.test('what a flood has sent and is not filed yet makes nobody else’s share smaller', async t => {
  // Both have their equal part, and the disk is at its floor; then 600 bytes arrive from a.
  const cameras = (waitingBytes: number) => [
    camera(
      'a',
      { clip: aged('a', ...Array.from({ length: 10 }, () => [9, 100] as const)) },
      { waitingBytes },
    ),
    camera('b', { clip: aged('b', ...Array.from({ length: 10 }, () => [300, 100] as const)) }),
  ];
  const disk = (freeBytes: number) => ({
    ...rules({ minFreeBytes: 2000 }),
    disk: { freeBytes, totalBytes: 8000 },
  });
  t.strictSame(gone(plan(cameras(0), disk(2000))), []);
  const result = plan(cameras(600), disk(1400));
  t.strictSame(
    result.evictions.map(each => each.camera),
    Array(6).fill('a'),
  );
  t.strictSame(result.unmet, []);
  // The same bytes of nobody's: a foreign file, which both give way to.
  t.strictSame(new Set(plan(cameras(0), disk(1400)).evictions.map(each => each.camera)), new Set(['a', 'b']));
  const flood = plan(
    [{ ...(cameras(0)[0] as CameraMedia), waitingBytes: 1900 }, cameras(0)[1] as CameraMedia],
    disk(100),
  );
  t.strictSame(new Set(flood.evictions.map(each => each.camera)), new Set(['a']), 'it loses all that is old');
  t.strictSame(flood.unmet, [{ promise: 'free-disk', shortfallBytes: 900 }]);
});

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

t.test('a floor of more than half of the disk is told, and less is kept instead', async t => {
  const cameras = [camera('a', { clip: aged('a', [9, 100], [8, 100]) })];
  const at = (minFreeBytes: number) =>
    plan(cameras, { ...rules({ minFreeBytes }), disk: { freeBytes: 2400, totalBytes: 10_000 } });
  t.strictSame(gone(at(5000)), ['a0', 'a1']);
  t.strictSame(gone(at(5001)), ['a0']);
  t.strictSame(at(5001).unmet, [
    { promise: 'floor-too-high', minFreeBytes: 5001, totalBytes: 10_000, floorBytes: 2500 },
  ]);
});

t.test(
  'what is kept free of a disk is more than what makes uploads be refused, wherever that can be',
  async t => {
    for (const [minFreeBytes, refusedBelowBytes, floorBytes] of [
      [5000, 4999, 5000],
      [5001, 0, 2500],
      [5001, 2500, 3750],
      [1e9, 4998, 4999],
      [1e9, 5000, 2500],
    ] as const)
      t.equal(floorOf({ minFreeBytes, refusedBelowBytes }, 10_000), floorBytes);
  },
);

t.test('all together take no more than they may; who was given bytes has them', async t => {
  const cameras = [
    camera('a', { clip: aged('a', [9, 40], [8, 40]) }, { maxBytes: 80 }),
    camera('b', { clip: aged('b', [9, 30], [8, 30]) }),
  ];
  t.strictSame(gone(plan(cameras, rules({ maxBytes: 140 }))), []);
  t.strictSame(gone(plan(cameras, rules({ maxBytes: 110 }))), ['b0']);
  t.match(plan(cameras, rules({ maxBytes: 110 })).evictions, [{ reason: 'bytes' }]);
});

t.test(
  'where more was given than there is, what others were given does not take everything from a camera',
  async t => {
    const cameras = (given: number) => [
      camera('a', { clip: aged('a', [9, 100], [8, 100]) }, { maxBytes: given }),
      camera('b', { clip: aged('b', [9, 100], [8, 100]) }),
    ];
    t.strictSame(gone(plan(cameras(200), rules({ maxBytes: 250 }))), ['b0', 'b1'], 'what was given is had');
    t.strictSame(gone(plan(cameras(1000), rules({ maxBytes: 250 }))), ['b0', 'a0']);
    t.strictSame(
      divideRoom([{ maxBytes: 300 }, { maxBytes: null }, { maxBytes: null }], 900),
      [300, 300, 300],
    );
    t.strictSame(divideRoom([{ maxBytes: 900 }, { maxBytes: null }, { maxBytes: null }], 900), [900, 0, 0]);
    t.strictSame(divideRoom([{ maxBytes: 1800 }, { maxBytes: null }], 900), [600, 300]);
    t.strictSame(divideRoom([{ maxBytes: 1 }], 0), [0]);
    t.strictSame(divideRoom([], 900), []);
  },
);

t.test('when our clock may have been set, nothing goes for its age, and that is said', async t => {
  const cameras = [camera('a', { clip: aged('a', [40, 100]) }, { keepDays: { ...none, clip: 30 } })];
  t.match(plan(cameras, { clockJumpMs: 365 * dayMs }), { evictions: [], unmet: [{ promise: 'clock' }] });
  t.equal(clockJump(now, null), null);
  t.equal(clockJump(now, now - maxJumpMs), null);
  t.equal(clockJump(now, now - maxJumpMs - 1), maxJumpMs + 1);
  t.equal(clockJump(now, now + 400 * dayMs), null, 'a clock that goes back makes nothing old');
});

t.test('by a clock that may have been set, nothing that was young before goes for want of room', async t => {
  const cameras = [camera('a', { clip: aged('a', [370, 100], [367.9, 100], [366, 100], [1, 100]) })];
  const full = { ...rules({ minFreeBytes: 5000 }), clockJumpMs: 365 * dayMs };
  t.strictSame(gone(plan(cameras, full)), ['a0']);
  t.strictSame(gone(plan([{ ...(cameras[0] as CameraMedia), maxBytes: 10 }], full)), ['a0']);
  t.strictSame(gone(plan(cameras, { ...full, clockJumpMs: null })), ['a0', 'a1', 'a2']);
});

t.test(
  'a plan that is full still says that the clock is not trusted, and that the floor is too high',
  async t => {
    const cameras = [camera('a', { clip: aged('a', [400, 1], [399, 1]) })];
    const facts = { ...rules({ minFreeBytes: 5001 }), clockJumpMs: 5 * dayMs };
    const disk = { freeBytes: 0, totalBytes: 10_000 };
    t.match(plan(cameras, { ...facts, disk, maxEvictions: 1 }), {
      isComplete: false,
      unmet: [{ promise: 'clock' }, { promise: 'floor-too-high' }],
    });
    t.equal(
      plan(cameras, { ...facts, disk, maxEvictions: 1 }).unmet.length,
      2,
      'what is short is not known yet',
    );
    t.equal(plan(cameras, { ...facts, disk }).unmet.length, 3);
  },
);

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

t.test(
  'whatever one camera sends under its password, another within its share loses nothing to it',
  async t => {
    const random = seededRandom(4);
    const quietFiles = (name: string, count: number, bytes: number) =>
      aged(name, ...Array.from({ length: count }, () => [4 + random(300), bytes] as const));
    for (let round = 0; round < 300; round++) {
      const others = Array.from({ length: 1 + random(3) }, (_, index) => `other${index}`);
      const count = 1 + others.length;
      // The disk has room for 1000 bytes of each camera above its floor; the others take no more than that.
      const totalBytes = 4000 * count;
      const minFreeBytes = random(1000 * count);
      const foreignBytes = totalBytes - minFreeBytes - 1000 * count;
      const quiet = others.map(name =>
        camera(name, { clip: quietFiles(name, 1 + random(10), 1 + random(100)) }),
      );
      const quietBytes = quiet.reduce((sum, { bytes }) => sum + bytes, 0);
      const old = aged(
        'old',
        ...Array.from({ length: random(10) }, () => [4 + random(50), 1 + random(90)] as const),
      );
      const oldBytes = old.reduce((sum, { bytes }) => sum + bytes, 0);
      // The flood: filed and young, or not even filed yet; as much as the disk takes.
      const roomBytes = totalBytes - foreignBytes - quietBytes - oldBytes;
      const filedBytes = random(roomBytes);
      const waitingBytes = random(roomBytes - filedBytes);
      const flood = camera(
        'flood',
        { clip: [...old, ...aged('young', [2, filedBytes])] },
        { waitingBytes, maxBytes: random(2) === 0 ? null : 1000 },
      );
      const freeBytes = roomBytes - filedBytes - waitingBytes;
      const result = plan([flood, ...quiet], {
        ...rules({ minFreeBytes, maxBytes: random(2) === 0 ? null : 1000 * count }),
        disk: { freeBytes, totalBytes },
      });
      t.ok(result.evictions.every(each => each.camera === 'flood' && each.id.startsWith('old')));
      const freed = result.evictions.reduce((sum, { bytes }) => sum + bytes, 0);
      const missing = Math.max(0, minFreeBytes - freeBytes - freed);
      t.match(
        result.unmet.filter(({ promise }) => promise === 'free-disk'),
        missing === 0 ? [] : [{ shortfallBytes: missing }],
      );
      if (missing > 0) t.equal(result.evictions.length, old.length, 'all that it may lose');
    }
  },
);
