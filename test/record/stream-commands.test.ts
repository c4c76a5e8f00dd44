// A camera is recorded by commands alone, beside a running daemon; its password is nowhere but in its file and in the camera.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeInstallation } from '../support/daemon.ts';
import {
  answerWith,
  type FakeRequest,
  makeElementaryStream,
  startFakeCamera,
} from '../support/fake-camera.ts';

const wrong = 'wrong-Kennwort-1234567';
const right = 'right-Kennwort-7654321';
const secretHalf = /Kennwort/;

t.test('a camera with a log-in is recorded in two commands, and its password is seen nowhere', async t => {
  const place = await makeInstallation();
  t.teardown(() => place.remove());
  const camera = await startFakeCamera({
    elementaryStream: await makeElementaryStream(),
    answer: request => (isLoggedIn(request, right) ? undefined : challengeTo(request)),
  });
  t.teardown(() => camera[Symbol.asyncDispose]());
  const daemon = await place.serve();
  t.teardown(() => daemon.kill('SIGKILL'));
  const printed: string[] = [];
  const run = async (args: string[], input = '') => {
    const { code, stdout, stderr } = await place.run(args, input);
    printed.push(stdout, stderr);
    t.equal(code, 0, `${args.slice(0, 3).join(' ')} ${stderr}`);
    return stdout;
  };
  const url = `rtsp://viewer@127.0.0.1:${camera.port}/stream`;
  await run(['camera', 'add', 'den', '--rtsp', url, '--rtsp-password-stdin'], `${wrong}\n`);
  t.match(await daemon.waitForLog(({ msg }) => msg === 'camera is not recorded'), { reason: 'refused' });
  const before = JSON.parse(await run(['status', '--json']));
  t.match(before.cameras, [{ camera: 'den', recording: false, gap: { reason: 'refused' }, coverage24h: 0 }]);

  await run(['camera', 'set', 'den', '--rtsp-password-stdin'], `${right}\n`);
  await daemon.waitForLog(({ msg }) => msg === 'recording');
  const [{ gap, recording, coverage24h }] = JSON.parse(await run(['status', '--json'])).cameras;
  t.strictSame({ gap, recording }, { gap: null, recording: true });
  t.ok(coverage24h >= 0 && coverage24h < 1);
  t.match(await run(['camera', 'show', 'den']), /^recording +yes$/m);
  t.match(await run(['camera', 'show', 'den']), /^stream log-in +password stored/m);
  t.match(JSON.parse(await run(['footage', 'list', '--camera', 'den', '--json'])), []);
  printed.push((await place.run(['doctor'])).stdout);
  const running = commandLines(daemon.pid);
  t.ok(
    running.some(line => line.includes('ffmpeg')),
    'the recorder runs',
  );
  t.notMatch(running.join('\n'), secretHalf);

  await run(['camera', 'set', 'den', '--record', 'off']);
  await until(
    async () => JSON.parse(await run(['footage', 'list', '--camera', 'den', '--json'])).length === 1,
  );
  const [segment] = JSON.parse(await run(['footage', 'list', '--camera', 'den', '--json']));
  const bytes = readFileSync(join(place.dataDir, segment.path));
  t.match(segment, { camera: 'den', codec: 'h264', endReason: 'stopped', bytes: bytes.length });
  t.equal(createHash('sha256').update(bytes).digest('hex'), segment.sha256);
  const gaps = JSON.parse(await run(['footage', 'gaps', '--camera', 'den', '--json']));
  t.match(gaps[0], { reason: 'off', lasts: true, startAt: segment.endAt });
  t.ok(gaps.some(({ reason }: { reason: string }) => reason === 'refused'));
  t.match(JSON.parse(await run(['status', '--json'])).cameras, [{ recording: null, gap: null }]);

  const secretFile = join(place.stateDir, 'secrets', 'rtsp', 'den');
  t.equal(readFileSync(secretFile, 'utf8'), right);
  t.equal(statSync(secretFile).mode & 0o777, 0o600);
  await daemon.stop();
  for (const path of filesUnder(place.root))
    if (path !== secretFile) t.notMatch(readFileSync(path).toString('latin1'), secretHalf, path);
  t.notMatch(daemon.lines.join('\n') + daemon.stderr(), secretHalf);
  t.notMatch(printed.join('\n'), secretHalf);
  t.notMatch(camera.requests.map(({ head }) => head).join('\n'), secretHalf, 'nor did it cross the network');
  await run(['camera', 'remove', 'den']);
  t.notOk(existsSync(secretFile));
});

const challenge = { realm: 'camera', nonce: 'd1e8a70b' };

function challengeTo(request: FakeRequest): string {
  const { realm, nonce } = challenge;
  return answerWith(request, '401 Unauthorized', [
    `WWW-Authenticate: Digest realm="${realm}", nonce="${nonce}"`,
  ]);
}

function isLoggedIn({ head, method }: FakeRequest, password: string): boolean {
  if (method === 'OPTIONS') return true;
  const hash = (text: string) => createHash('md5').update(text).digest('hex');
  const uri = / uri="([^"]*)"/.exec(head)?.[1] ?? '';
  const { realm, nonce } = challenge;
  const expected = hash(`${hash(`viewer:${realm}:${password}`)}:${nonce}:${hash(`${method}:${uri}`)}`);
  return head.includes(`response="${expected}"`);
}

/** Of a process and all that it started, as everybody on the machine sees them. */
function commandLines(pid: number): string[] {
  const all = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  const facts = all.flatMap(name => {
    try {
      const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8'))?.[1]);
      const line = ['cmdline', 'environ']
        .map(file => readFileSync(`/proc/${name}/${file}`, 'utf8'))
        .join(' ');
      return [{ pid: Number(name), parent, line }];
    } catch {
      return [];
    }
  });
  const ours = new Set([pid]);
  for (let size = 0; size < ours.size; ) {
    size = ours.size;
    for (const { pid, parent } of facts) if (ours.has(parent)) ours.add(pid);
  }
  return facts.filter(({ pid }) => ours.has(pid)).map(({ line }) => line);
}

function filesUnder(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('what was waited for did not come');
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}
