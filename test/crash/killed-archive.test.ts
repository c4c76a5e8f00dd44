// The archive killed at every call to the file system and at every commit while it files one entry, and started again. What
// follows is asked of the oracle of the torture and of `clipward check`.

import { randomInt } from 'node:crypto';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loginExplicit } from '../support/ftps-client.ts';
import { openStudio } from '../torture/contents.ts';
import { openLedger } from '../torture/ledger.ts';
import {
  beginPicture,
  fileInPeace,
  type Ground,
  killWhileFiling,
  preparedInstallation,
  publishPicture,
  publishRename,
  wrongIn,
} from './filing-ground.ts';
import type { Kill } from './killable-program.ts';

const callsPerRun = { alone: 14, together: 8 };

type Scene = Readonly<{
  title: string;
  /** Filed before anything is killed. */
  before?: (ground: Ground) => unknown;
  now: (ground: Ground) => unknown;
}>;

const scenes: readonly Scene[] = [
  { title: 'a new clip', now: ground => publishPicture(ground, 'a1') },
  {
    title: 'a repeat',
    before: ground => publishPicture(ground, 'a0'),
    now: ground => publishPicture(ground, 'a1'),
  },
  {
    title: 'a rename and the clip that it is about',
    now: ground => publishRename(ground, 'b1', publishPicture(ground, 'a1')),
  },
];

for (const { title, before, now } of scenes)
  t.test(
    `${title} is filed once when the archive was killed at any step, and check finds nothing`,
    async t => {
      const installation = await preparedInstallation(t);
      const copies = t.testdir({});
      const studio = await openStudio();
      const ledger = openLedger();
      const ground = { dataDir: installation.dataDir, ledger, studio };
      if (before !== undefined) {
        before(ground);
        await fileInPeace(installation.root);
      }
      now(ground);

      const tryOnce = async (kill: Kill) => {
        const root = join(copies, `${kill.when}-${kill.at}`);
        cpSync(installation.root, root, { recursive: true });
        const calls = await killWhileFiling(root, 'archive', kill);
        await fileInPeace(root);
        t.same(await wrongIn(root, ledger, studio), [], `killed ${kill.when} call ${kill.at}`);
        return calls;
      };
      const calls = await tryOnce({ at: 0, when: 'before' });
      t.ok(calls > 6, `it takes ${calls} calls`);
      const kills = [
        ...someOf(calls, callsPerRun.alone).map(at => ({ at, when: 'before' }) as const),
        { at: calls, when: 'after' } as const,
      ];
      // What a start does beside filing may come before its end or after it: there may be fewer calls than the first time.
      const survived: Kill[] = [];
      await twoAtOnce(kills, async kill => {
        if ((await tryOnce(kill)) >= kill.at) survived.push(kill);
      });
      t.same(survived, [], 'it was killed at every call that there was');
    },
  );

t.test('an upload is filed once when receiver and archive were killed together at any step', async t => {
  const installation = await preparedInstallation(t);
  const copies = t.testdir({});
  const studio = await openStudio();
  const tryOnce = async (kill: Kill) => {
    const root = join(copies, String(kill.at));
    cpSync(installation.root, root, { recursive: true });
    const ledger = openLedger();
    const attempt = beginPicture({ ledger, studio });
    const bytes = studio.bytesOf(attempt.contents);
    const calls = await killWhileFiling(root, 'both', kill, async () => {
      const account = { user: 'den', password: installation.password };
      const client = await loginExplicit(installation.explicitPort, account);
      try {
        attempt.acknowledged = (await client.upload(attempt.path, bytes)).code === 226;
      } finally {
        client.close();
      }
    });
    await fileInPeace(root);
    t.same(
      await wrongIn(root, ledger, studio),
      [],
      `killed at call ${kill.at}, ${attempt.acknowledged ? 226 : 'no answer'}`,
    );
    return { calls, isAcknowledged: attempt.acknowledged };
  };
  const { calls } = await tryOnce({ at: 0, when: 'before' });
  const seen = new Set<boolean>();
  for (const at of someOf(calls, callsPerRun.together))
    seen.add((await tryOnce({ at, when: 'before' })).isAcknowledged);
  t.same([...seen].sort(), [false, true], 'killed before its answer and after it');
});

/** Every call takes minutes: a test run takes some of them, others each time; docs/torture.md says how to take all. */
function someOf(calls: number, perRun: number): number[] {
  const all = Array.from({ length: calls }, (_, index) => index + 1);
  if (process.env.CLIPWARD_EVERY_CALL === '1') return all;
  const stride = Math.max(1, Math.floor(calls / perRun));
  const first = randomInt(stride);
  return all.filter((_, index) => index % stride === first);
}

/** Two cores, two programs. */
async function twoAtOnce<T>(all: readonly T[], work: (each: T) => Promise<unknown>): Promise<void> {
  const rest = [...all];
  const worker = async () => {
    for (let each = rest.shift(); each !== undefined; each = rest.shift()) await work(each);
  };
  await Promise.all([worker(), worker()]);
}
