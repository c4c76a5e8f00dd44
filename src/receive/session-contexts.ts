// The TLS contexts of sessions, used again: to make the two of a session costs a millisecond, a tenth of what it takes as a
// whole. One belongs to one session at a time, and to nobody while a connection of it is open; then its ticket keys are new.

import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { createSessionContext, renewTicketKeys, type TlsIdentity } from './control-tls.ts';
import { createPool } from './pool.ts';

export type SessionContexts = Readonly<{
  /** For the session whose control connection this is. */
  take(identities: readonly TlsIdentity[], control: Socket): SecureContext;
}>;

export function createSessionContexts(options: {
  minVersion: 'TLSv1.2' | 'TLSv1.3';
  isLegacy: boolean;
}): SessionContexts {
  let made: readonly TlsIdentity[] = [];
  const pool = createPool(() => createSessionContext(made, options));
  return {
    take(identities, control) {
      // Renewed certificates are for new sessions.
      if (!isSame(made, identities)) {
        pool.clear();
        made = identities;
      }
      const madeOf = made;
      const context = pool.take();
      users.set(context, {
        connections: 0,
        onUnused() {
          users.delete(context);
          if (made === madeOf && renewTicketKeys(context)) pool.giveBack(context);
        },
      });
      holdContext(context, control);
      return context;
    },
  };
}

type Users = { connections: number; onUnused(): void };

const users = new WeakMap<SecureContext, Users>();

/** The context is the session's as long as this connection of it is open. */
export function holdContext(context: SecureContext, connection: Socket): void {
  const held = users.get(context);
  if (held === undefined) return;
  held.connections++;
  connection.once('close', () => {
    held.connections--;
    if (held.connections === 0) held.onUnused();
  });
}

function isSame(one: readonly TlsIdentity[], other: readonly TlsIdentity[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ cert, key }, index) => cert === other[index]?.cert && key === other[index]?.key)
  );
}
