// The file of hanging-file.ts, as a process of its own: whoever waits for it must not be the one who serves it. Says `mounted`.

import { writeSync } from 'node:fs';
import { serveFile } from '../torture/fuse-file.ts';

const [, , path = ''] = process.argv;
const stdout = 1;

function unasked(): never {
  throw new Error('it was stopped before');
}

await serveFile(path, { bytes: 0, read: unasked, write: unasked, sync: unasked });
writeSync(stdout, 'mounted\n');
