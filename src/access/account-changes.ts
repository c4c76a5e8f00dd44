// The changes that commands make to access.db: each one transaction, each with a new version for the camera it is about.

import type { Clock } from '../base/clock.ts';
import { FailedError } from '../base/errors.ts';
import { type Db, inTransaction } from '../base/sqlite.ts';
import { formatNetwork, type Network } from '../domain/networks.ts';
import { type AccountSnapshot, effectiveNetworks } from './account-rows.ts';
import {
  type AccountReader,
  type AccountWriter,
  type Camera,
  type CameraChanges,
  defaultAcceptanceDays,
  maxPardons,
  type NewCamera,
} from './accounts.ts';
import { networkAround } from './network-lists.ts';

type Parts = Readonly<{
  db: Db;
  clock: Clock;
  snapshot: () => AccountSnapshot;
  /** Called after every change: what was read before it is stale. */
  written: () => void;
}>;

export function prepareChanges(parts: Parts): Omit<AccountWriter, keyof AccountReader> {
  const { change, listed } = changesOfOneCamera(parts);
  return {
    addCamera: camera => addCamera(parts, camera),
    setCamera: (name, changes) => change(name, () => updateSettings(parts.db, name, changes)),
    setPassword: (name, passwordHash) =>
      change(name, () =>
        parts.db
          .prepare('UPDATE camera SET password_hash = ?, password_changed_at = ? WHERE name = ?')
          .run(passwordHash, isoNow(parts.clock), name),
      ),
    setEnabled: (name, enabled) =>
      change(name, () =>
        parts.db.prepare('UPDATE camera SET enabled = ? WHERE name = ?').run(enabled ? 1 : 0, name),
      ),
    removeCamera: name => {
      change(name, () => parts.db.prepare('DELETE FROM camera WHERE name = ?').run(name), 'gone');
    },
    allow: (name, networks) =>
      change(name, () => {
        const insert = parts.db.prepare(
          'INSERT OR IGNORE INTO camera_network (camera, network) VALUES (?, ?)',
        );
        for (const network of networks) insert.run(name, formatNetwork(network));
      }),
    deny: (name, networks) => change(name, () => denyNetworks(parts.db, name, networks, listed)),
    addNetworks: (base, networks) => changeGlobalList(parts, base, networks, 'added'),
    removeNetworks: (base, networks) => changeGlobalList(parts, base, networks, 'removed'),
    pardon: network => putPardon(parts, network),
    follow: follow => putFollow(parts, follow),
    unfollow: follower => {
      parts.db.prepare('DELETE FROM follow WHERE follower = ?').run(follower);
      parts.written();
    },
  };
}

function addCamera({ db, clock, snapshot, written }: Parts, camera: NewCamera): Camera {
  inTransaction(db, () => {
    if (db.prepare('SELECT 1 FROM camera WHERE name = ?').get(camera.name) !== undefined) {
      throw new FailedError(
        `There is a camera named ${camera.name} already: take another name, or clipward camera passwd ${camera.name} for a new password.`,
      );
    }
    const now = isoNow(clock);
    db.prepare(
      `INSERT INTO camera (name, enabled, version, password_hash, time_zone, truncation, acceptance_days, added_at, password_changed_at)
       VALUES (?, 1, ?, ?, ?, NULL, ?, ?, ?)`,
    ).run(
      camera.name,
      nextVersion(db),
      camera.passwordHash,
      camera.timeZone,
      defaultAcceptanceDays,
      now,
      now,
    );
    const insert = db.prepare('INSERT OR IGNORE INTO camera_network (camera, network) VALUES (?, ?)');
    for (const network of camera.allowedNetworks) insert.run(camera.name, formatNetwork(network));
    updateSettings(db, camera.name, camera.changes ?? {});
  });
  written();
  return existing(snapshot(), camera.name);
}

function changesOfOneCamera({ db, snapshot, written }: Parts) {
  /** Runs `work` for a camera that exists and gives the camera a new version. */
  function change(name: string, work: () => unknown): Camera;
  function change(name: string, work: () => unknown, after: 'gone'): undefined;
  function change(name: string, work: () => unknown, after?: 'gone'): Camera | undefined {
    inTransaction(db, () => {
      const version = nextVersion(db);
      const { changes } = db.prepare('UPDATE camera SET version = ? WHERE name = ?').run(version, name);
      if (changes === 0) throw noSuchCamera(name);
      work();
    });
    written();
    return after === 'gone' ? undefined : existing(snapshot(), name);
  }
  const listed = (name: string) =>
    db
      .prepare<[string], { network: string }>('SELECT network FROM camera_network WHERE camera = ?')
      .all(name)
      .map(row => row.network);
  return { change, listed };
}

function updateSettings(db: Db, name: string, changes: CameraChanges): void {
  const { requireResumption, rtspBasic } = changes;
  const columns: Record<string, string | number | null | undefined> = {
    time_zone: changes.timeZone,
    truncation: changes.truncation,
    acceptance_days: changes.acceptanceDays,
    require_resumption: requireResumption === undefined ? undefined : Number(requireResumption),
    max_bytes_per_day: changes.maxBytesPerDay,
    max_files_per_day: changes.maxFilesPerDay,
    keep_clips_days: changes.keepClipsDays,
    keep_footage_days: changes.keepFootageDays,
    expect_every_ms: changes.expectEveryMs,
    max_bytes: changes.maxBytes,
    rtsp_url: changes.rtspUrl,
    sub_rtsp_url: changes.subRtspUrl,
    record: changes.record,
    rtsp_basic: rtspBasic === undefined ? undefined : Number(rtspBasic),
    rtsp_fingerprint: changes.rtspFingerprint,
  };
  for (const [column, value] of Object.entries(columns)) {
    if (value !== undefined) db.prepare(`UPDATE camera SET ${column} = ? WHERE name = ?`).run(value, name);
  }
}

function denyNetworks(
  db: Db,
  name: string,
  networks: readonly Network[],
  listed: (name: string) => string[],
): void {
  const texts = networks.map(formatNetwork);
  const before = listed(name);
  const missing = texts.find(text => !before.includes(text));
  if (missing !== undefined) {
    throw new FailedError(
      before.length === 0
        ? `Camera ${name} has no networks of its own, so ${missing} cannot be taken away: clipward camera allow ${name} NETWORK gives it some, and then only those count.`
        : `${missing} is not among the networks of camera ${name} (${before.join(', ')}): name one that is.`,
    );
  }
  if (before.every(text => texts.includes(text))) {
    throw new FailedError(
      `Without its last network camera ${name} could log in from every address of the global list: allow the new network first, or clipward camera disable ${name}.`,
    );
  }
  const remove = db.prepare('DELETE FROM camera_network WHERE camera = ? AND network = ?');
  for (const text of texts) remove.run(name, text);
}

/**
 * Stores the difference from the settings' list. What the settings say already needs no row, so that the row of an
 * earlier change is taken back rather than answered by a second one.
 */
function changeGlobalList(
  { db, snapshot, written }: Parts,
  base: readonly Network[],
  networks: readonly Network[],
  to: 'added' | 'removed',
): readonly Network[] {
  const inBase = new Set(base.map(formatNetwork));
  inTransaction(db, () => {
    if (to === 'removed') requireListed(effectiveNetworks(base, snapshot()), networks);
    const put = db.prepare('INSERT OR REPLACE INTO network_change (network, change) VALUES (?, ?)');
    const takeBack = db.prepare('DELETE FROM network_change WHERE network = ?');
    for (const text of networks.map(formatNetwork)) {
      if (inBase.has(text) === (to === 'added')) takeBack.run(text);
      else put.run(text, to);
    }
  });
  written();
  return effectiveNetworks(base, snapshot());
}

function requireListed(list: readonly Network[], networks: readonly Network[]): void {
  const texts = list.map(formatNetwork);
  for (const network of networks) {
    const text = formatNetwork(network);
    if (texts.includes(text)) continue;
    const around = networkAround(list, network);
    throw new FailedError(
      around === undefined
        ? `${text} is not in the global list: clipward network list shows what is.`
        : `${text} is not in the global list by itself, it lies in ${formatNetwork(around)}: remove that, and add the parts that should stay.`,
    );
  }
}

function putFollow(
  { db, clock, written }: Parts,
  { follower, camera, untilMs }: Parameters<AccountWriter['follow']>[0],
): void {
  inTransaction(db, () => {
    db.prepare('DELETE FROM follow WHERE until < ?').run(clock.now());
    if (db.prepare('SELECT 1 FROM camera WHERE name = ?').get(camera) === undefined)
      throw noSuchCamera(camera);
    db.prepare(
      `INSERT INTO follow (follower, camera, until) VALUES (?, ?, ?)
       ON CONFLICT (follower) DO UPDATE SET until = excluded.until`,
    ).run(follower, camera, untilMs);
  });
  written();
}

function putPardon({ db, clock, written }: Parts, network: Network | null): void {
  inTransaction(db, () => {
    db.prepare('INSERT INTO pardon (network, at) VALUES (?, ?)').run(
      network === null ? null : formatNetwork(network),
      clock.now(),
    );
    db.prepare('DELETE FROM pardon WHERE id <= (SELECT max(id) FROM pardon) - ?').run(maxPardons);
  });
  written();
}

/** The next number, taken inside the caller's transaction. */
function nextVersion(db: Db): number {
  const row = db
    .prepare<[], { last_version: number }>(
      'UPDATE version_counter SET last_version = last_version + 1 RETURNING last_version',
    )
    .get();
  if (row === undefined) throw new Error('access.db has lost its version counter');
  return row.last_version;
}

export function noSuchCamera(name: string): FailedError {
  return new FailedError(`There is no camera named ${name}: clipward camera list shows those there are.`);
}

function existing(snapshot: AccountSnapshot, name: string): Camera {
  const camera = snapshot.cameras.get(name);
  if (camera === undefined) throw noSuchCamera(name);
  return camera;
}

function isoNow(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
