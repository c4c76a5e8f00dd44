import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Camera } from './accounts.ts';

/** One for each camera, of which one installation has fewer; the oldest gives way. */
const maxRememberedPasswords = 1024;

export type RememberedPasswords = Readonly<{
  knows(camera: Camera, passwordHash: string, password: string): boolean;
  remember(camera: Camera, passwordHash: string, password: string): void;
}>;

/**
 * Remembers that a password was right for one version of one account, as a keyed hash under a key that only this process
 * ever has. The stored hash is part of it, so that a restored database is a different account too.
 */
export function rememberPasswords(limit = maxRememberedPasswords): RememberedPasswords {
  // Node looks at a key of bytes each time as if it were something else, and makes errors on the way.
  const key = createSecretKey(randomBytes(32));
  const known = new Map<string, Buffer>();
  const digest = (camera: Camera, passwordHash: string, password: string) =>
    createHmac('sha256', key)
      .update(JSON.stringify([camera.name, camera.version, passwordHash, password]))
      .digest();
  return {
    knows: (camera, passwordHash, password) => {
      const remembered = known.get(camera.name);
      return remembered !== undefined && timingSafeEqual(remembered, digest(camera, passwordHash, password));
    },
    remember: (camera, passwordHash, password) => {
      known.delete(camera.name);
      known.set(camera.name, digest(camera, passwordHash, password));
      const [oldest] = known.keys();
      if (known.size > limit && oldest !== undefined) known.delete(oldest);
    },
  };
}
