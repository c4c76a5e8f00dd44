import t from 'tap';
import { makeInstallation } from '../support/daemon.ts';

t.test('a list that is empty because the name is mistyped says so', async t => {
  const installation = await makeInstallation();
  t.teardown(installation.remove);
  await (await installation.serve()).stop();
  await installation.run(['camera', 'add', 'yard']);
  for (const list of [
    ['clip', 'list'],
    ['event', 'list'],
    ['footage', 'list'],
    ['footage', 'gaps'],
  ]) {
    const mistyped = await installation.run([...list, '--camera', 'yrad']);
    t.match(
      mistyped,
      { stdout: '', stderr: /^There is no camera named yrad, .*camera list.*\n$/ },
      list.join(' '),
    );
    const right = await installation.run([...list, '--camera', 'yard']);
    t.match(right.stderr, /^No /, list.join(' '));
    t.notMatch(right.stderr, /There is no camera/);
  }
});
