import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import t from 'tap';
import { openAccountReader } from '../../src/access/open-accounts.ts';
import { FailedError, UsageError } from '../../src/base/errors.ts';
import { registerCameraCommands } from '../../src/cli/camera.ts';
import type { Desk } from '../../src/cli/desk.ts';
import { registerNetworkCommands } from '../../src/cli/network.ts';
import { formatNetwork, parseNetwork } from '../../src/domain/networks.ts';
import { loadSettings } from '../../src/settings/load-settings.ts';

function openDesk(directory: string) {
  const stateDir = join(directory, 'state');
  const base = ['127.0.0.0/8', '192.168.0.0/16'].flatMap(text => parseNetwork(text) ?? []);
  const config = join(directory, 'clipward.yaml');
  const ftps = { allowedNetworks: base.map(formatNetwork) };
  writeFileSync(config, JSON.stringify({ stateDir, certsDir: join(directory, 'certs'), ftps }));
  const settings = loadSettings({ file: config, environment: {} });
  const run = async (...args: string[]) => {
    const printed: string[] = [];
    const remarks: string[] = [];
    const desk: Desk = {
      settings: () => settings,
      wantsJson: command => command.opts().json === true,
      print: text => void printed.push(text),
      remark: text => void remarks.push(text),
      readSecret: () => Promise.reject(new Error('nothing to read')),
      setExitCode: () => {},
    };
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    registerCameraCommands(program, desk);
    registerNetworkCommands(program, desk);
    await program.parseAsync(args, { from: 'user' });
    return { out: printed.join('\n'), remarks: remarks.join('\n') };
  };
  const effective = () => {
    using accounts = openAccountReader({ stateDir });
    return accounts.globalNetworks(base).map(formatNetwork);
  };
  return { run, stateDir, effective };
}

t.test('the list begins with the settings and shows where each network is from', async t => {
  const { run, stateDir } = openDesk(t.testdir());
  const { out } = await run('network', 'list');
  t.equal(out, 'NETWORK         FROM\n127.0.0.0/8     settings\n192.168.0.0/16  settings');
  t.notOk(existsSync(stateDir), 'showing makes nothing');
  await run('network', 'add', '203.0.113.0/24', 'fd00::/8');
  t.same(JSON.parse((await run('network', 'list', '--json')).out), [
    { network: '127.0.0.0/8', from: 'settings' },
    { network: '192.168.0.0/16', from: 'settings' },
    { network: '203.0.113.0/24', from: 'command' },
    { network: 'fd00::/8', from: 'command' },
  ]);
});

t.test('what is added and removed is what the receiver sees', async t => {
  const { run, effective } = openDesk(t.testdir());
  await run('network', 'remove', '192.168.0.0/16');
  t.same(effective(), ['127.0.0.0/8']);
  t.match((await run('network', 'add', '192.168.20.0/24')).out, /192\.168\.20\.0\/24 +network add/);
  t.same(effective(), ['127.0.0.0/8', '192.168.20.0/24']);
});

t.test('a list that became empty closes everybody out, and says so', async t => {
  const { run, effective } = openDesk(t.testdir());
  const { remarks } = await run('network', 'remove', '127.0.0.0/8', '192.168.0.0/16');
  t.match(remarks, /no camera can connect/);
  t.same(effective(), []);
});

t.test('a camera that the change leaves outside the list is named', async t => {
  const { run } = openDesk(t.testdir());
  await run('camera', 'add', 'den', '--allow', '192.168.20.0/24');
  const { remarks } = await run('network', 'remove', '192.168.0.0/16');
  t.match(remarks, /Camera den is allowed from 192\.168\.20\.0\/24/);
  t.equal((await run('network', 'add', '192.168.0.0/16')).remarks, '');
});

t.test('what is no network, and what is not in the list, is refused and changes nothing', async t => {
  const { run, effective } = openDesk(t.testdir());
  await t.rejects(run('network', 'add', '10.0.0.0/8', '10.0.0.1/8'), UsageError);
  await t.rejects(run('network', 'remove', 'lan'), UsageError);
  await t.rejects(run('network', 'remove', '127.0.0.0/8', '10.0.0.0/8'), FailedError);
  await t.rejects(run('network', 'remove', '192.168.20.0/24'), { message: /lies in 192\.168\.0\.0\/16/ });
  t.same(effective(), ['127.0.0.0/8', '192.168.0.0/16']);
});
