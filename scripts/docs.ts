// npm run docs: writes what is generated from the settings' schema. test/settings/documents.test.ts says when it is stale.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../src/settings/load-settings.ts';
import { settingsDocuments } from './lib/settings-documents.ts';

for (const [path, text] of Object.entries(settingsDocuments())) writeFileSync(join(projectRoot, path), text);
