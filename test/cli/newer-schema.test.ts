// Databases that a newer version has changed, after somebody went back to an older program.

import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openDatabase } from '../../src/base/sqlite.ts';
import { leavesOf, programOfMain } from '../support/command-tree.ts';
import { addCamera, type Installation, makeInstallation } from '../support/daemon.ts';
import { runEach } from '../support/run-each.ts';

const databases = {
  accounts: ['access.db', 'migrations-access', 'access'],
  catalogue: ['catalogue.db', 'migrations', 'catalogue'],
  receiver: ['receiver/receiver.db', 'migrations-receiver', 'access'],
} as const;
type Name = keyof typeof databases;

const span = ['--camera', 'den', '--from', '2h', '--to', '1h'];
/** Each command, what is typed behind it, and the databases without which it can answer nothing. */
const table: Record<string, [args: string[], needs: Name[]] | string> = {
  // The accounts are copied as they are.
  backup: [['--out', 'OUT/backup'], ['catalogue']],
  'ban list': [[], ['accounts', 'receiver']],
  'ban clear': [['192.0.2.1'], ['accounts', 'receiver']],
  'camera add': [['yard', '--allow', '127.0.0.0/8'], ['accounts']],
  'camera list': [[], ['accounts']],
  'camera show': [['den'], ['accounts']],
  'camera passwd': [['den'], ['accounts']],
  'camera enable': [['den'], ['accounts']],
  'camera disable': [['den'], ['accounts']],
  'camera set': [['den', '--acceptance-days', '2'], ['accounts']],
  'camera allow': [['den', '192.0.2.0/24'], ['accounts']],
  'camera deny': [['den', '192.0.2.0/24'], ['accounts']],
  'camera snapshot': [['den', '--out', 'OUT/den.jpg'], ['catalogue']],
  'camera remove': [['den'], ['accounts']],
  'cert show': 'looks at certificates',
  'cert renew': 'looks at certificates',
  'cert export-ca': 'looks at certificates',
  // Accounts are asked for where it mends.
  check: [[], ['catalogue']],
  'clip list': [[], ['catalogue']],
  'clip show': [['0'], ['catalogue']],
  'clip export': [['0', '--out', 'OUT/clip'], ['catalogue']],
  'completion bash': 'prints a script',
  'completion zsh': 'prints a script',
  'completion fish': 'prints a script',
  'completion cameras': 'must be silent under a Tab',
  'config check': 'looks at the settings',
  'config explain': 'looks at the settings',
  doctor: 'finds it (test/cli/upgrade.test.ts), exit code 1',
  'event list': [[], ['catalogue']],
  'event show': [['0'], ['catalogue']],
  'event export': [['0', '--out', 'OUT/event.mp4'], ['catalogue']],
  firewall: [['--format', 'nft', '--recorder', '192.0.2.2'], ['accounts']],
  'footage list': [['--camera', 'den'], ['catalogue']],
  'footage gaps': [['--camera', 'den'], ['catalogue']],
  'footage export': [[...span, '--out', 'OUT/footage.mp4'], ['catalogue']],
  'hold add': [span, ['accounts', 'catalogue']],
  'hold list': [[], ['catalogue']],
  'hold remove': [['0'], ['catalogue']],
  import: [
    ['TREE', '--camera', 'den'],
    ['accounts', 'catalogue'],
  ],
  manual: 'prints a page',
  'network list': [[], ['accounts']],
  'network add': [['192.0.2.0/24'], ['accounts']],
  'network remove': [['192.0.2.0/24'], ['accounts']],
  'retention plan': [[], ['accounts', 'catalogue']],
  'retention run': [[], ['accounts', 'catalogue']],
  serve: 'test/service.test.ts, exit code 78',
  status: [[], ['accounts', 'catalogue']],
  verify: [[], ['catalogue']],
};

t.test('every command is in the table', async t => {
  const paths = leavesOf(programOfMain()).map(({ path }) => path);
  t.same(paths.sort(), Object.keys(table).sort());
});

t.test('what a newer version has changed is left alone: one sentence and exit code 78', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  await addCamera(installation, 'den');
  const daemon = await installation.serve();
  t.equal((await daemon.stop()).code, 0);
  const kept = join(installation.root, 'kept');
  cpSync(installation.stateDir, kept, { recursive: true });
  for (const name of Object.keys(databases) as Name[]) {
    rmSync(installation.stateDir, { recursive: true });
    cpSync(kept, installation.stateDir, { recursive: true });
    makeNewer(installation.stateDir, name);
    const needing = Object.entries(table).flatMap(([path, entry]) =>
      typeof entry !== 'string' && entry[1].includes(name) ? [[path, entry[0]] as const] : [],
    );
    t.ok(needing.length > 0);
    const outcomes = runEach(
      placedIn(
        installation,
        needing.map(([path, args]) => [...path.split(' '), ...args]),
      ),
    );
    for (const [index, [path]] of needing.entries()) {
      const { code, said } = outcomes[index] ?? {};
      t.equal(code, 78, `${path}: ${said}`);
      t.match(
        said,
        /^clipward: \S+\.db has schema 99, this version of clipward knows up to \d+: [^\n]+\n$/,
        path,
      );
      t.ok(said?.includes(databases[name][0]), `${path} names ${name}`);
    }
  }
});

function makeNewer(stateDir: string, name: Name): void {
  const [file, migrations, room] = databases[name];
  const db = openDatabase({
    file: join(stateDir, file),
    migrations: new URL(`../../src/${room}/${migrations}/`, import.meta.url),
    journal: name === 'accounts' ? 'delete' : 'wal',
    synchronous: 'full',
  });
  db.pragma('user_version = 99');
  db.close();
}

/** With files and directories of the installation in their places. */
function placedIn({ root, config }: Installation, lines: string[][]): string[][] {
  const places: Record<string, string> = { OUT: join(root, 'out'), TREE: join(root, 'tree') };
  mkdirSync(join(root, 'tree'), { recursive: true });
  writeFileSync(join(root, 'tree', 'one.mp4'), 'media');
  return lines.map(line => [
    ...line.map(word => word.replace(/^(OUT|TREE)/, place => places[place] ?? place)),
    ...['--config', config],
  ]);
}
