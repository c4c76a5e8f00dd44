import t from 'tap';
import type { Camera } from '../../src/access/accounts.ts';
import { hashPassword } from '../../src/access/password-hash.ts';
import { maxWaitingVerifications, openPasswordVerifier } from '../../src/access/passwords.ts';
import { rememberPasswords } from '../../src/access/remembered-passwords.ts';
import { TransientError } from '../../src/base/errors.ts';

const password = 'Gj7kQwXy2RtZ9pLmNb4s';
const passwordHash = await hashPassword(password);

function camera(name: string, changes: Partial<Camera> = {}): Camera {
  return {
    name,
    enabled: true,
    version: 1,
    allowedNetworks: [],
    timeZone: 'UTC',
    truncation: null,
    acceptanceDays: 7,
    requireResumption: false,
    maxBytesPerDay: null,
    maxFilesPerDay: null,
    keepClipsDays: null,
    keepFootageDays: null,
    expectEveryMs: null,
    maxBytes: null,
    rtspUrl: null,
    subRtspUrl: null,
    record: 'on',
    rtspBasic: false,
    rtspFingerprint: null,
    addedAt: '2026-11-21T08:00:00.000Z',
    passwordChangedAt: '2026-11-21T08:00:00.000Z',
    ...changes,
  };
}

function accountsOf(...cameras: Camera[]) {
  const byName = new Map(cameras.map(entry => [entry.name, entry]));
  return {
    byName,
    camera: (name: string) => byName.get(name),
    passwordHash: (name: string) => (byName.has(name) ? passwordHash : undefined),
  };
}

t.test('the right password gives the camera, and the second log-in costs no scrypt', async t => {
  const verifier = openPasswordVerifier({ accounts: accountsOf(camera('den')) });
  t.equal((await verifier.verify('den', password))?.name, 'den');
  t.equal(verifier.scryptCount(), 1);
  t.equal((await verifier.verify('den', password))?.name, 'den');
  t.equal(verifier.scryptCount(), 1);
  t.equal(
    await verifier.verify('den', `${password}x`),
    undefined,
    'a remembered camera has one password only',
  );
  t.equal(verifier.scryptCount(), 2);
});

t.test(
  'a wrong password, an unknown name and a disabled camera all cost one scrypt and give nothing',
  async t => {
    const verifier = openPasswordVerifier({
      accounts: accountsOf(camera('den'), camera('off', { enabled: false })),
    });
    for (const [index, [name, given]] of (
      [
        ['den', 'wrong'],
        ['nobody', password],
        ['off', password],
        ['anonymous', ''],
        ['', ''],
        ['__proto__', password],
      ] as const
    ).entries()) {
      t.equal(await verifier.verify(name, given), undefined, name);
      t.equal(verifier.scryptCount(), index + 1, `${name} cost one scrypt`);
    }
  },
);

t.test('what was remembered ends with the version of the account', async t => {
  const accounts = accountsOf(camera('den'));
  const verifier = openPasswordVerifier({ accounts });
  await verifier.verify('den', password);
  accounts.byName.set('den', camera('den', { version: 2 }));
  t.ok(await verifier.verify('den', password));
  t.equal(verifier.scryptCount(), 2);
  accounts.byName.set('den', camera('den', { version: 3, enabled: false }));
  t.equal(await verifier.verify('den', password), undefined);
  accounts.byName.delete('den');
  t.equal(await verifier.verify('den', password), undefined);
});

t.test('a camera that is disabled while its password is checked does not get in', async t => {
  const accounts = accountsOf(camera('den'));
  const verifier = openPasswordVerifier({ accounts });
  const answer = verifier.verify('den', password);
  accounts.byName.set('den', camera('den', { version: 2, enabled: false }));
  t.equal(await answer, undefined);
  accounts.byName.set('den', camera('den', { version: 3 }));
  await verifier.verify('den', password);
  t.equal(verifier.scryptCount(), 2, 'nothing was remembered of the first');
});

t.test('one check runs, a bounded number waits, and the next is told to try again', async t => {
  const verifier = openPasswordVerifier({ accounts: accountsOf(camera('den')) });
  const leaving = new AbortController();
  const waiting = Array.from({ length: 1 + maxWaitingVerifications }, () =>
    verifier.verify('den', 'wrong', leaving.signal).then(
      () => 'answered',
      () => 'left',
    ),
  );
  await t.rejects(verifier.verify('den', password), TransientError);
  leaving.abort();
  const answers = await Promise.all(waiting);
  t.same(answers, ['answered', ...Array<string>(maxWaitingVerifications).fill('left')]);
  t.equal(verifier.scryptCount(), 1, 'those that left cost nothing');
  t.ok(await verifier.verify('den', password), 'the queue is free again');
  await t.rejects(verifier.verify('den', 'wrong', AbortSignal.abort()), { name: 'AbortError' });
});

t.test('those that wait are answered in order', async t => {
  const verifier = openPasswordVerifier({ accounts: accountsOf(camera('den')) });
  const order: string[] = [];
  const ask = async (label: string, given: string) => {
    const answer = await verifier.verify('den', given);
    order.push(`${label} ${answer === undefined ? 'no' : 'yes'}`);
  };
  await Promise.all([ask('first', 'wrong'), ask('second', password), ask('third', 'wrong')]);
  t.same(order, ['first no', 'second yes', 'third no']);
  t.equal(verifier.scryptCount(), 3);
});

t.test('a hash that cannot be read fails that log-in and not the next', async t => {
  const accounts = { ...accountsOf(camera('den')), passwordHash: () => 'rubbish' };
  const verifier = openPasswordVerifier({ accounts });
  await t.rejects(verifier.verify('den', password), { message: /cannot read/ });
  t.equal(await verifier.verify('nobody', password), undefined);
});

t.test('the memory holds a limited number of passwords, and the oldest gives way', t => {
  const memory = rememberPasswords(2);
  const cameras = ['first', 'second', 'third'].map(name => camera(name));
  const known = () =>
    cameras.filter(entry => memory.knows(entry, passwordHash, password)).map(entry => entry.name);
  for (const entry of cameras.slice(0, 2)) memory.remember(entry, passwordHash, password);
  t.same(known(), ['first', 'second']);
  memory.remember(camera('first'), passwordHash, password);
  t.same(known(), ['first', 'second'], 'the same camera again takes no more room');
  memory.remember(camera('third'), passwordHash, password);
  t.same(known(), ['first', 'third']);
  t.notOk(memory.knows(camera('third', { version: 2 }), passwordHash, password));
  t.notOk(memory.knows(camera('third'), `${passwordHash}x`, password));
  t.end();
});
