// The daemon as systemd sees it: it takes sockets that are open already, tells that it is ready and that it lives, and does not
// tell so when it cannot work.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { silentLog } from '../../src/base/log.ts';
import { findServiceManager, passedSockets } from '../../src/base/service-manager.ts';
import { superviseService } from '../../src/supervise.ts';
import { addCamera, makeInstallation, startDaemon } from '../support/daemon.ts';
import { loginExplicit, loginImplicit } from '../support/ftps-client.ts';
import { makeJpeg } from '../support/media.ts';

t.test('sockets are taken by their names, from nobody else than whom they were passed to', t => {
  const environment = { LISTEN_PID: '7', LISTEN_FDS: '3', LISTEN_FDNAMES: 'explicit:implicit:explicit' };
  t.same(
    [...passedSockets(environment, 7)],
    [
      ['explicit', [3, 5]],
      ['implicit', [4]],
    ],
  );
  for (const [what, changed, pid] of [
    ['a child', {}, 8],
    ['nothing', { LISTEN_PID: undefined }, 7],
    ['no number', { LISTEN_FDS: '2x' }, 7],
    ['negative', { LISTEN_FDS: '-1' }, 7],
    ['too many', { LISTEN_FDS: '65' }, 7],
  ] as const)
    t.equal(passedSockets({ ...environment, ...changed }, pid).size, 0, what);
  t.equal(passedSockets({ ...environment, LISTEN_FDS: '64' }, 7).size, 2);
  t.end();
});

t.test('the watchdog counts for the process that it was set for', t => {
  const told = { NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '3000000' };
  t.equal(findServiceManager(told, 7)?.watchdogMs, 3000);
  t.equal(findServiceManager({ ...told, WATCHDOG_PID: '7' }, 7)?.watchdogMs, 3000);
  t.equal(findServiceManager({ ...told, WATCHDOG_PID: '8' }, 7)?.watchdogMs, undefined);
  t.equal(findServiceManager({ ...told, WATCHDOG_USEC: '0' }, 7)?.watchdogMs, undefined);
  t.equal(findServiceManager({}, 7), undefined);
  t.end();
});

t.test('uploads go through sockets that were open before the daemon was', async t => {
  const [explicit, implicit] = [await listening(), await listening()];
  const installation = await makeInstallation();
  const sockets = [explicit, implicit].map(descriptorOf);
  const daemon = await startDaemon(['serve', '--config', installation.config], undefined, {
    stdio: sockets,
    shell: 'LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=explicit:implicit exec "$@"',
  });
  t.teardown(async () => {
    await daemon.stop();
    installation.remove();
  });
  // Ours are closed: what is open now is the daemon's.
  const ports = [explicit, implicit].map(portOf);
  for (const server of [explicit, implicit]) server.close();
  const { listeners } = await daemon.waitForLog(line => line.msg === 'ready');
  t.match(listeners, [
    { name: 'explicit', host: '127.0.0.1', port: ports[0] },
    { name: 'implicit', host: '127.0.0.1', port: ports[1] },
  ]);
  const account = { user: 'den', password: await addCamera(installation, 'den') };
  const jpeg = readFileSync(await makeJpeg());
  const one = await loginExplicit(ports[0] as number, account);
  t.equal((await one.upload('one.jpg', jpeg)).code, 226);
  const two = await loginImplicit(ports[1] as number, account);
  t.equal((await two.upload('two.jpg', jpeg)).code, 226);
});

/** A daemon whose manager wants a sign of life every 0.9 s. */
async function startWatched(t: Test) {
  const manager = await listenForNotifications();
  const installation = await makeInstallation();
  const daemon = await startDaemon(['serve', '--config', installation.config], undefined, {
    stdio: [],
    shell: `NOTIFY_SOCKET=${manager.path} WATCHDOG_USEC=900000 exec "$@"`,
  });
  t.teardown(async () => {
    await daemon.stop();
    installation.remove();
    manager.stop();
  });
  return { manager, installation, daemon };
}

t.test('readiness, life and the end are told', async t => {
  const { manager, daemon } = await startWatched(t);
  t.equal(await manager.next(), 'READY=1');
  t.equal(await manager.next(), 'WATCHDOG=1 STATUS=Running');
  t.equal(await manager.next(), 'WATCHDOG=1 STATUS=Running');
  daemon.kill('SIGTERM');
  let last = '';
  while (!last.startsWith('STOPPING')) last = await manager.next();
  t.equal(last, 'STOPPING=1 STATUS=Stopping');
  t.equal((await daemon.ended).code, 0);
});

t.test('life is not told while the data directory or a database is gone', async t => {
  const { manager, installation, daemon } = await startWatched(t);
  t.equal(await manager.next(), 'READY=1');
  const failures = (error: RegExp) => (line: { msg?: unknown; error?: unknown }) =>
    line.msg === 'self-test failed' && error.test(String(line.error));
  for (const [what, path, sign] of [
    ['the data directory', installation.dataDir, /ENOENT.*access/],
    ['the catalogue', join(installation.stateDir, 'catalogue.db'), /ENOENT.*catalogue\.db/],
    ['the memory of the receiver', join(installation.stateDir, 'receiver', 'receiver.db'), /receiver\.db/],
  ] as const) {
    renameSync(path, `${path}.away`);
    await daemon.waitForLog(failures(sign), 2);
    const told = manager.heard();
    await daemon.waitForLog(failures(sign), 4);
    t.equal(manager.heard(), told, `${what} is gone`);
    renameSync(`${path}.away`, path);
    await manager.nextOf(told);
    t.pass(`${what} is back`);
  }
});

t.test('a role that does not answer, or says that it cannot work, is not told to live', async t => {
  const answers: (() => Promise<{ diskIsThere: boolean }>)[] = [
    async () => ({ diskIsThere: true }),
    () => new Promise(() => {}),
    () => Promise.reject(new Error('the disk is broken')),
    async () => ({ diskIsThere: false }),
  ];
  const asked = [...answers];
  const told: string[] = [];
  const done = Promise.withResolvers<void>();
  const errors: unknown[] = [];
  const log = { ...silentLog(), error: (facts: unknown) => void errors.push(facts) } as never;
  const supervision = await superviseService({
    manager: {
      watchdogMs: 90,
      async notify(...assignments) {
        told.push(assignments.join(' '));
        if (told.at(-1)?.includes('marker')) done.resolve();
      },
    },
    service: { selfTest: () => (asked.shift() ?? (answers[3] as (typeof answers)[3]))() },
    log,
  });
  await done.promise;
  await supervision.stopping();
  t.match(told[0], 'READY=1');
  t.match(told[1], /^WATCHDOG=1 STATUS=Running/);
  t.match(told[2], /^WATCHDOG=1 STATUS=The data directory does not show the marker/, 'a disk is waited for');
  t.match(told.at(-1), /^STOPPING=1/);
  t.same(errors, [{ error: 'no answer within 30 ms' }, { error: 'the disk is broken' }]);
});

async function listening(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function descriptorOf(server: Server): number {
  return (server as unknown as { _handle: { fd: number } })._handle.fd;
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port;
}

/** Node has no Unix datagrams. Descriptors that come with a message are closed by not being asked for: that is the answer. */
async function listenForNotifications() {
  // The names of sockets are short.
  const directory = mkdtempSync(join(tmpdir(), 'clipward-'));
  const path = join(directory, 'notify');
  const program = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    text = s.recv(65536).decode()
    print(' '.join(text.split('\\n')).strip(), flush=True)
`;
  const child = spawn('python3', ['-c', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let heard = 0;
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('nobody listens for notifications any more');
    return value as string;
  };
  // Counted as they come, whether or not they are asked for.
  child.stdout.on('data', (chunk: Buffer) => {
    heard += chunk.toString().split('WATCHDOG=1').length - 1;
  });
  await next();
  return {
    path,
    stop() {
      child.kill();
      rmSync(directory, { recursive: true });
    },
    /** How often life was told so far. */
    heard: () => heard,
    /** Resolves when it has been told more often than `count`. */
    async nextOf(count: number) {
      while (heard <= count) await once(child.stdout, 'data');
    },
    async next() {
      for (;;) {
        const line = await next();
        // systemd-notify also asks whether it was heard, by a message of its own.
        if (line !== '' && line !== 'BARRIER=1') return line;
      }
    },
  };
}
