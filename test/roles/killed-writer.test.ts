// A command killed while it commits, and what readers of access.db make of what it leaves.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import {
  accessDatabaseFile,
  openAccountReader,
  openAccountWriter,
  repairAccounts,
} from '../../src/access/open-accounts.ts';
import { hashPassword } from '../../src/access/password-hash.ts';
import { systemClock } from '../../src/base/clock.ts';
import { addCamera, makeInstallation } from '../support/daemon.ts';
import { loginExplicit } from '../support/ftps-client.ts';

const sqlite = new URL('../../src/base/sqlite.ts', import.meta.url).href;
const migrations = new URL('../../src/access/migrations-access/', import.meta.url).href;

/**
 * Kills a writer between the moment when its pages reach the file and the end of its transaction: a page cache of one page
 * makes SQLite write early, so that the rollback journal is needed to read the database at all.
 */
async function killWriter(stateDir: string): Promise<void> {
  const script = `
    import { openDatabase } from '${sqlite}';
    const db = openDatabase({ file: ${JSON.stringify(accessDatabaseFile(stateDir))}, migrations: new URL('${migrations}'),
      journal: 'delete', synchronous: 'full', group: 'read' });
    db.pragma('cache_size = 1');
    db.exec('BEGIN IMMEDIATE; CREATE TABLE rubbish (x TEXT)');
    for (let i = 0; i < 500; i++) db.prepare('INSERT INTO rubbish VALUES (?)').run('x'.repeat(2000));
    db.exec('DELETE FROM camera');
    console.log('written');
    setInterval(() => {}, 1000);`;
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
  });
  await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line');
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}

async function stateWithCamera(t: { testdir(): string }): Promise<string> {
  const stateDir = join(t.testdir(), 'state');
  using accounts = await openAccountWriter({ stateDir, clock: systemClock });
  accounts.addCamera({
    name: 'garage',
    passwordHash: await hashPassword('a long enough password'),
    allowedNetworks: [],
    timeZone: 'UTC',
  });
  return stateDir;
}

t.test('a reader cannot undo what a killed writer left, and says so until somebody does', async t => {
  // The poll of a reader does not keep a process alive.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  for (const mend of ['the next command', 'repairAccounts']) {
    const stateDir = await stateWithCamera(t);
    using reader = openAccountReader({ stateDir });
    t.equal(reader.cameras().length, 1);
    let told = Promise.withResolvers<void>();
    using _changes = reader.onChange(() => told.resolve());
    await killWriter(stateDir);
    await told.promise;
    t.ok(existsSync(`${accessDatabaseFile(stateDir)}-journal`));
    t.throws(() => reader.cameras(), { name: 'TransientError', message: /cannot be read just now/ });
    using late = openAccountReader({ stateDir });
    t.throws(() => late.camera('garage'), { name: 'TransientError' });
    told = Promise.withResolvers();
    if (mend === 'repairAccounts') repairAccounts({ stateDir });
    else (await openAccountWriter({ stateDir, clock: systemClock }))[Symbol.dispose]();
    await told.promise;
    t.equal(reader.camera('garage')?.name, 'garage', `${mend} undid it`);
    t.equal(late.cameras().length, 1);
  }
});

t.test('the archive undoes it within a second, and sessions outlive it', async t => {
  const installation = await makeInstallation();
  const archive = await installation.serve(['--only', 'archive']);
  const receive = await installation.serve(['--only', 'receive']);
  t.teardown(async () => {
    await receive.stop();
    await archive.stop();
    installation.remove();
  });
  const password = await addCamera(installation, 'garage');
  const account = { user: 'garage', password };
  const session = await loginExplicit(installation.explicitPort, account);
  await killWriter(installation.stateDir);
  await archive.waitForLog(line => line.msg === 'accounts repaired');
  t.equal(await session.code('NOOP'), 200);
  const another = await loginExplicit(installation.explicitPort, account);
  t.equal(await another.code('NOOP'), 200);
});
