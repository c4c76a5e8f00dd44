// What is given up of a file that the disk cannot read, and when: over a catalogue and files in the hands of the test.

import t from 'tap';
import type { RecoverOptions } from '../../src/archive/footage-files.ts';
import type { OpenSegment, Segment } from '../../src/catalogue/footage.ts';
import { createRecoverLeft, maxDamagedTries } from '../../src/record/recover-segment.ts';
import { handClock, makeFootage } from './made-footage.ts';

const { init } = makeFootage(1);
const crash = { endReason: 'crash', gap: 'restart' } as const;

function ground() {
  const left: OpenSegment[] = [];
  const asked: string[] = [];
  const filed: Segment[] = [];
  const told: unknown[] = [];
  const state: { error?: Error | undefined } = {};
  const recoverLeft = createRecoverLeft('den', {
    clock: handClock(0),
    log: { error: (facts: unknown) => void told.push(facts) },
    files: {
      async recover(path: string, { upToDamage }: RecoverOptions = {}) {
        asked.push(`${path}${upToDamage ? ' up to the damage' : ''}`);
        if (state.error && !upToDamage) throw state.error;
        return { init, durationMs: 3000, bytes: 1, sha256: '0'.repeat(64) };
      },
    },
    catalogue: {
      openSegments: () => left,
      fileSegment: (segment: Segment) => void filed.push(segment),
    },
  } as unknown as Parameters<typeof createRecoverLeft>[1]);
  return {
    ...{ asked, filed, told },
    /** It is what is left now; another camera's comes first. */
    leave(id: string) {
      const open = { run: 'r', startAt: 0, endAt: 0, writtenAt: 0 };
      left.splice(0, 9, { ...open, camera: 'attic', id: 'other', path: 'other' });
      left.push({ ...open, camera: 'den', id, path: id });
    },
    async fail(code: string, times: number) {
      state.error = Object.assign(new Error(code), { code });
      for (let tries = 0; tries < times; tries++) await t.rejects(recoverLeft(crash), { code });
      state.error = undefined;
    },
    /** While the disk fails as before: whether it is given up. */
    async isGivenUp(code = 'EIO') {
      state.error = Object.assign(new Error(code), { code });
      const isThrown = await recoverLeft(crash).then(
        () => false,
        () => true,
      );
      state.error = undefined;
      return !isThrown;
    },
    recover: () => recoverLeft(crash),
  };
}

t.test('a file that cannot be read is given up after so many tries, and that is told', async t => {
  const { leave, fail, isGivenUp, asked, filed, told } = ground();
  leave('a');
  await fail('EIO', maxDamagedTries);
  t.equal(asked.includes('a up to the damage'), false);
  t.strictSame([filed, told], [[], []]);
  t.equal(await isGivenUp(), true);
  t.equal(asked.at(-1), 'a up to the damage');
  t.match(filed, [{ id: 'a', endReason: 'crash', durationMs: 3000 }]);
  t.match(told, [{ camera: 'den', path: 'a' }]);
});

t.test('nothing is given up for a disk that is away, full or read-only', async t => {
  for (const code of ['ENOENT', 'ENOSPC', 'EROFS', 'EACCES', 'EMFILE']) {
    const { leave, fail, recover, asked, filed } = ground();
    leave('a');
    await fail(code, 2 * maxDamagedTries);
    await recover();
    t.strictSame(new Set(asked), new Set(['a']), code);
    t.match(filed, [{ id: 'a' }]);
  }
});

t.test('each file has all of its tries', async t => {
  const { leave, fail, isGivenUp } = ground();
  leave('a');
  await fail('EIO', maxDamagedTries);
  leave('b');
  t.equal(await isGivenUp(), false, 'its first');
  await fail('EIO', maxDamagedTries - 1);
  t.equal(await isGivenUp(), true);
});

t.test('what another camera has left is its own recorder’s', async t => {
  const { leave, recover, asked } = ground();
  leave('a');
  await recover();
  t.strictSame(asked, ['a']);
});
