import { join } from 'node:path';
import { Command } from 'commander';
import t from 'tap';
import { UsageError } from '../../src/base/errors.ts';
import { registerCameraCommands } from '../../src/cli/camera.ts';
import type { Desk } from '../../src/cli/desk.ts';
import { parseNetwork } from '../../src/domain/networks.ts';
import type { Settings } from '../../src/settings/settings.ts';

function openDesk(directory: string) {
  const listener = { enabled: true, host: '::', port: 2121 };
  const settings = {
    record: { enabled: true },
    stateDir: join(directory, 'state'),
    certsDir: join(directory, 'certs'),
    ftps: {
      ...{
        explicit: listener,
        implicit: { ...listener, port: 2990 },
        tls: { truncation: 'container', certificateDir: null },
      },
      allowedNetworks: ['127.0.0.0/8'].map(parseNetwork),
    },
  } as unknown as Settings;
  const run = async (...args: string[]) => {
    const printed: string[] = [];
    const desk: Desk = {
      settings: () => settings,
      wantsJson: command => command.opts().json === true,
      print: text => void printed.push(text),
      remark: () => {},
      readSecret: () => Promise.resolve(''),
      setExitCode: () => {},
    };
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    registerCameraCommands(program, desk);
    await program.parseAsync(['camera', ...args], { from: 'user' });
    return printed.join('\n');
  };
  return { run, json: async (...args: string[]) => JSON.parse(await run(...args, '--json')) };
}

t.test('how long and how much is kept of a camera is set, shown and taken back', async t => {
  const { run, json } = openDesk(t.testdir());
  await run('add', 'den', '--time-zone', 'UTC');
  t.match(await json('show', 'den'), { keepClipsDays: null, keepFootageDays: null, maxBytes: null });
  const shown = await run('show', 'den');
  t.match(shown, /^clips are kept +the installation's setting$/m);
  t.match(shown, /^all its media +an equal part of the disk$/m);
  await run(
    'set',
    'den',
    '--keep-clips-days',
    '30',
    '--keep-footage-days',
    '7',
    '--max-bytes',
    '500000000000',
  );
  t.match(await json('show', 'den'), { keepClipsDays: 30, keepFootageDays: 7, maxBytes: 500_000_000_000 });
  t.match(await run('show', 'den'), /^clips are kept +30 days$/m);
  await run('set', 'den', '--keep-clips-days', 'default');
  t.match(await json('show', 'den'), { keepClipsDays: null, keepFootageDays: 7, maxBytes: 500_000_000_000 });
  await run('set', 'den', '--keep-footage-days', 'default', '--max-bytes', 'default');
  t.match(await json('show', 'den'), { keepClipsDays: null, keepFootageDays: null, maxBytes: null });
});

t.test('days and bytes are taken at the ends of their ranges, and nothing else is', async t => {
  const { run, json } = openDesk(t.testdir());
  await run('add', 'den', '--time-zone', 'UTC');
  for (const option of ['--keep-clips-days', '--keep-footage-days']) {
    for (const days of [
      '0',
      '-1',
      '36601',
      '999999999999',
      '1.5',
      '1e3',
      'ten',
      '',
      ' 7',
      '30d',
      'null',
      'DEFAULT',
    ])
      await t.rejects(run('set', 'den', option, days), UsageError, `${option} ${days}`);
    for (const days of ['1', '36600', '0030']) await run('set', 'den', option, days);
  }
  t.match(await json('show', 'den'), { keepClipsDays: 30, keepFootageDays: 30 });
  for (const bytes of ['0', '000', '-1', '1000000000000000', '10G', '1.5', '1e9', 'all', '', '0x10'])
    await t.rejects(run('set', 'den', '--max-bytes', bytes), UsageError, `--max-bytes ${bytes}`);
  t.match(await json('show', 'den'), { maxBytes: null }, 'what is refused changes nothing');
  for (const bytes of [1, 999_999_999_999_999]) {
    await run('set', 'den', '--max-bytes', String(bytes));
    t.equal((await json('show', 'den')).maxBytes, bytes);
  }
});

t.test('one option that is refused keeps the others from being set', async t => {
  const { run, json } = openDesk(t.testdir());
  await run('add', 'den', '--time-zone', 'UTC');
  await t.rejects(run('set', 'den', '--keep-clips-days', '30', '--max-bytes', '0'), UsageError);
  t.match(await json('show', 'den'), { keepClipsDays: null, maxBytes: null });
});
