// What is true right now, in numbers. It reads and never changes anything.

import type { AccountReader } from '../access/accounts.ts';
import type { Inbox } from '../archive/inbox.ts';
import type { Clock } from '../base/clock.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { formatInstant } from '../domain/time-zone.ts';
import { spaceOf } from './checks/free-disk.ts';
import { runningRoles } from './daemon.ts';
import { type MarkerState, readMarker } from './marker-state.ts';

export type CameraStatus = Readonly<{
  camera: string;
  /** False also for a camera that was removed and left clips. */
  enabled: boolean;
  lastClipAt: string | null;
  clips: number;
  bytes: number;
  recording: boolean | null;
  clockOffsetMs: number | null;
  coverage24h: number | null;
}>;

export type Status = Readonly<{
  at: string;
  /** Roles that a process plays now. */
  running: readonly string[];
  marker: MarkerState;
  freeBytes: number;
  totalBytes: number;
  /** Entries that are not filed yet, counted up to `inboxCountLimit`. */
  inboxWaiting: number;
  quarantined: number;
  cameras: readonly CameraStatus[];
}>;

/** A backlog beyond this is only called that: counting it would take longer than anybody waits. */
export const inboxCountLimit = 100_000;

export async function readStatus(parts: {
  dirs: Readonly<{ dataDir: string; stateDir: string }>;
  accounts: Pick<AccountReader, 'cameras'>;
  inbox: Pick<Inbox, 'listEntries'>;
  /** Undefined before the first start. */
  catalogue: Pick<Catalogue, 'tallies' | 'quarantinedCount'> | undefined;
  clock: Clock;
  /** The zone of this machine, for what belongs to no camera. */
  timeZone: string;
}): Promise<Status> {
  const { dirs, catalogue, clock, timeZone } = parts;
  return {
    at: formatInstant(clock.now(), timeZone),
    running: [...runningRoles(dirs.stateDir)],
    marker: await readMarker(dirs),
    ...(await spaceOf(dirs.dataDir)),
    inboxWaiting: await countEntries(parts.inbox),
    quarantined: catalogue?.quarantinedCount() ?? 0,
    cameras: cameraStatuses(parts),
  };
}

/** Cameras that have an account or clips, by name. What is not measured is null. */
function cameraStatuses(parts: Parameters<typeof readStatus>[0]): CameraStatus[] {
  const accounts = new Map(parts.accounts.cameras().map(camera => [camera.name, camera]));
  const tallies = new Map((parts.catalogue?.tallies() ?? []).map(tally => [tally.camera, tally]));
  const names = [...new Set([...accounts.keys(), ...tallies.keys()])].sort();
  return names.map(name => {
    const account = accounts.get(name);
    const tally = tallies.get(name);
    const last = tally?.lastClipAt ?? null;
    return {
      camera: name,
      enabled: account?.enabled ?? false,
      lastClipAt: last === null ? null : formatInstant(last, account?.timeZone ?? parts.timeZone),
      clips: tally?.clips ?? 0,
      bytes: tally?.bytes ?? 0,
      recording: null,
      clockOffsetMs: null,
      coverage24h: null,
    };
  });
}

async function countEntries(inbox: Pick<Inbox, 'listEntries'>): Promise<number> {
  let count = 0;
  for await (const _entry of inbox.listEntries()) if (++count >= inboxCountLimit) break;
  return count;
}
