import { join } from 'node:path';
import t from 'tap';
import { freePort, makeInstallation, startDaemon } from '../support/daemon.ts';

t.test('an archive that would go with the program is warned of at each start, and no other', async t => {
  const port = await freePort();
  // tap's directory lies in the project.
  const inside = t.testdir({
    'clipward.yaml': `ftps: { explicit: { host: 127.0.0.1, port: ${port} }, implicit: { enabled: false } }`,
  });
  const daemon = await startDaemon(['serve', '--config', join(inside, 'clipward.yaml')]);
  const msg = 'archive lies in the directory of the program';
  t.match(
    daemon.logged().find(line => line.msg === msg),
    { level: 40, settings: ['dataDir', 'stateDir', 'certsDir'] },
  );
  await daemon.stop();

  const elsewhere = await makeInstallation();
  t.teardown(() => elsewhere.remove());
  const other = await elsewhere.serve();
  t.notOk(other.logged().some(line => line.msg === msg));
  await other.stop();
});
