import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { settingsDocuments } from '../../scripts/lib/settings-documents.ts';
import { keysInFile, loadSettings, projectRoot } from '../../src/settings/load-settings.ts';
import { settingKeys, settingSections } from '../../src/settings/setting-keys.ts';

const example = 'config/clipward.example.yaml';

for (const [path, text] of Object.entries(settingsDocuments())) {
  t.test(`${path} says what the schema says`, async t => {
    t.equal(readFileSync(join(projectRoot, path), 'utf8'), text, 'it is stale: npm run docs');
  });
}

t.test('every key and every section has an explanation, a sentence', async t => {
  for (const { key, explanation } of [...settingKeys(), ...settingSections()])
    t.match(explanation, /^[A-Z][^\n]*[.]$/, key);
});

t.test('the example as it is asks for the defaults', async t => {
  t.same([...keysInFile(join(projectRoot, example))], []);
});

t.test('the example with everything uncommented sets every key, to its default', async t => {
  const root = t.testdir({ config: {} });
  // YAML is indented by twos; an explanation stands one column further in than what it explains.
  const uncommented = readFileSync(join(projectRoot, example), 'utf8').replace(/^#((?: {2})*(?=\S))/gm, '$1');
  const file = join(root, 'config', 'clipward.yaml');
  writeFileSync(file, uncommented);
  const keys = settingKeys().map(({ key }) => key);
  t.same([...keysInFile(file)].sort(), keys.sort());
  const loaded = loadSettings({ file, environment: {}, projectRoot: root });
  writeFileSync(file, '');
  t.same(loaded, loadSettings({ file, environment: {}, projectRoot: root }));
});

t.test('the example says where settings are looked for and what paths are relative to', async t => {
  const top = readFileSync(join(projectRoot, example), 'utf8').split('\n\n')[0]?.replaceAll('\n# ', ' ');
  for (const place of [
    '--config FILE',
    'CLIPWARD_CONFIG',
    'config/clipward.yaml',
    '/etc/clipward/clipward.yaml',
  ])
    t.match(top, place);
  t.match(top, 'Relative paths are relative to the directory of the file');
});

t.test('no line of the example is longer than 100 columns', async t => {
  for (const line of readFileSync(join(projectRoot, example), 'utf8').split('\n'))
    if (line.startsWith('# ')) t.ok(line.length <= 100, line);
});
