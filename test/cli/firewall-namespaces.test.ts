// What clipward firewall prints for nft, in force: a camera, a stranger, the recorder and the world outside, each in a network
// namespace of its own, and a router between them.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { openAccountWriter } from '../../src/access/open-accounts.ts';
import { systemClock } from '../../src/base/clock.ts';
import { runCommand } from '../support/daemon.ts';

/** Says `yes` or `no` to each line: `tcp ADDRESS PORT` and `udp ADDRESS PORT` ask an echo; `open` keeps a connection, `say` uses it. */
const agent = `
import socket, sys, threading
def echo(kind, port):
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(('::', port))
    if kind == socket.SOCK_DGRAM:
        while True:
            data, peer = s.recvfrom(100)
            s.sendto(data, peer)
    s.listen(20)
    def serve(c):
        while True:
            data = c.recv(100)
            if not data: return
            c.sendall(data)
    while True:
        threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
def ask(s):
    s.sendall(b'x')
    return s.recv(1) == b'x'
def dial(kind, address, port):
    s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, kind)
    s.settimeout(0.3)
    s.connect((address, int(port)))
    return s
held = {}
for line in sys.stdin:
    verb, *rest = line.split()
    try:
        if verb == 'listen':
            kind = socket.SOCK_DGRAM if rest[0] == 'udp' else socket.SOCK_STREAM
            threading.Thread(target=echo, args=(kind, int(rest[1])), daemon=True).start()
            ok = True
        elif verb == 'open':
            held['one'] = dial(socket.SOCK_STREAM, *rest)
            ok = ask(held['one'])
        elif verb == 'say':
            ok = ask(held['one'])
        else:
            ok = ask(dial(socket.SOCK_DGRAM if verb == 'udp' else socket.SOCK_STREAM, *rest))
    except OSError:
        ok = False
    print('yes' if ok else 'no', flush=True)
`;

type Host = Awaited<ReturnType<typeof startHost>>;

async function startHost(t: Test) {
  const child = spawn('unshare', ['-n', 'python3', '-c', agent], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  t.teardown(async () => {
    child.stdin.end();
    await once(child, 'close');
  });
  const ask = async (line: string): Promise<boolean> => {
    const answer = once(lines, 'line');
    child.stdin.write(`${line}\n`);
    return (await answer)[0] === 'yes';
  };
  // unshare becomes the agent; it answers when it is in its namespace.
  await ask('tcp 127.0.0.1 9');
  const within = (...command: string[]) =>
    execFileSync('nsenter', ['-t', String(child.pid), '-n', ...command], { stdio: 'pipe' }).toString();
  within('sh', '-c', 'for each in all default; do echo 0 > /proc/sys/net/ipv6/conf/$each/accept_dad; done');
  within('ip', 'link', 'set', 'lo', 'up');
  return {
    pid: child.pid as number,
    ask,
    within,
    tcp: (address: string, port: number) => ask(`tcp ${address} ${port}`),
    udp: (address: string, port: number) => ask(`udp ${address} ${port}`),
    async listen(protocol: 'tcp' | 'udp', ...ports: number[]) {
      for (const port of ports) {
        await ask(`listen ${protocol} ${port}`);
        // It listens in a thread: until it is there.
        while (!(await ask(`${protocol} ::1 ${port}`)));
      }
    },
  };
}

/** Number n of the networks: the router is .1 in it, the host .2. */
const addressOf = { ipv4: (n: number) => `10.77.${n}.2`, ipv6: (n: number) => `fd77:${n}::2` };
const camera4 = addressOf.ipv4(1);
const recorder4 = addressOf.ipv4(3);
const outside4 = addressOf.ipv4(4);

async function makeNetworks(t: Test) {
  const router = await startHost(t);
  const make = async (n: number): Promise<Host> => {
    const host = await startHost(t);
    const ends = ['link', 'add', 'up0', 'netns', String(host.pid)];
    execFileSync('ip', [...ends, 'type', 'veth', 'peer', 'name', `to${n}`, 'netns', String(router.pid)]);
    for (const [at, device, last] of [
      [router, `to${n}`, 1],
      [host, 'up0', 2],
    ] as const) {
      at.within('ip', 'address', 'add', `10.77.${n}.${last}/24`, 'dev', device);
      at.within('ip', 'address', 'add', `fd77:${n}::${last}/64`, 'dev', device, 'nodad');
      at.within('ip', 'link', 'set', device, 'up');
    }
    host.within('ip', 'route', 'add', 'default', 'via', `10.77.${n}.1`);
    host.within('ip', '-6', 'route', 'add', 'default', 'via', `fd77:${n}::1`);
    return host;
  };
  router.within('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  router.within('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding');
  const hosts = {
    router,
    camera: await make(1),
    stranger: await make(2),
    recorder: await make(3),
    outside: await make(4),
  };
  await hosts.camera.listen('tcp', 554, 80);
  await hosts.recorder.listen('tcp', 22, 2121, 2990, 30_000, 30_099, 30_100);
  await hosts.outside.listen('tcp', 53, 80, 587);
  await hosts.outside.listen('udp', 53, 123);
  // Until neighbours have found each other.
  const deadline = Date.now() + 10_000;
  for (const host of [hosts.camera, hosts.stranger, hosts.outside])
    for (const address of [addressOf.ipv4(3), addressOf.ipv6(3)])
      while (!(await host.tcp(address, 22)))
        if (Date.now() > deadline) throw new Error(`${address} cannot be reached`);
  return hosts;
}

/** The rules of an installation with one camera, as a user prints them. */
async function makeRules(t: Test) {
  const root = mkdtempSync(join(tmpdir(), 'clipward-firewall-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const config = join(root, 'clipward.yaml');
  writeFileSync(config, 'dataDir: ./data\n');
  const addresses = [addressOf.ipv4(1), addressOf.ipv6(1)].flatMap(each => ['--allow', each]);
  await runCommand(['camera', 'add', 'den', ...addresses, '--config', config]);
  {
    using accounts = await openAccountWriter({ stateDir: join(root, 'state'), clock: systemClock });
    accounts.setCamera('den', {
      rtspUrl: `rtsp://${addressOf.ipv4(1)}/stream`,
      subRtspUrl: `rtsp://[${addressOf.ipv6(1)}]/stream`,
    });
  }
  return async (...args: string[]) => {
    const { code, stdout, stderr } = await runCommand([
      'firewall',
      '--format',
      'nft',
      ...args,
      '--config',
      config,
    ]);
    t.equal(code, 0, stderr);
    const file = join(root, 'rules.nft');
    writeFileSync(file, stdout);
    return file;
  };
}

const cannot =
  process.getuid?.() !== 0 || spawnSync('nft', ['--version']).status !== 0
    ? 'needs root and nft'
    : spawnSync('unshare', ['-n', 'true']).status !== 0 && 'no network namespaces here';

t.test('nft rules in force', { skip: cannot }, async t => {
  const { router, camera, stranger, recorder } = await makeNetworks(t);
  const rules = await makeRules(t);
  /** What may pass, for both families: the same words, `yes` or `no`. */
  const expectBoth = async (
    t: Test,
    table: readonly (readonly [Host, 'tcp' | 'udp', number, number, boolean, string])[],
  ) => {
    for (const family of ['ipv4', 'ipv6'] as const)
      for (const [from, protocol, n, port, may, what] of table)
        t.equal(await from[protocol](addressOf[family](n), port), may, `${family}: ${what}`);
  };
  const open: Parameters<typeof expectBoth>[1] = [
    [camera, 'tcp', 3, 2121, true, 'a camera uploads'],
    [stranger, 'tcp', 3, 2121, true, 'a stranger'],
    [camera, 'tcp', 4, 80, true, 'a camera calls home'],
    [camera, 'udp', 4, 123, true, 'it asks for the time'],
    [recorder, 'tcp', 4, 80, true, 'the recorder goes out'],
  ];
  await t.test('without them everything passes', t => expectBoth(t, open));

  await t.test('on the recorder', async t => {
    t.ok(await stranger.ask(`open ${recorder4} 22`), 'a connection that was there before');
    recorder.within('nft', '-c', '-f', await rules());
    recorder.within('nft', '-f', await rules());
    t.ok(await stranger.ask('say'), 'goes on');
    await expectBoth(t, [
      [camera, 'tcp', 3, 2121, true, 'a camera reaches explicit FTPS'],
      [camera, 'tcp', 3, 2990, true, 'and implicit FTPS'],
      [camera, 'tcp', 3, 30_000, true, 'and the first passive port'],
      [camera, 'tcp', 3, 30_099, true, 'and the last'],
      [camera, 'tcp', 3, 30_100, false, 'and no other port'],
      [camera, 'tcp', 3, 22, false, 'least of all SSH'],
      [stranger, 'tcp', 3, 2121, false, 'a stranger reaches no explicit FTPS'],
      [stranger, 'tcp', 3, 2990, false, 'nor implicit'],
      [stranger, 'tcp', 3, 30_050, false, 'nor a passive port'],
      [stranger, 'tcp', 3, 22, true, 'what else runs there is not touched'],
      [recorder, 'tcp', 1, 554, true, 'the recorder fetches the stream'],
      [recorder, 'tcp', 1, 80, false, 'and nothing else from the camera'],
      [recorder, 'tcp', 4, 80, false, 'it does not get out'],
      [recorder, 'udp', 4, 123, false, 'not even for the time'],
    ]);
    recorder.within('nft', '-f', await rules('--allow-ntp', '--allow-mail', outside4));
    t.ok(await stranger.ask('say'), 'loading them again ends nothing');
    t.ok(await recorder.udp(outside4, 123), 'the time, when asked for');
    t.ok(await recorder.tcp(outside4, 587), 'mail');
    t.notOk(await recorder.tcp(outside4, 80), 'and no more');
    t.notOk(await recorder.tcp(outside4, 53));
    recorder.within('nft', 'delete', 'table', 'inet', 'clipward');
    await expectBoth(t, open);
  });

  await t.test('on the router', async t => {
    const at = ['--on', 'router', '--recorder', recorder4, '--recorder', addressOf.ipv6(3)];
    router.within('nft', 'add', 'table', 'inet', 'mine');
    t.ok(await stranger.ask(`open ${camera4} 80`));
    router.within('nft', '-f', await rules(...at));
    t.ok(await stranger.ask('say'), 'what was open goes on');
    await expectBoth(t, [
      [camera, 'tcp', 3, 2121, true, 'a camera uploads'],
      [camera, 'tcp', 3, 30_099, true, 'on passive ports, too'],
      [camera, 'tcp', 3, 22, false, 'it reaches nothing else there'],
      [camera, 'tcp', 4, 80, false, 'it does not get out'],
      [camera, 'udp', 4, 123, false, 'not even for the time'],
      [camera, 'tcp', 2, 22, false, 'nor to others in the house'],
      [stranger, 'tcp', 3, 2121, false, 'a stranger does not upload'],
      [stranger, 'tcp', 3, 22, true, 'who looks after the recorder gets in'],
      [stranger, 'tcp', 1, 80, true, 'and to the page of the camera'],
      [stranger, 'tcp', 4, 80, true, 'the rest of the network is not touched'],
      [recorder, 'tcp', 1, 554, true, 'the recorder fetches the stream'],
      [recorder, 'tcp', 4, 80, false, 'it does not get out'],
    ]);
    router.within('nft', '-f', await rules(...at, '--allow-ntp', outside4, '--allow-dns'));
    await expectBoth(t, [
      [camera, 'udp', 4, 53, true, 'names, when asked for'],
      [recorder, 'tcp', 4, 53, true, 'also longer answers'],
    ]);
    t.ok(await camera.udp(outside4, 123), 'the time, at the address that was named');
    t.notOk(await camera.udp(addressOf.ipv6(4), 123), 'and at no other');
    t.match(router.within('nft', 'list', 'tables'), /inet mine/, 'tables of others stay');
  });
});
