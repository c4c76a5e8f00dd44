// access.db read into plain values. A row that is not what the schema promises is a damaged database: never skipped,
// since a camera that lost a network from its list would be open to more addresses than its owner said.

import type { Db } from '../base/sqlite.ts';
import type { Pardon } from '../domain/bans.ts';
import { formatNetwork, type Network, parseNetwork } from '../domain/networks.ts';
import type { Camera, Follow, Truncation } from './accounts.ts';

/** Everything in access.db at one moment. */
export type AccountSnapshot = Readonly<{
  cameras: ReadonlyMap<string, Camera>;
  passwordHashes: ReadonlyMap<string, string>;
  addedNetworks: readonly Network[];
  /** In canonical text. */
  removedNetworks: ReadonlySet<string>;
  follows: readonly Follow[];
  pardons: readonly Pardon[];
}>;

export const emptySnapshot: AccountSnapshot = {
  cameras: new Map(),
  passwordHashes: new Map(),
  addedNetworks: [],
  removedNetworks: new Set(),
  follows: [],
  pardons: [],
};

type CameraRow = {
  name: string;
  enabled: number;
  version: number;
  password_hash: string;
  time_zone: string;
  truncation: Truncation | null;
  acceptance_days: number;
  require_resumption: number;
  max_bytes_per_day: number | null;
  max_files_per_day: number | null;
  keep_clips_days: number | null;
  keep_footage_days: number | null;
  expect_every_ms: number | null;
  max_bytes: number | null;
  rtsp_url: string | null;
  sub_rtsp_url: string | null;
  record: string;
  rtsp_basic: number;
  rtsp_fingerprint: string | null;
  added_at: string;
  password_changed_at: string;
};

/** Prepares the reading once for a connection; each call reads all tables at one moment. */
export function prepareSnapshot(db: Db): () => AccountSnapshot {
  const cameraRows = db.prepare<[], CameraRow>('SELECT * FROM camera ORDER BY name');
  const networkRows = db.prepare<[], { camera: string; network: string }>(
    'SELECT camera, network FROM camera_network',
  );
  const changeRows = db.prepare<[], { network: string; change: 'added' | 'removed' }>(
    'SELECT network, change FROM network_change ORDER BY network',
  );
  const pardonRows = db.prepare<[], { network: string | null; atMs: number }>(
    'SELECT network, at AS atMs FROM pardon ORDER BY id',
  );
  const followRows = db.prepare<[], Follow>('SELECT follower, camera, until AS untilMs FROM follow');
  return db.transaction((): AccountSnapshot => {
    const rows = cameraRows.all();
    const networks = Map.groupBy(networkRows.all(), row => row.camera);
    const changes = changeRows.all();
    return {
      cameras: new Map(
        rows.map(row => [row.name, toCamera(row, networks.get(row.name)?.map(entry => entry.network) ?? [])]),
      ),
      passwordHashes: new Map(rows.map(row => [row.name, row.password_hash])),
      addedNetworks: changes.filter(row => row.change === 'added').map(row => storedNetwork(row.network)),
      removedNetworks: new Set(changes.filter(row => row.change === 'removed').map(row => row.network)),
      follows: followRows.all(),
      pardons: pardonRows.all().map(({ network, atMs }) => ({
        network: network === null ? null : storedNetwork(network),
        atMs,
      })),
    };
  });
}

/** The global list: where the settings begin, less what was removed, plus what was added. */
export function effectiveNetworks(
  base: readonly Network[],
  { addedNetworks, removedNetworks }: AccountSnapshot,
): readonly Network[] {
  const all = [...base.filter(network => !removedNetworks.has(formatNetwork(network))), ...addedNetworks];
  return [...new Map(all.map(network => [formatNetwork(network), network])).values()];
}

function toCamera(row: CameraRow, networks: readonly string[]): Camera {
  return {
    name: row.name,
    enabled: row.enabled === 1,
    version: row.version,
    allowedNetworks: networks.map(storedNetwork),
    timeZone: row.time_zone,
    truncation: row.truncation,
    acceptanceDays: row.acceptance_days,
    requireResumption: row.require_resumption === 1,
    maxBytesPerDay: row.max_bytes_per_day,
    maxFilesPerDay: row.max_files_per_day,
    keepClipsDays: row.keep_clips_days,
    keepFootageDays: row.keep_footage_days,
    expectEveryMs: row.expect_every_ms,
    maxBytes: row.max_bytes,
    rtspUrl: row.rtsp_url,
    subRtspUrl: row.sub_rtsp_url,
    record: row.record,
    rtspBasic: row.rtsp_basic === 1,
    rtspFingerprint: row.rtsp_fingerprint,
    addedAt: row.added_at,
    passwordChangedAt: row.password_changed_at,
  };
}

function storedNetwork(text: string): Network {
  const network = parseNetwork(text);
  if (network === undefined)
    throw new Error(`access.db holds ${JSON.stringify(text)} where a network belongs`);
  return network;
}
