// npm start: from a fresh clone to a running daemon. What is there already is not done again.

import { join } from 'node:path';
import { ensureBuilt } from './lib/build.mjs';
import { ensurePrograms } from './lib/debian.mjs';
import { ensurePackages } from './lib/packages.mjs';
import {
  checkPlatform,
  main,
  projectRoot,
  requireNode,
  runInPlace,
  Stop,
  say,
  toolEnvironment,
} from './lib/run.mjs';

await main(async () => {
  checkPlatform();
  // First, because without root it ends here: nothing slow should come before that.
  if (ensurePrograms({ ffmpeg: ['ffmpeg', 'ffprobe'] }).length > 0)
    throw new Stop('ffmpeg could not be installed: see what apt-get says above, and try again.');
  ensurePackages();
  ensureBuilt({ onStart: () => say('building') });
  const launcher = join(projectRoot, 'bin', 'clipward.mjs');
  return runInPlace(requireNode(), [launcher, 'serve', ...process.argv.slice(2)], toolEnvironment());
});
