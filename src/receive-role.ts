// The receiving role, wired: accounts and certificates opened for reading, the street door opened last. It may be reached
// by cameras, and knows neither the catalogue nor the archive nor any secret but its own TLS keys. Under a user of its own it
// can write incoming/, inbox/ and its directory in the state directory, and nothing else (docs/security.md).

import { readCheckPasses } from './access/check-pass.ts';
import { openAccountReader } from './access/open-accounts.ts';
import { openPasswordVerifier } from './access/passwords.ts';
import { openReceiverCounts } from './access/receiver-counts.ts';
import { openReceiverMemory } from './access/receiver-memory.ts';
import { openSessionRecorder } from './access/session-recorder.ts';
import { watchCertificates } from './access/watch-certificates.ts';
import { recoverIncoming } from './archive/incoming.ts';
import { type OnceMounted, onceMounted } from './archive/once-mounted.ts';
import { openUploads, type Uploads } from './archive/uploads.ts';
import type { Clock } from './base/clock.ts';
import { messageOf } from './base/errors.ts';
import type { Log } from './base/log.ts';
import type { PassedSockets } from './base/service-manager.ts';
import { type Receiver, startReceiver } from './receive/start-receiver.ts';
import { type SelfTest, testRole } from './self-test.ts';
import type { Settings } from './settings/settings.ts';

const listenerNames = ['explicit', 'implicit'] as const;
const pruneIntervalMs = 24 * 60 * 60 * 1000;

export type ReceiveRole = AsyncDisposable &
  Readonly<{ receiver: Receiver; cameraCount(): number; selfTest(): Promise<SelfTest> }>;

export async function startReceiveRole(options: {
  settings: Settings;
  archiveId: string;
  /** What this process was handed: then the settings' addresses are not used for a listener that is among it. */
  sockets?: PassedSockets | undefined;
  log: Log;
  clock: Clock;
}): Promise<ReceiveRole> {
  const { settings, archiveId, clock } = options;
  const { dataDir, stateDir, ftps } = settings;
  const log = options.log.child({ role: 'receive' });
  await using opened = new AsyncDisposableStack();
  const places = { certsDir: settings.certsDir, outsideDir: ftps.tls.certificateDir };
  const certificates = opened.use(await watchCertificates({ ...places, log, clock }));
  const accounts = opened.use(openAccountReader({ stateDir }));
  const memory = opened.use(
    await openReceiverMemory({
      stateDir,
      maxDirectoriesPerCamera: ftps.limits.maxDirectoriesPerCamera,
      clock,
    }),
  );
  const pruning = setInterval(() => {
    try {
      memory.prune(clock.now());
    } catch (error) {
      log.error({ error: messageOf(error) }, 'receiver memory cannot be used');
    }
  }, pruneIntervalMs).unref();
  opened.defer(() => clearInterval(pruning));
  const recorder = opened.use(openSessionRecorder({ stateDir, accounts, clock, log }));
  const counts = opened.use(openReceiverCounts({ stateDir, clock, log }));
  // Before the door opens there is no upload in progress: what lies in incoming/ was left by a crash. A disk that is not
  // there is looked at when it is; until then uploads are refused with 452.
  const recovery = opened.use(
    await onceMounted({ work: () => recoverIncoming({ dataDir, archiveId, log }), log }),
  );
  const uploads = opened.use(openUploads({ dataDir, archiveId }));
  for (const name of options.sockets?.keys() ?? [])
    if (!listenerNames.some(each => each === name && ftps[each].enabled))
      log.warn({ socket: name }, 'passed socket is not used');
  const receiver = opened.use(
    await startReceiver({
      listeners: listenerNames
        .filter(name => ftps[name].enabled)
        .flatMap(name =>
          (options.sockets?.get(name) ?? [undefined]).map(fd => ({ name, ...ftps[name], fd })),
        ),
      settings: ftps,
      allowedNetworks: ftps.allowedNetworks,
      accounts,
      verifier: openPasswordVerifier({ accounts }),
      checkPasses: readCheckPasses({ stateDir, clock }),
      memory,
      uploads: heldUntilDone(recovery, uploads),
      tlsIdentities: () => Object.values(certificates.current()),
      observe(visitor, event) {
        recorder.observe(visitor, event);
        counts.observe(event);
      },
      clock,
      log,
    }),
  );
  for (const { name, port } of receiver.addresses)
    if (port !== ftps[name].port && options.sockets?.has(name))
      log.info({ listener: name, port, settings: ftps[name].port }, 'port of the socket unit is used');
  const resources = opened.move();
  return {
    receiver,
    cameraCount: () => accounts.cameras().length,
    selfTest: () => testRole({ dataDir, archiveId, database: memory }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** What begins before the recovery is done would be taken for something that a crash left. */
function heldUntilDone(recovery: OnceMounted, uploads: Uploads): Uploads {
  return {
    ...uploads,
    async begin(facts) {
      await recovery.done();
      return uploads.begin(facts);
    },
    async publishNote(note) {
      await recovery.done();
      return uploads.publishNote(note);
    },
  };
}
