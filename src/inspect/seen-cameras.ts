// What was last seen of each camera, put together for doctor: the receiver remembers, and the catalogue has what it forgot.

import type { Camera } from '../access/accounts.ts';
import { readCameraHabits } from '../access/camera-habits.ts';
import { readLastLogins } from '../access/receiver-memory.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { SessionEvent } from '../domain/session-event.ts';

export type SeenCamera = Readonly<{
  name: string;
  enabled: boolean;
  addedAt: string;
  /** Null: never, as far as anybody remembers. */
  lastUploadAt: number | null;
  /** The last refusal that matters. */
  lastRefusal: Readonly<{ at: number; address: string; event: SessionEvent }> | null;
  /** TLS version of the last log-in. */
  protocol: string | null;
  /** Whether the present password is one that is tried first; null: nobody has logged in with it. */
  weakPassword: boolean | null;
}>;

/** By name. `catalogue`: undefined before the first start. */
export function readSeenCameras(parts: {
  stateDir: string;
  cameras: readonly Pick<Camera, 'name' | 'enabled' | 'addedAt' | 'passwordChangedAt'>[];
  catalogue: Pick<Catalogue, 'tallies'> | undefined;
}): readonly SeenCamera[] {
  const habits = parts.cameras.map(camera => ({ ...camera, seen: readCameraHabits(parts.stateDir, camera) }));
  // Counting a large archive takes a moment, which nobody needs while the receiver remembers.
  const isForgotten = habits.some(({ seen }) => !seen?.lastUpload);
  const tallies = isForgotten ? (parts.catalogue?.tallies() ?? []) : [];
  const lastClips = new Map(tallies.map(tally => [tally.camera, tally.lastClipAt]));
  const logins = readLastLogins(parts.stateDir) ?? [];
  return habits.map(({ name, enabled, addedAt, passwordChangedAt, seen }) => {
    const refusal = seen?.lastRefusal ?? null;
    // The newest comes first.
    const loginAt = logins.find(({ camera }) => camera === name)?.atMs ?? 0;
    return {
      name,
      enabled,
      addedAt,
      lastUploadAt: seen?.lastUpload?.atMs ?? lastClips.get(name) ?? null,
      lastRefusal: refusal && { at: refusal.atMs, address: refusal.address, event: refusal.event },
      protocol: seen?.control?.protocol ?? null,
      weakPassword: loginAt > Date.parse(passwordChangedAt) ? (seen?.weakPassword ?? null) : null,
    };
  });
}
