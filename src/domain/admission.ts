// Who may hold a control connection, by counting alone. The answers are exact in any order of calls: an admitted
// connection counts until it has left or was told to give way.

import { isIPv4 } from 'node:net';
import { addressBytes, parseAddress } from './networks.ts';

export type AdmissionLimits = Readonly<{
  maxConnections: number;
  maxConnectionsPerAddress: number;
  maxConnectionsPerCamera: number;
  maxConnectionsBeforeLogin: number;
}>;

export type Admitted =
  | 'admitted'
  /** Admitted in the place of another, which the caller has to close (421); it counts no longer. */
  | { readonly evict: string }
  | { readonly refused: 'server-full' | 'address-full' | 'pre-login-full' };

export type Admission = Readonly<{
  /** A connection was accepted from a canonical address (parseAddress). An id is used once. */
  admit(id: string, address: string): Admitted;
  /** A password was right. A refused connection still counts as one before login, until it has left. */
  loggedIn(id: string, camera: string): 'admitted' | { readonly refused: 'camera-full' | 'gone' };
  /** The connection is closed. Harmless for one that was refused, evicted or has left before. */
  left(id: string): void;
  counts(): Readonly<{ total: number; beforeLogin: number }>;
}>;

/**
 * Counts connections against the limits.
 *
 * A known address is one from which a camera lately logged in. When strangers fill the server, `reservedForKnown` places
 * (a tenth, at least 4, at most half) are not theirs to take, and then the oldest connection before login gives way to
 * a known address, strangers first. When only the places before login are used up, the oldest stranger gives way to
 * anybody, so that a camera that is new here gets its turn between idle sockets; a known address never gives way to a stranger.
 *
 * IPv6 is counted per address, and strangers before login also per /64, with the same limit: all of a /64 is one host's
 * for the asking, and yet it may be the whole local network, so cameras in it are not counted together.
 */
export function createAdmission(
  parts: AdmissionLimits & Readonly<{ isKnownAddress(address: string): boolean; reservedForKnown?: number }>,
): Admission {
  const reserved = parts.reservedForKnown ?? defaultReserve(parts.maxConnections);
  const connections = new Map<string, Connection>();
  // In the order of arrival, so that the first is the oldest.
  const strangersBeforeLogin = new Set<string>();
  const knownBeforeLogin = new Set<string>();
  const byAddress = createCounter();
  const strangersByNetwork = createCounter();
  const byCamera = createCounter();
  let trusted = 0;

  const beforeLogin = () => strangersBeforeLogin.size + knownBeforeLogin.size;
  const oldest = (set: ReadonlySet<string>): string | undefined => set.values().next().value;

  function leaveDoor(id: string, connection: Connection): void {
    if (strangersBeforeLogin.delete(id) && connection.network) strangersByNetwork.add(connection.network, -1);
    knownBeforeLogin.delete(id);
  }

  function left(id: string): void {
    const connection = connections.get(id);
    if (connection === undefined) return;
    connections.delete(id);
    byAddress.add(connection.address, -1);
    if (connection.camera !== undefined) byCamera.add(connection.camera, -1);
    if (isTrusted(connection)) trusted -= 1;
    leaveDoor(id, connection);
  }

  function admit(id: string, address: string): Admitted {
    if (connections.has(id)) throw new Error(`connection ${id} was admitted before`);
    const isKnown = parts.isKnownAddress(address);
    const network = networkOf(address);
    if (byAddress.of(address) >= parts.maxConnectionsPerAddress) return { refused: 'address-full' };
    if (!isKnown && network && strangersByNetwork.of(network) >= parts.maxConnectionsPerAddress)
      return { refused: 'address-full' };

    const keptFree = isKnown ? 0 : Math.max(0, reserved - trusted);
    const isFull = connections.size >= parts.maxConnections - keptFree;
    // A stranger never makes room for itself on a full server: that would be a turn for everyone who connects.
    if (isFull && !isKnown) return { refused: 'server-full' };
    const isDoorFull = beforeLogin() >= parts.maxConnectionsBeforeLogin;
    const evict =
      isFull || isDoorFull
        ? (oldest(strangersBeforeLogin) ?? (isKnown ? oldest(knownBeforeLogin) : undefined))
        : undefined;
    if (evict !== undefined) left(evict);
    else if (isFull) return { refused: 'server-full' };
    else if (isDoorFull) return { refused: 'pre-login-full' };

    connections.set(id, { address, network, isKnown, camera: undefined });
    byAddress.add(address, 1);
    if (isKnown) trusted += 1;
    else if (network) strangersByNetwork.add(network, 1);
    (isKnown ? knownBeforeLogin : strangersBeforeLogin).add(id);
    return evict === undefined ? 'admitted' : { evict };
  }

  function loggedIn(id: string, camera: string): ReturnType<Admission['loggedIn']> {
    const connection = connections.get(id);
    if (connection === undefined) return { refused: 'gone' };
    if (connection.camera === camera) return 'admitted';
    if (byCamera.of(camera) >= parts.maxConnectionsPerCamera) return { refused: 'camera-full' };
    if (connection.camera !== undefined) byCamera.add(connection.camera, -1);
    if (!isTrusted(connection)) trusted += 1;
    connection.camera = camera;
    byCamera.add(camera, 1);
    leaveDoor(id, connection);
    return 'admitted';
  }

  return {
    admit,
    loggedIn,
    left,
    counts: () => ({ total: connections.size, beforeLogin: beforeLogin() }),
  };
}

type Connection = {
  readonly address: string;
  readonly network: string | undefined;
  readonly isKnown: boolean;
  camera: string | undefined;
};

/** Counts against the reserve: it came from a known address, or has logged in since. */
function isTrusted(connection: Connection): boolean {
  return connection.isKnown || connection.camera !== undefined;
}

/** Never more than half, so that a small server still takes in a camera for the first time. */
function defaultReserve(maxConnections: number): number {
  return Math.min(Math.max(4, Math.ceil(maxConnections / 10)), Math.floor(maxConnections / 2));
}

/** The /64 of an IPv6 address; undefined for IPv4, where an address is one host or one NAT. */
function networkOf(text: string): string | undefined {
  const address = parseAddress(text);
  if (address === undefined || isIPv4(address)) return undefined;
  return addressBytes(address).subarray(0, 8).join('.');
}

type Counter = Readonly<{ of(key: string): number; add(key: string, change: 1 | -1): void }>;

/** Forgets what is back at zero: addresses are the client's choice. */
function createCounter(): Counter {
  const counts = new Map<string, number>();
  const of = (key: string) => counts.get(key) ?? 0;
  return {
    of,
    add(key, change) {
      const count = of(key) + change;
      if (count === 0) counts.delete(key);
      else counts.set(key, count);
    },
  };
}
