// npm run build: compiles src/ to dist/ when it changed.

import { ensureBuilt } from './lib/build.mjs';
import { main, say } from './lib/run.mjs';

await main(() => {
  say(ensureBuilt() ? 'built' : 'dist/ is up to date');
});
