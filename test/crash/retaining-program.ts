// One pass of retention in a process of its own, armed with kill-at-call.ts. Takes the directory of an installation, prints a
// line of JSON with the number of calls when it was not killed.

import { join } from 'node:path';
import { readSigningKey } from '../../src/access/signing-key.ts';
import { readArchiveId } from '../../src/archive/marker.ts';
import { systemClock } from '../../src/base/clock.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { openRetention } from '../../src/retain/open-retention.ts';
import { runRetention } from '../../src/retain/run-retention.ts';
import { standardRetention } from '../retain/retained-archive.ts';

declare const armKill: () => void;
declare const fileSystemCalls: () => number;

const root = process.argv[2] ?? '';
const [dataDir, stateDir] = [join(root, 'data'), join(root, 'state')];
const archiveId = await readArchiveId(stateDir);
const { sign } = await readSigningKey(stateDir);
using catalogue = openCatalogue({
  file: catalogueFile(stateDir),
  chain: { archiveId, sign, now: systemClock.now },
});
const parts = openRetention({
  settings: { dataDir, stateDir, retention: standardRetention, ftps: { limits: { minFreeBytes: 0 } } },
  ...{ archiveId, catalogue, cameras: () => [], clock: systemClock },
});
armKill();
await runRetention(parts, new AbortController().signal);
process.stdout.write(`${JSON.stringify({ calls: fileSystemCalls() })}\n`);
