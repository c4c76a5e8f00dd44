// An installation with something in its inbox, filed by a program that is killed, and then in peace.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { openAccountReader } from '../../src/access/open-accounts.ts';
import { recoverIncoming } from '../../src/archive/incoming.ts';
import { readArchiveId } from '../../src/archive/marker.ts';
import type { Receipt } from '../../src/archive/receipt.ts';
import { startArchiveRole } from '../../src/archive-role.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { catalogueFile } from '../../src/catalogue/catalogue.ts';
import { runCheck } from '../../src/inspect/run-check.ts';
import { loadSettings } from '../../src/settings/load-settings.ts';
import { addCamera, makeInstallation } from '../support/daemon.ts';
import { type Studio, sha256Of } from '../torture/contents.ts';
import { untilDrained } from '../torture/drained.ts';
import type { Attempt, Ledger } from '../torture/ledger.ts';
import { endLeftovers } from '../torture/leftovers.ts';
import { judge } from '../torture/oracle.ts';
import { type Kill, startKillable } from './killable-program.ts';

export type Ground = Readonly<{ dataDir: string; ledger: Ledger; studio: Studio }>;

/** Started once, so that everything is there that a first start makes; with the camera `den`. */
export async function preparedInstallation(t: Test) {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  const daemon = await installation.serve();
  const password = await addCamera(installation, 'den');
  await daemon.stop();
  return { ...installation, password };
}

/** Enters the upload of a picture, the same one every time. */
export function beginPicture({ ledger, studio }: Pick<Ground, 'ledger' | 'studio'>): Attempt {
  const contents = { kind: 'picture', number: 1, bytes: 0 } as const;
  const sha256 = sha256Of(studio.bytesOf(contents));
  return ledger.begin({ camera: 'den', path: 'clip.jpg', contents, sha256 });
}

/** Publishes a picture under an id that begins so, as the receiver does before its 226. */
export function publishPicture(ground: Ground, word: string): Attempt & { id: string } {
  const attempt = beginPicture(ground);
  attempt.acknowledged = true;
  const bytes = ground.studio.bytesOf(attempt.contents);
  const now = new Date().toISOString();
  const tls = { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', alpn: null };
  const id = idOf(word);
  const receipt: Receipt = {
    ...{ version: 1, type: 'upload', id, camera: 'den', sentAs: attempt.path, path: attempt.path },
    ...{ bytes: bytes.length, sha256: attempt.sha256, startedAt: now, finishedAt: now },
    ...{ peer: { address: '127.0.0.1', port: 40_000 }, listener: 'explicit' },
    ...{ controlTls: tls, dataTls: tls, dataBound: true },
    ...{ completeness: 'whole', completenessBasis: 'close-notify', endedBy: null },
  };
  publish(ground.dataDir, receipt, bytes);
  return Object.assign(attempt, { id });
}

export function publishRename(ground: Ground, word: string, attempt: Attempt & { id: string }): void {
  const path = 'renamed.jpg';
  const at = new Date().toISOString();
  const common = { version: 1, id: idOf(word), camera: 'den', at } as const;
  publish(ground.dataDir, { ...common, type: 'renamed', upload: attempt.id, sentAs: path, path });
  Object.assign(attempt, { renamedTo: path, renameAcknowledged: true });
}

const idOf = (word: string) => word.padEnd(26, '0');

function publish(dataDir: string, receipt: Receipt, media?: Uint8Array): void {
  const entry = join(dataDir, 'inbox', receipt.camera, receipt.id);
  mkdirSync(entry, { recursive: true });
  if (media !== undefined) writeFileSync(join(entry, 'media'), media);
  writeFileSync(join(entry, 'receipt.json'), JSON.stringify(receipt));
}

/** Answers how many calls it took, or 0 when it was killed. `meanwhile` may fail when it is. */
export async function killWhileFiling(
  root: string,
  roles: 'archive' | 'both',
  kill: Kill,
  meanwhile: () => Promise<unknown> = async () => {},
): Promise<number> {
  const { config, dataDir, stateDir } = placesIn(root);
  const program = await startKillable({ config, dataDir, roles, kill, database: catalogueFile(stateDir) });
  try {
    await meanwhile();
  } catch (error) {
    // It died on us, which is the point.
    if (kill.at === 0) throw error;
  }
  await untilDrained(dataDir, program.hasEnded);
  const calls = await program.end();
  endLeftovers(root);
  return calls;
}

/** What the next start does: first what is left in incoming/, then the inbox. */
export async function fileInPeace(root: string): Promise<void> {
  const { config, dataDir, stateDir } = placesIn(root);
  const settings = loadSettings({ file: config, environment: {} });
  const archiveId = await readArchiveId(stateDir);
  const log = silentLog();
  await recoverIncoming({ dataDir, archiveId, log });
  await using _role = await startArchiveRole({ settings, archiveId, log, clock: systemClock });
  await untilDrained(dataDir);
}

/** What the oracle and check have to say, in sentences. */
export async function wrongIn(root: string, ledger: Ledger, studio: Studio): Promise<readonly string[]> {
  const { config, dataDir, stateDir } = placesIn(root);
  const { gapMs: eventGapMs } = loadSettings({ file: config, environment: {} }).events;
  const evidence = {
    dataDir,
    stateDir,
    ledger,
    studio,
    seen: new Set<string>(),
    hadPowerCut: false,
    retains: false,
  };
  const told: string[] = [...judge(evidence).violations];
  using accounts = openAccountReader({ stateDir });
  await runCheck(
    { dataDir, stateDir, accounts, clock: systemClock, log: silentLog(), timeZone: 'UTC', eventGapMs },
    {
      repair: false,
      dropMost: false,
      tell: ({ code, path, id }) => told.push(`check: ${code} ${path ?? id}`),
    },
  );
  return told;
}

function placesIn(root: string) {
  return { config: join(root, 'clipward.yaml'), dataDir: join(root, 'data'), stateDir: join(root, 'state') };
}
