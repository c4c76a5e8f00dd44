import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openAccountWriter } from '../../src/access/open-accounts.ts';
import { systemClock } from '../../src/base/clock.ts';
import { runCommand } from '../support/daemon.ts';

t.test('firewall prints rules, or says in one sentence what it needs', async t => {
  const root = mkdtempSync(join(tmpdir(), 'clipward-firewall-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const config = join(root, 'clipward.yaml');
  writeFileSync(config, 'ftps: { explicit: { port: 21 }, implicit: { enabled: false } }\n');
  const run = (...args: string[]) => runCommand([...args, '--config', config]);
  const print = (format: string, ...args: string[]) => run('firewall', '--format', format, ...args);

  t.match(await print('nft'), { code: 1, stdout: '', stderr: /^clipward: There is no camera yet/ });
  await run('camera', 'add', 'den', '--allow', '192.168.20.11');
  const { code, stdout, stderr } = await print('proxmox', '--allow-mail', '203.0.113.25');
  t.match({ code, stderr }, { code: 0, stderr: '' });
  t.match(stdout, /^IN ACCEPT -source \+clipward-senders -p tcp -dport 21,30000:30099 # cameras upload$/m);
  t.match(stdout, /^OUT ACCEPT -dest 203\.0\.113\.25 -p tcp -dport 25,465,587 # mail as asked$/m);
  const web = await print(
    'nft',
    '--on',
    'router',
    '--recorder',
    '192.168.1.5',
    '--allow-https',
    '203.0.113.9',
  );
  t.same(
    web.stdout.split('\n').filter(line => line.includes(' 443 ')),
    ['    ip saddr @recorder-ipv4 ip daddr 203.0.113.9 tcp dport 443 accept comment "HTTPS as asked"'],
    'no camera is let there',
  );
  t.equal((await print('proxmox', '--allow-mail', '203.0.113.25')).stdout, stdout, 'the same each time');

  await t.test('a name is looked up, and said', async t => {
    {
      using accounts = await openAccountWriter({ stateDir: join(root, 'state'), clock: systemClock });
      accounts.setCamera('den', { rtspUrl: 'rtsp://admin@localhost:8554/stream' });
    }
    const { stdout } = await print('proxmox');
    t.match(stdout, /^# localhost is taken to be .*127\.0\.0\.1/m);
    t.match(stdout, /^OUT ACCEPT -dest 127\.0\.0\.1 -p tcp -dport 8554 # stream of den$/m);
    t.notMatch(stdout, /admin/);
    const missing = await print('proxmox', '--allow-ntp', 'time.invalid');
    t.match(missing, { code: 1, stdout: '', stderr: /^clipward: time\.invalid has no address just now/ });
  });
  await t.test('an option with an address and without', async t => {
    t.match((await print('ufw', '--allow-ntp')).stdout, /to any port 123 /);
    const some = (await print('ufw', '--allow-ntp', '192.168.1.1', '--allow-ntp', '192.168.1.2')).stdout;
    t.match(some, /to 192\.168\.1\.1 port 123 /);
    t.match(some, /to 192\.168\.1\.2 port 123 /);
    t.notMatch(some, /to any port 123 /);
  });
  await t.test('what cannot be meant is refused', async t => {
    const refused = async (stderr: RegExp, ...args: string[]) =>
      t.match(await run('firewall', ...args), { code: 2, stdout: '', stderr }, args.join(' '));
    await refused(/--format/);
    await refused(/expected proxmox, nft, ufw, edgeos/, '--format', 'iptables');
    await refused(/expected proxmox, nft, ufw, edgeos/, '--format', 'constructor');
    await refused(/is for the recorder\./, '--format', 'ufw', '--on', 'router');
    await refused(/is for the router\./, '--format', 'edgeos', '--on', 'recorder');
    await refused(/is for the recorder or the router\./, '--format', 'nft', '--on', 'moon');
    await refused(/no address, network or name/, '--format', 'nft', '--allow-mail', 'x; drop');
    await refused(/no address, network or name/, '--format', 'nft', '--allow-dns', '1.2.3');
    await refused(/no network/, '--format', 'nft', '--camera-network', '192.168.20.11/24');
    await refused(/--interface/, '--format', 'edgeos', '--interface', 'eth1; reboot');
    await refused(/--interface/, '--format', 'edgeos', '--interface', 'ethernet eth1; reboot');
    await refused(/--interface/, '--format', 'edgeos', '--interface', 'ethernet eth1 vif 20\nset system');
  });
  await t.test('alerts that would not get out are told, with the option that lets them', async t => {
    const alerting = join(root, 'alerting.yaml');
    const withAlerts = async (alerts: string, ...args: string[]) => {
      writeFileSync(alerting, `alerts: ${alerts}\n`);
      const result = await runCommand(['firewall', '--format', 'ufw', ...args, '--config', alerting]);
      t.equal(result.code, 0, result.stderr);
      return result.stderr;
    };
    const both =
      '{ webhook: { url: "https://192.0.2.9/x" }, email: { host: mail.invalid, from: a@b.c, to: [a@b.c] } }';
    const told = await withAlerts(both);
    t.match(told, /^Alerts go to 192\.0\.2\.9 and would not get out: add --allow-https 192\.0\.2\.9\.$/m);
    t.match(told, /add --allow-mail mail\.invalid\.$/m);
    t.match(told, /^Alerts need the address of mail\.invalid: add --allow-dns/m);
    t.equal(
      await withAlerts(both, '--allow-https', '192.0.2.9', '--allow-mail', '192.0.2.25', '--allow-dns'),
      '',
    );
    t.match(
      await withAlerts('{ webhook: { url: "https://[2001:db8::9]:8443/" } }'),
      /2001:db8::9 on TCP port 8443/,
    );
    t.equal(
      await withAlerts('{ webhook: { url: "https://localhost:8443/" } }'),
      '',
      'to this machine itself',
    );
    t.equal(await withAlerts('{ email: { host: 127.0.0.1, tls: none, from: a@b.c, to: [a@b.c] } }'), '');
  });
  await t.test('rules that are in force nowhere yet are told', async t => {
    const args = ['--recorder', '192.168.1.5'];
    t.match(await print('edgeos', ...args), { code: 0, stderr: /No rule is in force/ });
    const placed = await print('edgeos', ...args, '--interface', 'ethernet eth1 vif 20');
    t.match(placed, {
      code: 0,
      stderr: '',
      stdout: /set interfaces ethernet eth1 vif 20 firewall in name CLIPWARD$/m,
    });
  });
});
