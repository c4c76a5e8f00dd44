// The HTTP server for those who watch, as whoever reaches it may treat it.

import { once } from 'node:events';
import { request as send } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLog } from '../../src/base/log.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { isOurName, startHttp } from '../../src/http.ts';
import { freePort } from '../support/daemon.ts';
import { sampleFacts } from './sample-facts.ts';

async function serving(t: Test) {
  const catalogue = openCatalogue({ file: join(t.testdir(), 'catalogue.db') });
  t.teardown(() => catalogue[Symbol.dispose]());
  const clock = { at: 1_000_000, now: () => clock.at };
  const port = await freePort();
  const server = await startHttp({ host: '127.0.0.1', port, catalogue, clock, log: silentLog() });
  t.teardown(() => server[Symbol.asyncDispose]());
  const ask = (path: string, options: { method?: string; headers?: Record<string, string> } = {}) =>
    new Promise<{ status: number; body: string; headers: NodeJS.Dict<string | string[]> }>(
      (resolve, reject) => {
        const request = send({ port, host: '127.0.0.1', path, agent: false, ...options }, async answer => {
          let body = '';
          for await (const chunk of answer) body += chunk;
          resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers });
        });
        request.on('error', reject).end();
      },
    );
  return { catalogue, clock, port, server, ask };
}

/** What comes back for these bytes until the other side closes. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  socket.write(bytes);
  let text = '';
  socket.on('data', chunk => {
    text += chunk;
  });
  await once(socket, 'close');
  return text;
}

t.test('health, readiness and metrics follow what was last seen', async t => {
  const { catalogue, clock, ask } = await serving(t);
  t.match(await ask('/healthz'), { status: 200, body: '{"status":"ok"}\n' });
  t.match(await ask('/readyz'), { status: 503, body: /has not looked yet/ });
  const look = (facts = sampleFacts(clock.at)) =>
    catalogue.noteLook(clock.at, true, JSON.stringify({ ...facts, at: clock.at }));
  look();
  t.match(await ask('/readyz'), { status: 200, body: '{"ready":true,"problems":[]}\n' });
  clock.at += 150_000;
  t.match(await ask('/readyz'), { status: 200 }, 'at the limit');
  clock.at += 1;
  t.match(await ask('/readyz'), { status: 503, body: /does not look any more/ });
  clock.at -= 400_000;
  t.match(await ask('/readyz'), { status: 503 }, 'the clock was set back');
  look({ ...sampleFacts(clock.at), running: ['archive', 'outbound'] });
  t.match(await ask('/readyz'), { status: 503, body: /nobody receives/ });
  look({ ...sampleFacts(clock.at), disk: { state: 'failed', error: 'EIO' } });
  t.match(await ask('/readyz'), { status: 503, body: /disk of the media is not there/ });
  const { status, body, headers } = await ask('/metrics?x=1');
  t.equal(status, 200);
  t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
  t.match(body, /^clipward_disk_ok 0$/m);
  t.match(await ask('/metrics', { method: 'HEAD' }), { status: 200, body: '' });
});

t.test('a database that cannot be read is not healthy', async t => {
  const { catalogue, ask } = await serving(t);
  catalogue[Symbol.dispose]();
  for (const path of ['/healthz', '/readyz', '/metrics'])
    t.match(await ask(path), { status: 503, body: 'The database cannot be read.\n' }, path);
});

t.test('there is nothing else, and nothing can be sent', async t => {
  const { ask } = await serving(t);
  for (const path of ['/', '/metrics/', '/../etc/passwd', '/__proto__', '/constructor', '//metrics'])
    t.equal((await ask(path)).status, 404, path);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'])
    t.match(await ask('/healthz', { method }), { status: 405, headers: { allow: 'GET, HEAD' } }, method);
  const { headers } = await ask('/healthz');
  t.notOk(headers['access-control-allow-origin'], 'no page of another origin may read it');
  t.equal(headers['cache-control'], 'no-store');
});

t.test('what came with a request is not read, and its connection ends', async t => {
  const { port } = await serving(t);
  const got = await exchange(
    port,
    'GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nabc',
  );
  t.match(got, /^HTTP\/1\.1 200/);
  t.match(got, /connection: close/i);
});

t.test('a request under a name that is not ours is refused: a web page may have rebound it', async t => {
  const { ask, port } = await serving(t);
  for (const host of ['localhost', `localhost:${port}`, '127.0.0.1', `[::1]:${port}`, 'LOCALHOST'])
    t.equal((await ask('/metrics', { headers: { host } })).status, 200, host);
  for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.nip.io'])
    t.equal((await ask('/metrics', { headers: { host } })).status, 421, host);
  t.match(await exchange(port, 'GET /metrics HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 421/, 'none at all');
  t.ok(isOurName('nvr.lan:8321', 'nvr.lan'), 'the name that it was told to answer on');
  for (const name of [undefined, '', ':', 'a b', 'localhost:123456', '[::1', 'user@localhost'])
    t.notOk(isOurName(name, '127.0.0.1'), String(name));
});

t.test('headers are short, and come soon', async t => {
  const { port } = await serving(t);
  const padding = (bytes: number) =>
    `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(bytes)}\r\n\r\n`;
  const socket = connect(port, '127.0.0.1');
  socket.write(padding(7000));
  t.match(String(await once(socket, 'data')), /^HTTP\/1\.1 200/);
  socket.destroy();
  t.notMatch(await exchange(port, padding(9000)), /200/);
  const begunMs = performance.now();
  await exchange(port, 'GET /healthz HTTP/1.1\r\nHost: loc');
  const tookMs = performance.now() - begunMs;
  t.ok(tookMs > 2000 && tookMs < 25_000, `whoever dawdles is cut off (${Math.round(tookMs)} ms)`);
});

t.test('no more than fifty are let in at once', async t => {
  const { port, ask } = await serving(t);
  const sockets: Socket[] = [];
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let index = 0; index < 50; index++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    sockets.push(socket);
    await once(socket, 'connect');
    // A connection counts once it was accepted: an answer says so.
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
  }
  await t.rejects(ask('/healthz'), 'the fifty-first');
  const [first] = sockets;
  const closed = once(first as Socket, 'close');
  first?.destroy();
  await closed;
  await until(() =>
    ask('/healthz').then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
});

t.test('a port that is taken is said once and tried again', async t => {
  const catalogue = openCatalogue({ file: join(t.testdir(), 'catalogue.db') });
  t.teardown(() => catalogue[Symbol.dispose]());
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const errors: unknown[] = [];
  const log = Object.assign(silentLog(), { error: (facts: unknown) => void errors.push(facts) });
  const parts = { host: '127.0.0.1', port, catalogue, clock: { now: () => 1 }, log };
  const server = await startHttp({ ...parts, retryMs: 5 });
  t.teardown(() => server[Symbol.asyncDispose]());
  t.equal(server.port(), null);
  other.close();
  await once(other, 'close');
  await until(async () => server.port() === port);
  t.match(errors, [{ error: 'EADDRINUSE' }]);
  t.equal(errors.length, 1);
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('it never came true');
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
