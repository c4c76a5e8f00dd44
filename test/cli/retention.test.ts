import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import t, { type Test } from 'tap';
import { openAccountWriter } from '../../src/access/open-accounts.ts';
import { hashPassword } from '../../src/access/password-hash.ts';
import { openSigningKey } from '../../src/access/signing-key.ts';
import { clipRelativePath } from '../../src/archive/clip-path.ts';
import { openMarker } from '../../src/archive/marker.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { holdLock } from '../../src/base/sqlite.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Desk } from '../../src/cli/desk.ts';
import { registerRetentionCommands } from '../../src/cli/retention.ts';
import { registerStatusCommand } from '../../src/cli/status.ts';
import { loadSettings } from '../../src/settings/load-settings.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { sampleOpenSegment } from '../catalogue/footage-rows.ts';
import { sampleClip, sampleReceipt } from '../catalogue/sample-clip.ts';

const day = 86_400_000;

async function installation(test: Test, retention: Partial<Settings['retention']> = {}) {
  const root = test.testdir();
  const dirs = { dataDir: join(root, 'data'), stateDir: join(root, 'state') };
  const config = join(root, 'clipward.yaml');
  writeFileSync(config, JSON.stringify({ ...dirs, ftps: { limits: { minFreeBytes: 0 } } }));
  const loaded = loadSettings({ file: config, environment: {} });
  // Smaller archives than the settings file allows.
  const settings = { ...loaded, retention: { ...loaded.retention, minFreeBytes: 1, ...retention } };
  const run = async (...args: string[]) => {
    const printed: string[] = [];
    let exitCode = 0;
    const desk: Desk = {
      settings: () => settings,
      wantsJson: command => command.opts().json === true,
      print: text => void printed.push(text),
      remark: () => {},
      readSecret: () => Promise.resolve(''),
      setExitCode: code => {
        exitCode = code;
      },
    };
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    registerRetentionCommands(program, desk);
    registerStatusCommand(program, desk);
    await program.parseAsync(args, { from: 'user' });
    return { out: printed.join('\n'), exitCode };
  };
  let count = 0;
  return {
    ...dirs,
    run,
    json: async (...args: string[]) => JSON.parse((await run(...args, '--json')).out),
    async start() {
      mkdirSync(dirs.stateDir, { recursive: true });
      await openMarker(dirs);
      await openSigningKey({ stateDir: dirs.stateDir, log: silentLog() });
      using accounts = await openAccountWriter({ stateDir: dirs.stateDir, clock: systemClock });
      accounts.addCamera({
        name: 'den',
        passwordHash: await hashPassword('x'.repeat(20)),
        allowedNetworks: [],
        timeZone: 'UTC',
      });
    },
    /** Files clips of these ages in days, with their files. */
    file(camera: string, ...ages: number[]) {
      using catalogue = openCatalogue({ file: catalogueFile(dirs.stateDir) });
      for (const age of ages) {
        count++;
        const id = `c${count}`.padEnd(26, '0');
        const at = Date.now() - age * day;
        const path = clipRelativePath({ camera, id, at, extension: 'mp4' });
        mkdirSync(dirname(join(dirs.dataDir, path)), { recursive: true });
        writeFileSync(join(dirs.dataDir, path), Buffer.alloc(1000));
        catalogue.fileClip(
          sampleClip(id, { camera, path, thumbnail: null, startAt: at, receivedAt: at, keptFrom: at }),
          sampleReceipt(id, at),
        );
      }
    },
    clips() {
      using catalogue = openCatalogue({ file: catalogueFile(dirs.stateDir), readOnly: true });
      return [...catalogue.listClips({})].map(({ id, path }) => {
        t.ok(existsSync(join(dirs.dataDir, path)));
        return id.replace(/0+$/, '');
      });
    },
  };
}

t.test('before the first start there is nothing to delete, which is no failure', async t => {
  const { run, json } = await installation(t);
  t.strictSame(await json('retention', 'plan'), {
    ...{ evictions: [], isComplete: true, heldBytes: 0, diskDaysLeft: null },
    ...{ forecast: [], unmet: [], warnings: [] },
  });
  t.match(await json('retention', 'run'), { deleted: [], unmet: [] });
  t.match(await run('retention', 'run'), { out: 'Nothing was to be deleted.', exitCode: 0 });
});

t.test('plan names what would go and deletes nothing, run deletes just that, and again nothing', async t => {
  const { start, file, run, json, clips, dataDir } = await installation(t, { keepClipsDays: 30 });
  await start();
  file('den', 40, 35, 20, 1);
  const plan = await json('retention', 'plan');
  t.match(plan.evictions, [{ camera: 'den', mediaClass: 'clip', reason: 'age', files: 2, bytes: 2000 }]);
  t.match((await run('retention', 'plan')).out, /den +clip +age +2/);
  t.equal(clips().length, 4);
  t.match(await json('retention', 'run'), {
    deleted: [{ camera: 'den', reason: 'age', clips: 2, bytes: 2000 }],
  });
  t.strictSame(clips(), ['c4', 'c3']);
  t.equal(
    readdirSync(join(dataDir, 'clips'), { recursive: true }).filter(name => `${name}`.endsWith('.mp4'))
      .length,
    2,
  );
  t.match(await json('retention', 'run'), { deleted: [] });
});

t.test('the room is not known while all that came is footage whose file is not finished', async t => {
  const { start, run, stateDir } = await installation(t);
  await start();
  {
    using catalogue = openCatalogue({ file: catalogueFile(stateDir) });
    t.match((await run('retention', 'plan')).out, /^days of room +nothing has arrived in the last week$/m);
    catalogue.addOpenSegment(sampleOpenSegment('s1', { startAt: Date.now() - 1000 }));
  }
  t.match((await run('retention', 'plan')).out, /^days of room +known when the first footage is finished$/m);
});

t.test('the days of one camera are its own', async t => {
  const { start, file, json, stateDir, clips } = await installation(t, { keepClipsDays: 30 });
  await start();
  file('den', 40, 10);
  file('gate', 40, 10);
  using accounts = await openAccountWriter({ stateDir, clock: systemClock });
  accounts.setCamera('den', { keepClipsDays: 5 });
  await json('retention', 'run');
  t.strictSame(clips(), ['c4']);
});

t.test('what is on hold stays, and is counted', async t => {
  const { start, file, json, stateDir, clips } = await installation(t, { keepClipsDays: 30 });
  await start();
  file('den', 40, 39);
  {
    using catalogue = openCatalogue({ file: catalogueFile(stateDir) });
    const event = catalogue.clip('c1'.padEnd(26, '0'))?.event ?? '';
    catalogue.addHold(
      { id: 'h', camera: 'den', event, fromAt: null, toAt: null, reason: null, addedAt: 1 },
      9,
    );
  }
  t.match(await json('retention', 'plan'), { heldBytes: 1000, evictions: [{ files: 1 }] });
  await json('retention', 'run');
  t.strictSame(clips(), ['c1']);
  t.match(await json('status'), { heldBytes: 1000 });
});

t.test('a promise that cannot be kept is a sentence, in plan and status, and an exit code', async t => {
  const { start, file, run, json } = await installation(t, { keepClipsDays: 3000, maxBytes: 20_000 });
  await start();
  file('den', 0.1, 1, 2, 3, 4, 5, 6);
  const plan = await json('retention', 'plan');
  t.match(plan.forecast, [{ camera: 'den', askedDays: 3000, isKept: false }]);
  t.match(plan.unmet, [/^den: 3000 days asked, \d+ fit at the present rate/]);
  t.equal((await run('retention', 'plan')).exitCode, 1);
  t.match(await json('status'), { unmet: [/3000 days asked/] });
});

t.test(
  'a clock that seems to have jumped deletes nothing for its age until somebody says that it is right',
  async t => {
    const { start, file, json, stateDir, clips } = await installation(t, { keepClipsDays: 30 });
    await start();
    file('den', 40);
    {
      using catalogue = openCatalogue({ file: catalogueFile(stateDir) });
      catalogue.setLastPassAt(Date.now() - 4 * day);
    }
    t.match(await json('retention', 'plan'), { evictions: [], unmet: [/clock of this machine/] });
    t.match(await json('retention', 'run'), { deleted: [], unmet: [/--trust-clock/] });
    t.strictSame(clips(), ['c1']);
    t.match(await json('retention', 'run', '--trust-clock'), { deleted: [{ clips: 1 }] });
    t.strictSame(clips(), []);
    t.match(await json('retention', 'plan'), { unmet: [] });
  },
);

t.test('two passes are never made at once: the command says so and deletes nothing', async t => {
  const { start, file, run, stateDir, clips } = await installation(t, { keepClipsDays: 30 });
  await start();
  file('den', 40);
  {
    using _lock = holdLock(join(stateDir, 'retention.lock'), 'held');
    await t.rejects(run('retention', 'run'), { name: 'FailedError', message: /deleting at this moment/ });
    t.equal((await run('retention', 'plan')).exitCode, 0, 'a plan may be looked at');
  }
  t.strictSame(clips(), ['c1']);
  t.equal((await run('retention', 'run')).exitCode, 0);
  t.strictSame(clips(), []);
});

t.test('with more than half on hold, plan and status warn, which is no failure', async t => {
  const { start, file, run, json, stateDir } = await installation(t);
  await start();
  file('den', 40);
  {
    using catalogue = openCatalogue({ file: catalogueFile(stateDir) });
    const event = catalogue.clip('c1'.padEnd(26, '0'))?.event ?? '';
    const hold = { id: 'h', camera: 'den', event, fromAt: null, toAt: null, reason: null, addedAt: 1 };
    catalogue.addHold(hold, 9);
  }
  for (const command of [['retention', 'plan'], ['status']]) {
    t.match(await json(...command), { unmet: [], warnings: [/^100 % of the media is on hold/] });
    t.match(await run(...command), { exitCode: 0, out: /100 % of the media is on hold/ });
  }
});

t.test('room is made from the camera above its share, of what is older than the least age', async t => {
  const { start, file, json, clips, run } = await installation(t, { maxBytes: 6000 });
  await start();
  // The share of each is 3000; what flood has too much is younger than three days, but for two.
  file('flood', 9, 8, 2, 1.5, 1, 0.5, 0.2);
  file('den', 300, 200);
  const plan = await json('retention', 'plan');
  t.match(plan, {
    evictions: [{ camera: 'flood', reason: 'bytes', files: 2, bytes: 2000 }],
    unmet: [/^All media together take 1 kB more than retention.maxBytes/],
  });
  t.match(await run('retention', 'run'), { exitCode: 1 });
  t.strictSame(clips(), ['c7', 'c6', 'c5', 'c4', 'c3', 'c9', 'c8']);
});
