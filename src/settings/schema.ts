// The settings file: every key, what it may be, its default, and what it means. docs/settings.md, the commented example in
// config/ and `clipward config explain` are made of this, so a sentence here is a sentence that an operator reads.

import { z } from 'zod';
import { logLevels } from '../base/log.ts';
import { type Network, networkRule, parseNetwork } from '../domain/networks.ts';
import { alertsSection } from './alert-schema.ts';
import { flag, hour, minute, oneOf, port, section, text, whole } from './setting-words.ts';
import { tlsSection } from './tls-schema.ts';

const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;
/** The kernel hands these to ordinary connections; a passive port among them would often be in use. */
const firstEphemeralPort = 32768;

const listener = (defaultPort: number, what: string) =>
  section(
    {
      enabled: flag(`Whether to listen for ${what}.`).default(true),
      host: text('The local address to listen on; `::` takes IPv6 and IPv4 on all interfaces.').default('::'),
      port: port('The port to listen on.').default(defaultPort),
      legacyTls: flag(
        'Whether this listener also speaks TLS 1.0 and 1.1 with outdated ciphers, for cameras that know nothing newer. Others may read what such a camera sends; every start and `clipward doctor` say that it is on.',
      ).default(false),
    },
    `The listener for ${what}.`,
  ).prefault({});

const network = z.string({ error: networkRule }).transform((value, context): Network => {
  const parsed = parseNetwork(value);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: networkRule });
  return z.NEVER;
});

const privateNetworks = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
  '::1',
];

const keepDays = (what: string) =>
  whole(
    1,
    36_600,
    `${what}: deleted when older than so many days, counted from the arrival; null: kept as long as there is room.`,
  )
    .nullable()
    .default(null);

const limits = section(
  {
    maxConnections: whole(1, 10_000, 'Control connections at the same time, all together.').default(200),
    maxConnectionsPerAddress: whole(
      1,
      10_000,
      'Control connections at the same time from one address.',
    ).default(20),
    maxConnectionsPerCamera: whole(
      1,
      1000,
      'Sessions of one camera at the same time; some upload pictures and video side by side.',
    ).default(10),
    maxConnectionsBeforeLogin: whole(
      1,
      10_000,
      'Connections that have not logged in yet. The oldest gives way to a new one.',
    ).default(50),
    tlsHandshakeTimeoutMs: whole(100, minute, 'How long a TLS handshake may take, in milliseconds.').default(
      10_000,
    ),
    loginTimeoutMs: whole(
      1000,
      10 * minute,
      'How long a client may take from connecting to being logged in, in milliseconds.',
    ).default(30_000),
    idleTimeoutMs: whole(
      1000,
      24 * hour,
      'How long a session may send no command, in milliseconds; transfers do not count.',
    ).default(5 * minute),
    dataConnectTimeoutMs: whole(
      1000,
      10 * minute,
      'How long to wait for a data connection after STOR, in milliseconds.',
    ).default(30_000),
    dataStallTimeoutMs: whole(
      1000,
      hour,
      'How long an upload may stand still, in milliseconds since its last byte.',
    ).default(60_000),
    maxLineBytes: whole(512, 65_536, 'The longest command line, in bytes.').default(4096),
    maxPipelinedCommands: whole(1, 1000, 'Commands that may wait unanswered in one session.').default(32),
    minUploadBytesPerSecond: whole(
      0,
      mebibyte,
      'The slowest pace of an upload, in bytes a second, over the time of dataStallTimeoutMs.',
    ).default(128),
    maxUploadBytes: whole(1024, 1024 * gibibyte, 'The largest file that is taken, in bytes.').default(
      4 * gibibyte,
    ),
    maxBytesPerDay: whole(
      0,
      1024 * gibibyte,
      'What one camera may upload in a day (UTC), in bytes. `camera set --max-bytes-per-day` decides for one camera.',
    ).default(200 * gibibyte),
    maxFilesPerDay: whole(
      0,
      100_000_000,
      'Files that one camera may upload in a day (UTC), empty ones included. `camera set --max-files-per-day` decides for one camera.',
    ).default(50_000),
    maxDirectoriesPerDay: whole(0, 1_000_000, 'Directories that one camera may make in a day (UTC).').default(
      2000,
    ),
    minFreeBytes: whole(
      0,
      1024 * gibibyte,
      'Free space on the disk of dataDir below which uploads are refused (452), in bytes.',
    ).default(gibibyte),
    maxDirectoriesPerCamera: whole(
      1,
      1_000_000,
      'Directories that a camera may have made; they are entries in a list, not on disk.',
    ).default(20_000),
    shutdownGraceMs: whole(
      0,
      10 * minute,
      'How long running uploads may take to finish when the daemon is told to stop, in milliseconds.',
    ).default(30_000),
    failedLoginDelayMs: whole(
      0,
      minute,
      'The shortest time until a wrong password is refused, in milliseconds.',
    ).default(1000),
    maxFailedLogins: whole(1, 100, 'Failed log-ins after which a session is closed.').default(3),
    maxUnknownCommands: whole(
      1,
      1000,
      'Unknown commands before log-in after which a session is closed.',
    ).default(10),
  },
  'What one client, one camera and all of them together may take up.',
).prefault({});

const bans = section(
  {
    enabled: flag(
      'Whether addresses are banned at all. Switched off, what was banned is forgotten; the delay after wrong passwords stays.',
    ).default(true),
    threshold: whole(
      10,
      100_000,
      'Points at which an address is banned; an IPv6 /64 as a whole at four times as many. docs/security.md lists what counts how much; ten different wrong passwords or names are 100.',
    ).default(100),
    halfLifeMs: whole(
      1000,
      7 * 24 * hour,
      'The time in which half of the points of an address are forgotten, in milliseconds.',
    ).default(10 * minute),
    firstBanMs: whole(
      1000,
      30 * 24 * hour,
      'How long the first ban of an address lasts, in milliseconds. Each further one within a day after the last lasts twice as long.',
    ).default(5 * minute),
    maxBanMs: whole(
      1000,
      30 * 24 * hour,
      'The longest ban, in milliseconds. Whoever mended a setting in a camera waits no longer than this, or lifts it with `clipward ban clear`.',
    ).default(hour),
    maxBackOffMs: whole(
      0,
      minute,
      'The longest delay of an answer to a camera that keeps sending a wrong password from where it logged in before, in milliseconds; it is never banned for that. Cameras give up after about 20 seconds.',
    ).default(10_000),
  },
  'Keeping out addresses that misbehave.',
).prefault({});

const passive = section(
  {
    address: text(
      'The IPv4 address or name that cameras reach this machine by, when there is NAT between them; null: the address that the camera connected to.',
    )
      .nullable()
      .default(null),
    minPort: port('The first port for data connections.').default(30_000),
    maxPort: port(
      'The last port for data connections. Each running upload takes one; a firewall must let the cameras reach the whole range.',
    ).default(30_099),
  },
  'Data connections. Cameras connect to these ports; the server never connects to a camera.',
).prefault({});

const ftps = section(
  {
    explicit: listener(2121, 'explicit FTPS (AUTH TLS)'),
    implicit: listener(2990, 'implicit FTPS'),
    passive,
    tls: tlsSection,
    limits,
    bans,
    allowedNetworks: z
      .array(network, { error: 'a list of networks' })
      .describe(
        'Networks from which connections are taken at all: private networks and this machine. `clipward network add` and `remove` change what is here.',
      )
      .prefault(privateNetworks),
  },
  'Where and how cameras upload.',
).prefault({});

export const settingsSchema = section(
  {
    dataDir: text(
      'The directory of the media: incoming uploads, clips, thumbnails. Relative to this file.',
    ).default('./data'),
    stateDir: text(
      'The directory of the databases and secrets, small. Relative to this file; by default `state` beside dataDir.',
    ).optional(),
    certsDir: text('The directory of the certificates and their keys. Relative to this file.').default(
      './certs',
    ),
    ftps,
    ingest: section(
      {
        reconcileIntervalMs: whole(
          1000,
          24 * hour,
          'How often the inbox is looked through as a whole, in milliseconds, in case an event of the file system was missed.',
        ).default(minute),
      },
      'Filing what was uploaded.',
    ).prefault({}),
    events: section(
      {
        gapMs: whole(
          0,
          hour,
          'Clips and pictures of one camera that are not further apart than this are one event, in milliseconds. A change counts for what is filed from then on.',
        ).default(30_000),
        footageBeforeMs: whole(
          0,
          10 * minute,
          'How much footage before its first clip belongs to an event, in milliseconds.',
        ).default(5000),
        footageAfterMs: whole(
          0,
          10 * minute,
          'How much footage after its last clip belongs to an event, in milliseconds.',
        ).default(10_000),
      },
      'Which clips belong together.',
    ).prefault({}),
    retention: section(
      {
        keepClipsDays: keepDays('Clips'),
        keepFootageDays: keepDays('Continuous footage'),
        keepEventFootageDays: keepDays('Footage around events'),
        maxBytes: whole(
          mebibyte,
          1024 * 1024 * gibibyte,
          'What all media together may take, in bytes; null: what the disk has room for above minFreeBytes.',
        )
          .nullable()
          .default(null),
        minFreeBytes: whole(
          0,
          1024 * gibibyte,
          'Free space on the disk of dataDir that is kept by deleting the oldest, in bytes; it must be more than ftps.limits.minFreeBytes, below which uploads are refused. null: 4 GiB more than that.',
        )
          .nullable()
          .default(null),
        minAgeHours: whole(
          0,
          366 * 24,
          'Nothing younger than this is deleted to make room, in hours: a flood then meets a full disk, and erases nothing.',
        ).default(72),
        maxHolds: whole(
          1,
          100_000,
          'How many holds there may be; everything on hold means a full disk.',
        ).default(1000),
        intervalMs: whole(
          1000,
          24 * hour,
          'How often it is looked whether something is to be deleted, in milliseconds.',
        ).default(minute),
      },
      'What is deleted, and when. What is on hold never is. `camera set` decides for one camera.',
    ).prefault({}),
    record: section(
      {
        enabled: flag(
          'Whether cameras with an address of a stream are recorded at all. `camera set --record` decides for one camera.',
        ).default(true),
        segmentMs: whole(
          10_000,
          10 * minute,
          'How long a file of footage is, in milliseconds; it ends at the next key frame.',
        ).default(minute),
        lossWindowMs: whole(
          1000,
          minute,
          'How often footage is made safe against a power cut, in milliseconds: that much may be lost then.',
        ).default(5000),
        maxBitsPerSecond: whole(
          100_000,
          1_000_000_000,
          'What one camera may send, in bits a second; one that sends more is disconnected.',
        ).default(64_000_000),
        audio: oneOf(
          ['transcode', 'off'],
          'Sound of the cameras: `transcode` keeps AAC as it is and turns G.711 and others into AAC; `off` keeps none.',
        ).default('transcode'),
      },
      'Continuous footage from the streams of the cameras.',
    ).prefault({}),
    alerts: alertsSection,
    http: section(
      {
        host: text(
          'The local address to answer on. What is said there is no secret and everybody who reaches it can read it: keep it to this machine, or to the network of those who watch.',
        ).default('127.0.0.1'),
        port: port('The port to answer on; null: none.').nullable().default(8321),
      },
      'Health and metrics over HTTP: /healthz, /readyz and /metrics.',
    ).prefault({}),
    log: section(
      { level: oneOf(logLevels, 'The least important lines that are still logged.').default('info') },
      'The log on standard output.',
    ).prefault({}),
  },
  'The settings of clipward.',
)
  .check(context => {
    const { explicit, implicit, passive, bans, limits } = context.value.ftps;
    const { retention } = context.value;
    const refuse = (path: string[], message: string, input: unknown) =>
      context.issues.push({ code: 'custom', path, message, input });
    if (!explicit.enabled && !implicit.enabled)
      refuse(['ftps', 'implicit', 'enabled'], 'true here or in ftps.explicit.enabled', false);
    if (explicit.enabled && implicit.enabled && explicit.port === implicit.port)
      refuse(['ftps', 'implicit', 'port'], 'another port than ftps.explicit.port', implicit.port);
    if (retention.minFreeBytes !== null && retention.minFreeBytes <= limits.minFreeBytes)
      refuse(
        ['retention', 'minFreeBytes'],
        `more than ftps.limits.minFreeBytes (${limits.minFreeBytes}), or uploads are refused before room is made`,
        retention.minFreeBytes,
      );
    if (bans.maxBanMs < bans.firstBanMs)
      refuse(['ftps', 'bans', 'maxBanMs'], 'not less than ftps.bans.firstBanMs', bans.maxBanMs);
    if (passive.maxPort < passive.minPort)
      refuse(['ftps', 'passive', 'maxPort'], 'a port not below ftps.passive.minPort', passive.maxPort);
    if (passive.minPort < 1024) refuse(['ftps', 'passive', 'minPort'], 'a port above 1023', passive.minPort);
    if (passive.maxPort >= firstEphemeralPort)
      refuse(
        ['ftps', 'passive', 'maxPort'],
        `a port below ${firstEphemeralPort}, where the kernel's own range begins`,
        passive.maxPort,
      );
    for (const listening of [explicit, implicit]) {
      if (listening.enabled && listening.port >= passive.minPort && listening.port <= passive.maxPort)
        refuse(['ftps', 'passive', 'minPort'], 'a range without the ports of the listeners', passive.minPort);
    }
  })
  .prefault({});

export type SettingsFile = z.infer<typeof settingsSchema>;
