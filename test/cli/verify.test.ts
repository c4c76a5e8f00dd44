// clipward verify and clip export --proof as a user runs them, beside a running daemon.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { leaveEntry } from '../archive/sample-receipt.ts';
import { makeInstallation } from '../support/daemon.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A daemon that has filed this many uploads of a few bytes, still running. */
async function filled(test: Test, uploads: readonly Buffer[]) {
  const installation = await makeInstallation();
  test.teardown(installation.remove);
  const daemon = await installation.serve();
  test.teardown(daemon.stop);
  // One after the other: what is found together is filed in the order of its ids.
  for (const [index, media] of uploads.entries()) {
    await leaveEntry(installation.dataDir, { media });
    await daemon.waitForLog(line => line.msg === 'clip filed', index + 1);
  }
  const clips: Array<{ id: string; path: string }> = await installation.json(['clip', 'list']);
  return {
    ...installation,
    daemon,
    clips,
    file: (index: number) => join(installation.dataDir, clips[index]?.path ?? ''),
  };
}

t.test(
  'beside the daemon, everything is read and nothing is found; what changed is named, with exit code 1',
  async t => {
    const { run, json, file, clips, daemon, stateDir } = await filled(t, [
      Buffer.from('one'),
      Buffer.from('two'),
    ]);
    const good = await run(['verify']);
    t.equal(good.stderr, '', 'no progress where nobody sees it');
    t.equal(good.code, 0, good.stdout);
    t.match(good.stdout, /^result +nothing has changed$/m);
    t.match(good.stdout, /^read again +2 clips, 6 B$/m);
    const facts = await json(['verify']);
    t.match(facts, {
      good: true,
      findings: [],
      media: { clips: 2, segments: 0, bytes: 6 },
      chain: { entries: 2, kept: 2 },
    });
    t.match(good.stdout, facts.head);
    t.match(good.stdout, facts.keyFingerprint);
    const key = execFileSync('openssl', [
      'pkey',
      '-pubin',
      '-in',
      join(stateDir, 'secrets/signing.pub'),
      '-outform',
      'DER',
    ]);
    t.match(execFileSync('sha256sum', { input: key, encoding: 'utf8' }), facts.keyFingerprint);
    t.equal((await run(['verify', '--expect', facts.head])).code, 0);

    chmodSync(file(0), 0o600);
    writeFileSync(file(0), 'owt');
    const red = await run(['verify']);
    t.equal(red.code, 1);
    t.match(red.stdout, `RED   media-changed  front  ${clips[0]?.id}  ${clips[0]?.path}`);
    t.match(red.stdout, /^result +1 finding$/m);
    t.equal((await run(['verify', '--camera', 'garden'])).code, 0, 'of this camera nothing changed');
    const other = await run(['verify', '--camera', 'garden', '--expect', `9-${'a'.repeat(64)}`]);
    t.match(other, { code: 1, stdout: /RED {3}history-cut {2}entry 9/ });
    t.notMatch(JSON.stringify(daemon.logged()), /PRIVATE/);
  },
);

t.test('wrong arguments are told in a sentence', async t => {
  const { run } = await makeInstallation().then(each => {
    t.teardown(each.remove);
    return each;
  });
  t.match(await run(['verify', '--expect', 'abc']), { code: 2, stderr: /is no head/ });
  t.match(await run(['verify', '--since', 'never']), { code: 2, stderr: /--since/ });
  t.match(await run(['verify', '--resume', '--camera', 'a']), { code: 2, stderr: /--resume/ });
  t.match(await run(['verify']), { code: 1, stderr: /does not exist yet/ });
});

t.test('the head is in the log when the daemon starts, and the key is not', async t => {
  const { run, daemon, serve, json, stateDir } = await filled(t, [Buffer.from('one')]);
  t.ok(daemon.logged().some(line => line.msg === 'signing key made'));
  t.notOk(
    daemon.logged().some(line => line.msg === 'chain head'),
    'there was nothing yet',
  );
  await daemon.stop();
  const again = await serve();
  t.teardown(again.stop);
  const line = await again.waitForLog(each => each.msg === 'chain head');
  const { head, keyFingerprint } = await json(['verify']);
  t.match(line, { level: 30, head, keyFingerprint, signature: /^[A-Za-z0-9+/]{86}==$/ });
  t.equal((await run(['verify', '--expect', String(line.head)])).code, 0);
  const body = readFileSync(join(stateDir, 'secrets/signing.key'), 'utf8').split('\n')[1] ?? '?';
  t.notOk([...daemon.lines, ...again.lines].some(each => each.includes(body)));
});

t.test(
  'a lost key and a chain that does not end with its signed head are told as errors, and clips are filed all the same',
  async t => {
    const { daemon, serve, stateDir, dataDir, run } = await filled(t, [Buffer.from('one')]);
    await daemon.stop();
    rmSync(join(stateDir, 'secrets/signing.key'));
    const db = new Database(join(stateDir, 'catalogue.db'));
    db.exec("UPDATE chain_head SET signature = 'x'");
    db.close();
    const again = await serve();
    t.teardown(again.stop);
    t.match(await again.waitForLog(each => each.msg === 'signing key is missing'), { level: 50 });
    t.match(await again.waitForLog(each => each.msg === 'chain does not end with its signed head'), {
      level: 50,
    });
    await leaveEntry(dataDir, { media: Buffer.from('two') });
    await again.waitForLog(each => each.msg === 'clip filed');
    t.match((await run(['verify'])).code, 0, 'the last head of the day is the only one, and signed again');
  },
);

t.test('clips of an older version are in the chain after the next start', async t => {
  const { daemon, serve, stateDir, run } = await filled(t, [Buffer.from('one'), Buffer.from('two')]);
  await daemon.stop();
  const db = new Database(join(stateDir, 'catalogue.db'));
  db.exec(`DELETE FROM chain_head; DELETE FROM chain_entry;
    INSERT INTO chain_pending SELECT received_at, id FROM clip`);
  db.close();
  t.match(await run(['verify']), { code: 1, stdout: /2 clips of an earlier version/ });
  const again = await serve();
  t.teardown(again.stop);
  const line = await again.waitForLog(each => each.msg === 'clips of an earlier version are in the chain');
  t.equal(line.clips, 2);
  t.equal((await run(['verify'])).code, 0);
});

/** A file without bytes on the disk that takes a while to hash. */
const sparse = (file: string, bytes: number) => {
  chmodSync(file, 0o600);
  truncateSync(file, 0);
  truncateSync(file, bytes);
};

t.test('Ctrl-C says how to go on, and going on finishes it', async t => {
  const { file, stateDir, config, run, clips } = await filled(t, [Buffer.from('one'), Buffer.from('two')]);
  // The first clip in the chain is short, the second takes seconds, so that there is time to interrupt.
  const long = clips.findIndex((_, index) => readFileSync(file(index), 'utf8') === 'two');
  const bytes = 20 * 1024 ** 3;
  sparse(file(long), bytes);
  const db = new Database(join(stateDir, 'catalogue.db'));
  const line = db.prepare('SELECT line FROM chain_entry WHERE number = 2').pluck().get() as string;
  db.prepare('UPDATE chain_entry SET line = ? WHERE number = 2').run(line.replace(' 3 ', ` ${bytes} `));
  db.close();
  const child: ChildProcess = spawn(process.execPath, [main, 'verify', '--config', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const closed = once(child, 'close');
  let stderr = '';
  child.stderr?.on('data', chunk => {
    stderr += chunk;
  });
  const opened = () => {
    try {
      return (
        readdirSync(`/proc/${child.pid}/fd`).length > 0 &&
        readOpenFiles(child.pid).some(each => each === file(long))
      );
    } catch {
      return false;
    }
  };
  // There is no event for a file that another process has opened.
  const deadline = Date.now() + 20_000;
  while (!opened() && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20));
  child.kill('SIGINT');
  const [code] = await closed;
  t.equal(code, 1);
  t.match(stderr, /clipward verify --resume/);
  t.ok(existsSync(join(stateDir, 'verify-progress.json')));
  t.equal(statSync(join(stateDir, 'verify-progress.json')).mode & 0o777, 0o600);

  truncateSync(file(long), 4);
  const resumed = await run(['verify', '--resume']);
  t.match(resumed, { code: 1, stdout: /read again +2 clips/ });
  t.match(resumed.stdout, /media-changed/);
  t.match(await run(['verify', '--resume']), { code: 1, stderr: /no interrupted verify/ });
});

function readOpenFiles(pid: number | undefined): string[] {
  return execFileSync('find', [`/proc/${pid}/fd`, '-printf', '%l\n'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).split('\n');
}

t.test('clip export --proof writes what sh, openssl and sha256sum confirm', async t => {
  const { run, root, clips, json } = await filled(t, [Buffer.from('one'), Buffer.from('two')]);
  const out = join(root, 'out', 'evidence');
  const id = clips[0]?.id ?? '';
  const exported = await json(['clip', 'export', id, '--out', out, '--proof']);
  const { head, keyFingerprint } = await json(['verify']);
  t.match(exported, { id, wrote: out, bytes: 3, proof: { head, keyFingerprint } });
  const shown = execFileSync('sh', [join(out, 'verify.sh')], { encoding: 'utf8' });
  t.match(shown, 'Everything fits together.');
  t.match(shown, keyFingerprint);
  t.match(await run(['clip', 'export', id, '--out', out, '--proof']), { code: 1, stderr: /exists already/ });
  const plain = join(root, 'out', 'clip.mp4');
  t.match(await json(['clip', 'export', id, '--out', plain]), { id, wrote: plain, proof: null });
  t.match(await run(['clip', 'export', id, '--out', join(root, 'out/more'), '--proof']), {
    code: 0,
    stdout: /verify\.sh/,
  });
  mkdirSync(join(root, 'out', 'empty'));
  t.match(await run(['clip', 'export', id, '--out', join(root, 'out/empty'), '--proof']), { code: 1 });
});
