// npm run docs: docs/settings.md and config/clipward.example.yaml, written from the schema of the settings.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensureBuilt } from './lib/build.mjs';
import { main, projectRoot, say } from './lib/run.mjs';
import { exampleFile, settingsPage } from './lib/settings-docs.mjs';

await main(async () => {
  ensureBuilt();
  const schema = await import(join(projectRoot, 'dist', 'settings', 'setting-keys.js'));
  const keys = schema.settingKeys();
  const sections = schema.settingSections();
  for (const [path, text] of [
    ['docs/settings.md', settingsPage(keys, sections)],
    ['config/clipward.example.yaml', exampleFile(keys, sections)],
  ]) {
    mkdirSync(dirname(join(projectRoot, path)), { recursive: true });
    writeFileSync(join(projectRoot, path), text);
    say(`wrote ${path}`);
  }
});
