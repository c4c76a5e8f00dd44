import t from 'tap';
import { type Admission, type AdmissionLimits, createAdmission } from '../../src/domain/admission.ts';
import { seededRandom } from './seeded-random.ts';

const roomy: AdmissionLimits = {
  maxConnections: 100,
  maxConnectionsPerAddress: 100,
  maxConnectionsPerCamera: 100,
  maxConnectionsBeforeLogin: 100,
};

const create = (limits: Partial<AdmissionLimits>, reservedForKnown = 0, known: readonly string[] = []) =>
  createAdmission({
    ...roomy,
    ...limits,
    reservedForKnown,
    isKnownAddress: address => known.includes(address),
  });

/** Admits `count` connections from as many addresses. */
function fill(admission: Admission, count: number, prefix = '10.0.0.'): void {
  for (let n = 1; n <= count; n += 1) {
    const answer = admission.admit(`${prefix}${n}`, `${prefix}${n}`);
    if (answer !== 'admitted') throw new Error(`connection ${n} got ${JSON.stringify(answer)}`);
  }
}

t.test(
  '[71] an address may hold as many connections as the limit says, and another when one has left',
  async t => {
    const admission = create({ maxConnectionsPerAddress: 3 });
    for (const id of ['a', 'b', 'c']) t.equal(admission.admit(id, '192.0.2.1'), 'admitted');
    t.strictSame(admission.admit('d', '192.0.2.1'), { refused: 'address-full' });
    t.equal(admission.admit('e', '192.0.2.2'), 'admitted', 'another address is not concerned');
    admission.left('b');
    t.equal(admission.admit('f', '192.0.2.1'), 'admitted');
    t.strictSame(admission.counts(), { total: 4, beforeLogin: 4 });
  },
);

t.test(
  '[71] the server holds exactly as many connections as the limit says, kept places included',
  async t => {
    const known = ['192.0.2.1', '192.0.2.2'];
    const admission = create({ maxConnections: 10 }, 2, known);
    fill(admission, 8);
    t.strictSame(admission.admit('x', '10.0.1.1'), { refused: 'server-full' }, 'the last two are kept');
    for (const address of known) t.equal(admission.admit(address, address), 'admitted');
    t.equal(admission.counts().total, 10);
    t.strictSame(admission.admit('y', '10.0.1.2'), { refused: 'server-full' });
    for (let n = 1; n <= 8; n += 1) admission.loggedIn(`10.0.0.${n}`, `camera-${n}`);
    for (const address of known) admission.loggedIn(address, address);
    t.strictSame(admission.admit('z', '192.0.2.1'), { refused: 'server-full' }, 'nobody is left to give way');
  },
);

t.test('places are kept once: what cameras hold themselves is not kept a second time', async t => {
  const admission = create({ maxConnections: 10 }, 2, ['192.0.2.1']);
  admission.admit('known', '192.0.2.1');
  fill(admission, 7);
  admission.loggedIn('10.0.0.1', 'front-door');
  t.equal(admission.admit('ninth', '10.0.1.1'), 'admitted');
  t.equal(admission.admit('tenth', '10.0.1.2'), 'admitted');
  t.strictSame(admission.admit('eleventh', '10.0.1.3'), { refused: 'server-full' });
});

t.test('[72] the oldest stranger before login gives way to a known address on a full server', async t => {
  const admission = create({ maxConnections: 5 }, 0, ['192.0.2.1', '192.0.2.2']);
  admission.admit('known', '192.0.2.1');
  fill(admission, 4);
  admission.loggedIn('10.0.0.1', 'front-door');
  t.strictSame(
    admission.admit('k2', '192.0.2.2'),
    { evict: '10.0.0.2' },
    'who logged in stays, and the known one',
  );
  t.equal(admission.counts().total, 5);
  admission.left('10.0.0.2');
  t.equal(admission.counts().total, 5, 'who was evicted is not subtracted twice');
  t.strictSame(admission.loggedIn('10.0.0.2', 'garage'), { refused: 'gone' });
});

t.test('[72] 300 idle connections, from one address or from a hundred, do not keep a camera out', async t => {
  for (const addresses of [1, 100]) {
    const admission = create(
      { maxConnections: 200, maxConnectionsPerAddress: 10, maxConnectionsBeforeLogin: 50 },
      20,
      ['192.0.2.1'],
    );
    for (let n = 0; n < 300; n += 1) admission.admit(`idle-${n}`, `10.0.0.${(n % addresses) + 1}`);
    t.ok(admission.counts().beforeLogin <= 50);
    const known = admission.admit('known', '192.0.2.1');
    t.ok(known === 'admitted' || 'evict' in known, `a known camera beside ${addresses}`);
    const fresh = admission.admit('fresh', '192.0.2.9');
    t.ok(fresh === 'admitted' || 'evict' in fresh, `a new camera beside ${addresses}`);
  }
});

t.test('before login: below and at the limit all stay, above it the oldest stranger gives way', async t => {
  const admission = create({ maxConnectionsBeforeLogin: 3 }, 0, ['192.0.2.1']);
  t.equal(admission.admit('known', '192.0.2.1'), 'admitted');
  fill(admission, 2);
  t.strictSame(admission.admit('c', '10.0.1.3'), { evict: '10.0.0.1' });
  t.strictSame(admission.counts(), { total: 3, beforeLogin: 3 });
  admission.loggedIn('c', 'front-door');
  t.equal(admission.admit('d', '10.0.1.4'), 'admitted', 'who logged in frees a place');
});

t.test('a known address before login gives way to a known one, never to a stranger', async t => {
  const admission = create({ maxConnectionsBeforeLogin: 2 }, 0, ['192.0.2.1', '192.0.2.2']);
  admission.admit('k1', '192.0.2.1');
  admission.admit('k2', '192.0.2.2');
  t.strictSame(admission.admit('s', '10.0.0.1'), { refused: 'pre-login-full' });
  t.strictSame(admission.admit('k3', '192.0.2.1'), { evict: 'k1' });
});

t.test(
  '[71] a camera may hold as many connections as the limit says; the refused one still counts before login',
  async t => {
    const admission = create({ maxConnectionsPerCamera: 2 });
    fill(admission, 4);
    t.equal(admission.loggedIn('10.0.0.1', 'front-door'), 'admitted');
    t.equal(admission.loggedIn('10.0.0.2', 'front-door'), 'admitted');
    t.equal(admission.loggedIn('10.0.0.2', 'front-door'), 'admitted', 'twice is once');
    t.strictSame(admission.loggedIn('10.0.0.3', 'front-door'), { refused: 'camera-full' });
    t.strictSame(admission.counts(), { total: 4, beforeLogin: 2 });
    t.equal(admission.loggedIn('10.0.0.3', 'garage'), 'admitted');
    admission.left('10.0.0.1');
    t.equal(admission.loggedIn('10.0.0.4', 'front-door'), 'admitted');
  },
);

t.test('IPv6 strangers before login are counted per /64 too, cameras there are not', async t => {
  const known = ['2001:db8:0:1::c', '2001:db8:0:1::d', '2001:db8:0:1::e'];
  const admission = create({ maxConnectionsPerAddress: 2 }, 0, known);
  t.equal(admission.admit('a', '2001:db8:0:1::1'), 'admitted');
  t.equal(admission.admit('b', '2001:db8:0:1:ffff::1'), 'admitted');
  t.strictSame(admission.admit('c', '2001:db8:0:1::3'), { refused: 'address-full' });
  t.equal(admission.admit('d', '2001:db8:0:2::1'), 'admitted', 'the next /64');
  for (const address of known) t.equal(admission.admit(address, address), 'admitted');
  admission.loggedIn('a', 'front-door');
  t.equal(
    admission.admit('e', '2001:db8:0:1::4'),
    'admitted',
    'a camera that logged in is a stranger no more',
  );
});

t.test('the default keeps a tenth, at least four, never more than half', async t => {
  for (const [maxConnections, forStrangers] of [
    [4, 2],
    [20, 16],
    [100, 90],
    [201, 180],
  ] as const) {
    const admission = createAdmission({
      ...roomy,
      maxConnectionsPerAddress: 999,
      maxConnectionsBeforeLogin: 999,
      maxConnections,
      isKnownAddress: () => false,
    });
    let admitted = 0;
    for (let n = 0; n < maxConnections; n += 1)
      if (admission.admit(`${n}`, '10.0.0.1') === 'admitted') admitted += 1;
    t.equal(admitted, forStrangers);
  }
});

t.test('an id that is used twice is a mistake of the caller', async t => {
  const admission = create({});
  admission.admit('a', '10.0.0.1');
  t.throws(() => admission.admit('a', '10.0.0.2'), /admitted before/);
});

t.test('in any order of calls it answers as a list that is counted anew each time', async t => {
  const random = seededRandom(71);
  const addresses = [
    '10.0.0.1',
    '10.0.0.2',
    '10.0.0.3',
    '10.0.0.4',
    '2001:db8::1',
    '2001:db8::2',
    '2001:db8::3',
  ];
  const known = ['10.0.0.1', '2001:db8::1'];
  const outcomes = new Map<string, number>();
  for (let round = 0; round < 300; round += 1) {
    const limits: AdmissionLimits = {
      maxConnections: 1 + random(8),
      maxConnectionsPerAddress: 1 + random(5),
      maxConnectionsPerCamera: 1 + random(3),
      maxConnectionsBeforeLogin: 1 + random(6),
    };
    const reserved = random(3);
    const admission = create(limits, reserved, known);
    const model = naive(limits, reserved, known);
    for (let step = 0; step < 100; step += 1) {
      const action = random(4);
      const address = addresses[random(addresses.length)] as string;
      const id = action < 2 ? `${round}-${step}` : model.some(random(100));
      const answers = [admission, model].map(counted => {
        if (action === 3) return counted.left(id) ?? null;
        return action === 2 ? counted.loggedIn(id, `camera-${step % 3}`) : counted.admit(id, address);
      });
      const text = answers.map(answer => JSON.stringify(answer));
      if (text[0] !== text[1])
        return t.fail(`round ${round}, step ${step}: ${text[0]}, counted anew ${text[1]}`);
      const outcome = (text[0] as string).replace(/"evict":.*/, 'evict');
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      const counts = [admission, model].map(counted => JSON.stringify(counted.counts()));
      if (counts[0] !== counts[1]) return t.fail(`round ${round}, step ${step}: counts ${counts}`);
    }
  }
  for (const outcome of ['server-full', 'address-full', 'pre-login-full', 'camera-full', 'evict'])
    t.ok(
      [...outcomes.keys()].some(key => key.includes(outcome)),
      `${outcome} was among the answers`,
    );
});

/** The same rules over one list, without any running total. */
function naive(limits: AdmissionLimits, reserved: number, known: readonly string[]) {
  let list: { id: string; address: string; camera?: string }[] = [];
  const isKnown = (entry: { address: string }) => known.includes(entry.address);
  const isWaiting = (entry: { camera?: string }) => entry.camera === undefined;
  return {
    /** One of the ids that are connected, by number. */
    some: (n: number) => list[n % Math.max(1, list.length)]?.id ?? 'nobody',
    counts: () => ({ total: list.length, beforeLogin: list.filter(isWaiting).length }),
    left(id: string): void {
      list = list.filter(entry => entry.id !== id);
    },
    loggedIn(id: string, camera: string) {
      const entry = list.find(candidate => candidate.id === id);
      if (!entry) return { refused: 'gone' };
      if (entry.camera === camera) return 'admitted';
      if (list.filter(other => other.camera === camera).length >= limits.maxConnectionsPerCamera)
        return { refused: 'camera-full' };
      entry.camera = camera;
      return 'admitted';
    },
    admit(id: string, address: string) {
      const entry = { id, address };
      const isSix = (other: { address: string }) => other.address.includes(':');
      const sameAddress = list.filter(other => other.address === address).length;
      const sameNetwork = list.filter(other => isSix(other) && !isKnown(other) && isWaiting(other)).length;
      if (sameAddress >= limits.maxConnectionsPerAddress) return { refused: 'address-full' };
      if (isSix(entry) && !isKnown(entry) && sameNetwork >= limits.maxConnectionsPerAddress)
        return { refused: 'address-full' };
      const trusted = list.filter(other => isKnown(other) || !isWaiting(other)).length;
      const strangers = list.filter(other => isWaiting(other) && !isKnown(other));
      const door = list.filter(isWaiting);
      if (!isKnown(entry) && list.length >= limits.maxConnections - Math.max(0, reserved - trusted))
        return { refused: 'server-full' };
      const isFull = list.length >= limits.maxConnections;
      if (!isFull && door.length < limits.maxConnectionsBeforeLogin) {
        list.push(entry);
        return 'admitted';
      }
      const evict = (strangers[0] ?? (isKnown(entry) ? door[0] : undefined))?.id;
      if (evict === undefined) return { refused: isFull ? 'server-full' : 'pre-login-full' };
      list = list.filter(other => other.id !== evict);
      list.push(entry);
      return { evict };
    },
  };
}
