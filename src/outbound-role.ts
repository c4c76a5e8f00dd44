// The role that goes out to others, wired: it records what the cameras' own streams show. It alone holds the passwords of the
// cameras; what a camera sends is taken apart by an ffmpeg that reaches nothing but this process.

import { statfs } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import type { AccountReader, Camera } from './access/accounts.ts';
import { openAccountReader } from './access/open-accounts.ts';
import { readSigningKey } from './access/signing-key.ts';
import { readStreamPassword, streamPasswordMark } from './access/stream-passwords.ts';
import { openFootageFiles } from './archive/footage-files.ts';
import { onceMounted } from './archive/once-mounted.ts';
import type { Clock } from './base/clock.ts';
import { messageOf } from './base/errors.ts';
import type { Log } from './base/log.ts';
import { type Catalogue, catalogueFile, openCatalogue } from './catalogue/catalogue.ts';
import { parseRtspAddress } from './domain/rtsp/rtsp-address.ts';
import { meanHoldMs } from './record/ffmpeg-door.ts';
import { startPull } from './record/pull.ts';
import type { CameraSource } from './record/recorder-parts.ts';
import { createSoundMemory } from './record/sound-memory.ts';
import { type RecordedCamera, type Recorders, startRecorders } from './record/start-record.ts';
import { StreamError } from './record/stream-error.ts';
import { type SelfTest, testRole } from './self-test.ts';
import type { Settings } from './settings/settings.ts';
import { startMessenger } from './watch-over.ts';

type RoleOptions = Readonly<{ settings: Settings; archiveId: string; log: Log; clock: Clock }>;

export type OutboundRole = AsyncDisposable & Readonly<{ selfTest(): Promise<SelfTest> }>;

/** Resolves when the recorders run, unless the disk is not there: then that follows. */
export async function startOutboundRole(options: RoleOptions): Promise<OutboundRole> {
  const { settings, archiveId, clock } = options;
  const { dataDir, stateDir } = settings;
  const log = options.log.child({ role: 'outbound' });
  // Fragments are memory outside the heap that counts as the heap's growth: V8 would look through all of it every second or
  // two. Four times its size is as far as V8 lets any heap grow before that.
  setFlagsFromString('--heap-growing-percent=300');
  await using opened = new AsyncDisposableStack();
  const accounts = opened.use(openAccountReader({ stateDir }));
  const { sign } = await readSigningKey(stateDir, process.env.CREDENTIALS_DIRECTORY);
  const catalogue = opened.use(
    openCatalogue({
      file: catalogueFile(stateDir),
      chain: { archiveId, sign, now: () => clock.now() },
      eventGapMs: settings.events.gapMs,
    }),
  );
  opened.use(await startMessenger({ catalogue, settings, clock, log }));
  let recorders: Recorders | undefined;
  opened.defer(async () => recorders?.[Symbol.asyncDispose]());
  const work = async () => {
    recorders = await startRecorders({
      parts: {
        ...{ catalogue, clock, log, random: Math.random },
        files: openFootageFiles({ dataDir, archiveId }),
        async freeBytes() {
          const { bavail, bsize } = await statfs(dataDir);
          return bavail * bsize;
        },
        minFreeBytes: settings.ftps.limits.minFreeBytes,
        segmentMs: settings.record.segmentMs,
        lossWindowMs: settings.record.lossWindowMs,
      },
      cameras: () => recordedCameras(accounts, { ...options, log, catalogue }),
    });
  };
  opened.use(await onceMounted({ work, log }));
  const rooms = opened.move();
  return {
    selfTest: () => testRole({ dataDir, archiveId, database: catalogue }),
    [Symbol.asyncDispose]: () => rooms.disposeAsync(),
  };
}

function recordedCameras(accounts: AccountReader, options: RoleOptions & Counter): RecordedCamera[] {
  const { enabled } = options.settings.record;
  return accounts
    .cameras()
    .filter(camera => camera.rtspUrl !== null && camera.enabled)
    .map(camera => ({
      name: camera.name,
      timeZone: camera.timeZone,
      record: enabled ? camera.record : 'off',
      source: counted(camera.name, sourceOf(camera, options), options),
    }));
}

type Counter = Readonly<{ catalogue: Pick<Catalogue, 'addCounts'> }>;

/** For the metrics. */
function counted(
  camera: string,
  source: CameraSource,
  { catalogue, log }: RoleOptions & Counter,
): CameraSource {
  return {
    ...source,
    pull(sink, signal) {
      try {
        catalogue.addCounts([{ name: 'stream-starts', label: camera, value: 1 }]);
      } catch (error) {
        log.debug({ error: messageOf(error) }, 'counts not written');
      }
      return source.pull(sink, signal);
    },
  };
}

function sourceOf(camera: Camera, { settings, clock, log }: RoleOptions): CameraSource {
  const { name, rtspUrl, rtspBasic, rtspFingerprint } = camera;
  const sound = createSoundMemory(clock);
  const start = { wasSilent: false, wasKeyless: false };
  return {
    meanHoldMs,
    // Other changes of the account do not touch what is being recorded.
    key: JSON.stringify([
      ...[rtspUrl, rtspBasic, rtspFingerprint],
      streamPasswordMark(settings.stateDir, name),
    ]),
    async pull(sink, signal) {
      const parsed = parseRtspAddress(rtspUrl ?? '');
      if (parsed.address === null)
        throw new StreamError(
          'malformed',
          `the address of the stream is not one: set it again with camera set ${name} --rtsp`,
        );
      const password = await readStreamPassword(settings.stateDir, name).catch(error => {
        throw new StreamError('refused', messageOf(error));
      });
      if (signal.aborted) throw new StreamError('stopped', 'the recording was stopped');
      const { address } = parsed;
      return startPull(
        { clock },
        {
          ...{ address, fingerprint: rtspFingerprint, sound, start, ...sink },
          credentials:
            address.user === null
              ? null
              : { user: address.user, password: password ?? '', allowBasic: rtspBasic },
          wantsAudio: settings.record.audio !== 'off',
          maxBitsPerSecond: settings.record.maxBitsPerSecond,
          onAudioLost: reason => log.warn({ camera: name, reason }, 'sound is not recorded'),
          log: log.child({ camera: name }),
        },
      );
    },
  };
}
