// Looks at the installation: facts for the metrics, and what is wrong with them for the alerts.

import { existsSync } from 'node:fs';
import type { AccountReader, Camera } from '../../access/accounts.ts';
import { readBans } from '../../access/read-bans.ts';
import { readReceiverCounts } from '../../access/receiver-counts.ts';
import { receiverDatabaseFile } from '../../access/receiver-database.ts';
import { readLastLogins } from '../../access/receiver-memory.ts';
import type { Inbox } from '../../archive/inbox.ts';
import type { Catalogue } from '../../catalogue/catalogue.ts';
import type { AlertKind, Condition } from '../../domain/alerts.ts';
import { networkMatcher, parseNetwork } from '../../domain/networks.ts';
import { promiseSentence } from '../../domain/retention-sentence.ts';
import { crashLoop } from '../../domain/role-starts.ts';
import { formatInstant } from '../../domain/time-zone.ts';
import type { Settings } from '../../settings/settings.ts';
import { readCertificates } from '../certificates.ts';
import { type Role, rolesSeen } from '../daemon.ts';
import { isWanted, notRecorded } from '../recording.ts';
import { readOutlook } from '../retention-report.ts';
import { silenceOf } from './camera-silence.ts';
import { diskConditions, stateDiskConditions } from './disk-conditions.ts';
import type { CameraHealth, CoverageFacts, HealthFacts, SlowFacts } from './health-facts.ts';
import { type DiskState, diskProbe, inboxCounter, stateSpaceProbe } from './probe-disk.ts';

export type HealthSources = Readonly<{
  catalogue: Catalogue;
  accounts: Pick<AccountReader, 'cameras'>;
  inbox: Pick<Inbox, 'listEntries'>;
  settings: Settings;
  /** Whether the chain ends with its signed head. */
  isChainSound(): boolean;
  /** The zone of this machine. */
  timeZone: string;
  measureState?: ReturnType<typeof stateSpaceProbe>;
}>;

export type Seen = Readonly<{
  facts: HealthFacts;
  conditions: readonly Condition[];
  /** Of which nothing could be found out this time. */
  unknown: ReadonlySet<AlertKind>;
}>;

/** A look each time it is called; what takes longer is looked at every `slowIntervalMs`. */
export function healthLook(sources: HealthSources): (now: number) => Promise<Seen> {
  const { catalogue, accounts, settings, measureState = stateSpaceProbe(sources.settings) } = sources;
  const probe = diskProbe(settings);
  const countInbox = inboxCounter(sources.inbox, inboxCountLimit);
  let slow: (SlowSeen & { readonly at: number }) | undefined;
  const missedRoles = new Map<Role, number>();
  return async now => {
    const disk = await probe();
    const stateSpace = await measureState();
    const cameras = accounts.cameras();
    if (slow === undefined || Math.abs(now - slow.at) >= slowIntervalMs)
      slow = { ...(await lookSlowly(sources, { cameras, disk, now })), at: now };
    const running = rolesSeen(settings.stateDir);
    const receiver = readReceiverCounts(settings.stateDir);
    const certificates = await lookAtCertificates(sources, now);
    const health = lookAtCameras(sources, cameras, now);
    const bans = lookAtBans(sources, cameras, now);
    const starts = {
      receive: receiver?.starts ?? [],
      archive: catalogue.roleStarts('archive'),
      outbound: catalogue.roleStarts('outbound'),
    };
    const unknown = new Set<AlertKind>();
    if (bans === undefined) unknown.add('camera-banned');
    if (disk.state === 'failed')
      for (const kind of ['disk-missing', 'disk-nearly-full', 'retention-unkept'] as const) unknown.add(kind);
    return {
      facts: {
        at: now,
        running: [...running],
        disk,
        refusedBelowBytes: settings.ftps.limits.minFreeBytes,
        inboxWaiting: await countInbox(),
        quarantined: catalogue.quarantinedCount(),
        certificates: certificates.facts,
        cameras: health.facts,
        receiverCounts: receiver?.counts ?? [],
        ...slow.facts,
      },
      conditions: [
        ...health.conditions,
        ...diskConditions(disk, settings),
        ...stateDiskConditions(stateSpace, settings.stateDir),
        ...slow.conditions,
        ...certificates.conditions,
        ...(bans ?? []),
        ...rolesGone(),
        ...(['receive', 'archive', 'outbound'] as const).flatMap(role => crashes(role, starts[role], now)),
      ],
      unknown,
    };

    // A memory of the receiver that is there and cannot be read is why it does not start.
    function hasRun(role: 'receive' | 'outbound'): boolean {
      if (role === 'receive' && receiver === undefined)
        return existsSync(receiverDatabaseFile(settings.stateDir));
      return starts[role].length > 0;
    }

    function rolesGone(): Condition[] {
      return (['receive', 'outbound'] as const).flatMap((role): Condition[] => {
        const missed = running.has(role) ? 0 : (missedRoles.get(role) ?? 0) + 1;
        missedRoles.set(role, missed);
        // A restart is shorter than two looks, and a role that never ran is not missed.
        if (missed < 2 || !hasRun(role)) return [];
        const what = role === 'receive' ? 'no camera can upload' : 'nothing is recorded and no alert is sent';
        return [
          {
            kind: 'role-stopped',
            subject: role,
            sentence: `The role ${role} does not run, so ${what}: look at its log, and start it.`,
          },
        ];
      });
    }
  };
}

const slowIntervalMs = 5 * 60_000;
const dayMs = 86_400_000;
/** A busy hour on the first day would be told as a broken promise. */
const leastMeasuredDays = 1;
export const inboxCountLimit = 10_000;

type SlowSeen = Readonly<{ facts: SlowFacts; conditions: readonly Condition[] }>;

async function lookSlowly(
  { catalogue, settings, isChainSound }: HealthSources,
  { cameras, disk, now }: { cameras: readonly Camera[]; disk: DiskState; now: number },
): Promise<SlowSeen> {
  const outlook =
    disk.state === 'failed' ? undefined : readOutlook({ catalogue, cameras, settings, now, disk });
  const unkept = (outlook?.forecast ?? []).flatMap(forecast => {
    const sentence = forecast.measuredDays < leastMeasuredDays ? undefined : promiseSentence(forecast);
    return sentence === undefined
      ? []
      : [{ kind: 'retention-unkept', subject: forecast.camera, sentence } as const];
  });
  const isSound = isChainSound();
  const coverage: CoverageFacts[] = [];
  for (const { name, rtspUrl } of cameras) {
    if (rtspUrl === null) continue;
    coverage.push(coverageFacts(catalogue, name, now));
    // Filing runs on this thread, too.
    await new Promise(resolve => setImmediate(resolve));
  }
  return {
    facts: {
      diskDaysLeft: outlook?.diskDaysLeft ?? null,
      heldBytes: outlook?.heldBytes ?? 0,
      mediaBytes: outlook?.mediaBytes ?? 0,
      unmetPromises: unkept.length,
      isChainSound: isSound,
      coverage,
    },
    conditions: [
      ...unkept,
      ...(isSound
        ? []
        : [
            {
              kind: 'chain-broken',
              subject: '',
              sentence: 'The chain of what was kept does not end with its signed head: run clipward verify.',
            } as const,
          ]),
    ],
  };
}

function coverageFacts(catalogue: Catalogue, camera: string, now: number): CoverageFacts {
  const span = { camera, from: now - dayMs, to: now, now };
  const missing = Map.groupBy(
    catalogue.gaps(span).filter(({ reason }) => reason !== 'off'),
    ({ reason }) => reason,
  );
  return {
    camera,
    share: catalogue.coverage(span).share,
    missing: [...missing].map(([reason, gaps]) => ({
      reason,
      ms: gaps.reduce((sum, { startAt, endAt }) => sum + endAt - startAt, 0),
    })),
  };
}

function lookAtCameras(
  { catalogue, settings }: HealthSources,
  cameras: readonly Camera[],
  now: number,
): { facts: CameraHealth[]; conditions: Condition[] } {
  const { deaf } = catalogue.lookout(now);
  // A recorder that is gone shows in its heartbeat a few seconds later: soon enough for an alert.
  const recording = { catalogue, isEnabled: settings.record.enabled, isRecorderRunning: true, now };
  const conditions: Condition[] = notRecorded(
    cameras,
    recording,
    settings.alerts.recordingStoppedAfterMs,
  ).map(({ camera, sentence }) => ({ kind: 'recording-stopped', subject: camera, sentence }));
  const facts = cameras.map((camera): CameraHealth => {
    const { lastSignAt, isSilent, sentence } = silenceOf(camera, { catalogue, deaf, now });
    if (sentence !== null) conditions.push({ kind: 'camera-silent', subject: camera.name, sentence });
    const [clock] = catalogue.clockPeriods(camera.name, 1);
    return {
      camera: camera.name,
      enabled: camera.enabled,
      lastSignAt,
      silent: isSilent,
      recording: isWanted(camera, recording) ? catalogue.isRecording(camera.name, now) : null,
      clockOffsetMs: clock?.offsetMs ?? null,
    };
  });
  return { facts, conditions };
}

async function lookAtCertificates({ settings }: HealthSources, now: number) {
  const places = { certsDir: settings.certsDir, outsideDir: settings.ftps.tls.certificateDir };
  const warnBeforeMs = settings.alerts.certificateDays * dayMs;
  const { certificates, troubles } = await readCertificates(places, now, warnBeforeMs);
  return {
    facts: certificates
      .filter(({ shown }) => shown)
      .map(({ name, validToAt }) => ({ name, endsAt: validToAt })),
    conditions: troubles.map(
      ({ name, sentence }): Condition => ({ kind: 'certificate-ends', subject: name, sentence }),
    ),
  };
}

/** Bans of strangers are no alert: whoever likes could make as many as he likes. Undefined: they cannot be read. */
function lookAtBans(
  { settings }: HealthSources,
  cameras: readonly Camera[],
  now: number,
): Condition[] | undefined {
  try {
    const bans = readBans(settings.stateDir).filter(({ untilMs }) => untilMs > now);
    if (bans.length === 0) return [];
    const logins = readLastLogins(settings.stateDir) ?? [];
    return cameras.flatMap((camera): Condition[] => {
      const addresses = logins
        .filter(login => login.camera === camera.name && login.atMs >= Date.parse(camera.addedAt))
        .map(({ address }) => address);
      const ban = bans.find(({ subject }) => {
        const network = parseNetwork(subject);
        return network !== undefined && addresses.some(networkMatcher([network]));
      });
      if (ban === undefined || !camera.enabled) return [];
      const sentence = `${ban.subject}, from where camera ${camera.name} uploads, is banned until ${formatInstant(ban.untilMs, camera.timeZone)}: look at the password in the camera and at what else is at that address, then clipward ban clear ${ban.subject}.`;
      return [{ kind: 'camera-banned', subject: camera.name, sentence }];
    });
  } catch {
    return undefined;
  }
}

function crashes(role: Role, starts: Parameters<typeof crashLoop>[0], now: number): Condition[] {
  const count = crashLoop(starts, now);
  if (count === 0) return [];
  const sentence = `The role ${role} has crashed several times within a quarter of an hour, and was started again: look at its log.`;
  return [{ kind: 'crash-loop', subject: role, sentence }];
}
