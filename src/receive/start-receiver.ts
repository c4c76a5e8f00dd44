// The FTPS receiver: listeners, and the sessions behind them. It ends with `226` and a published upload; what becomes of
// it is not known here. What lives in this room: sockets, TLS, the FTP dialogue. What does not: paths on disk
// (archive/uploads.ts), accounts and passwords (access), what a clip is worth (domain/completeness.ts).

import { createServer, type Server, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { AccountReader, Camera } from '../access/accounts.ts';
import type { CheckPasses } from '../access/check-pass.ts';
import type { PasswordVerifier } from '../access/passwords.ts';
import type { ReceiverMemory } from '../access/receiver-memory.ts';
import type { Uploads } from '../archive/uploads.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { createAdmission } from '../domain/admission.ts';
import { formatNetwork, type Network, networkMatcher, parseAddress } from '../domain/networks.ts';
import { startBanKeeper } from './ban-keeper.ts';
import { isVisit, openCheckDesk, sparingVisits } from './check-visit.ts';
import { changeDirectory } from './commands/directory.ts';
import { commands } from './commands/table.ts';
import { type ControlConnection, startControlConnection } from './control-connection.ts';
import { startControlTls, type TlsIdentity } from './control-tls.ts';
import { createEngine, type FtpConnection } from './engine.ts';
import { listen, type Place } from './listen.ts';
import type { Observe } from './observer.ts';
import { createPortLeases } from './port-leases.ts';
import { createQuotas } from './quota.ts';
import type { ReceiverSettings } from './receiver-settings.ts';
import { type Hall, type ListenerName, sessionOf } from './session.ts';
import { createSessionContexts } from './session-contexts.ts';

export type ListenerAddress = Readonly<{ name: ListenerName; host: string; port: number }>;

export type Receiver = AsyncDisposable &
  Readonly<{
    addresses: readonly ListenerAddress[];
    /** Control connections right now, for status and tests. */
    connections(): number;
    /** Addresses and /64s that are kept out right now. */
    bans(): number;
    /** Passive ports in use, for status and tests. */
    leasedPorts(): number;
    /** No new connections; running uploads may finish within `shutdownGraceMs`, then everything is closed. */
    stop(): Promise<void>;
  }>;

export type ReceiverParts = Readonly<{
  /** `legacyTls`: this listener speaks TLS 1.0, 1.1 and old ciphers, too. */
  listeners: readonly (Place & Readonly<{ legacyTls: boolean }>)[];
  settings: ReceiverSettings;
  /** The settings' own list; what `network add` and `network remove` changed is in the accounts. */
  allowedNetworks: readonly Network[];
  accounts: AccountReader;
  verifier: PasswordVerifier;
  /** Who is let in as doctor. */
  checkPasses: CheckPasses;
  memory: ReceiverMemory;
  uploads: Uploads;
  /** RSA and ECDSA, read for each session, so that renewed ones are taken without a restart. */
  tlsIdentities(): readonly TlsIdentity[];
  /** Told what happens in every session. */
  observe?: Observe;
  clock: Clock;
  log: Log;
}>;

type Arrival = {
  id: string;
  listener: ListenerName;
  raw: Socket;
  peer: { address: string; port: number };
  localAddress: string;
  secureContext: SecureContext;
  log: Log;
};

/** Starts listening. Throws SettingsError when a port is in use or not ours to take. */
export async function startReceiver(parts: ReceiverParts): Promise<Receiver> {
  const { settings, accounts, log } = parts;
  const arrivals = new WeakMap<Socket, Arrival>();
  const controls = new Map<string, ControlConnection>();
  const raws = new Map<string, Socket>();
  const { memory } = parts;
  const checks = openCheckDesk(parts.checkPasses);
  const bans = startBanKeeper({ settings, memory, clock: parts.clock, log, onBan: closeBanned });
  const hall: Hall = {
    settings,
    uploads: parts.uploads,
    verifier: parts.verifier,
    memory,
    admission: createAdmission({
      ...settings.limits,
      isKnownAddress,
    }),
    bans: sparingVisits(bans, checks),
    checks,
    leases: createPortLeases(settings.passive),
    observe: parts.observe ?? (() => {}),
    quotas: createQuotas({ memory, limits: settings.limits, clock: parts.clock, log }),
    clock: parts.clock,
  };
  const engine = createEngine({
    commands,
    log,
    onConnect,
    workingDirectory: connection => {
      const session = sessionOf(connection);
      return { get: () => session.directory, change: path => changeDirectory(session, path) };
    },
  });
  let isAllowed = globalMatcher();
  let allowedText = formatNetworks();
  hall.bans.apply(accounts.pardons());
  const legacyListeners = new Set(parts.listeners.filter(each => each.legacyTls).map(({ name }) => name));
  for (const listener of legacyListeners) log.warn({ listener }, 'listener speaks outdated TLS');
  const { minVersion } = settings.tls;
  const contexts = createSessionContexts({ minVersion, isLegacy: false });
  const legacyContexts = createSessionContexts({ minVersion, isLegacy: true });
  const contextsOf = (name: ListenerName) => (legacyListeners.has(name) ? legacyContexts : contexts);
  let nextId = 0;
  const changes = accounts.onChange(onAccountsChanged);

  function isKnownAddress(address: string): boolean {
    try {
      return memory.lastLogins().some(login => login.address === address);
    } catch (error) {
      log.error({ error: messageOf(error) }, 'receiver memory cannot be read');
      return false;
    }
  }

  /** Called again when the database can be read again; until then what was last known holds. */
  function onAccountsChanged(): void {
    try {
      const networks = formatNetworks();
      if (networks !== allowedText) log.info({ networks }, 'allowed networks changed');
      allowedText = networks;
      isAllowed = globalMatcher();
      hall.bans.apply(accounts.pardons());
      for (const control of controls.values()) endIfChanged(control);
    } catch (error) {
      log.error({ error: messageOf(error) }, 'accounts cannot be read');
    }
  }

  function formatNetworks(): string {
    return accounts.globalNetworks(parts.allowedNetworks).map(formatNetwork).join(' ');
  }

  function globalMatcher(): (address: string) => boolean {
    return networkMatcher(accounts.globalNetworks(parts.allowedNetworks));
  }

  function onSocket(listener: ListenerName, raw: Socket): void {
    raw.on('error', () => {});
    const address = raw.remoteAddress === undefined ? undefined : parseAddress(raw.remoteAddress);
    if (address === undefined || raw.remotePort === undefined) return void raw.destroy();
    if (!isAllowed(address)) {
      log.warn({ address, listener }, 'connection from outside the allowed networks closed');
      hall.observe({ id: '', peer: { address }, listener }, { kind: 'turned-away', reason: 'address' });
      return void raw.destroy();
    }
    if (hall.bans.keepsOut(address)) {
      log.debug({ address, listener }, 'connection from a banned address closed');
      hall.observe({ id: '', peer: { address }, listener }, { kind: 'turned-away', reason: 'banned' });
      return void raw.destroy();
    }
    const id = String(++nextId);
    const admitted = hall.admission.admit(id, address);
    if (typeof admitted === 'object' && 'refused' in admitted) {
      log.warn({ address, listener, reason: admitted.refused }, 'connection refused, too many are open');
      const turnedAway = { kind: 'turned-away', reason: admitted.refused } as const;
      hall.observe({ id: '', peer: { address }, listener }, turnedAway);
      // On the implicit port there is no word before TLS, and a handshake is what a full server cannot afford.
      return void (listener === 'explicit'
        ? raw.end('421 Too many connections.\r\n', () => raw.destroy())
        : raw.destroy());
    }
    if (typeof admitted === 'object') giveWay(admitted.evict);
    raws.set(id, raw);
    raw.once('close', () => {
      raws.delete(id);
      controls.delete(id);
      hall.admission.left(id);
    });
    const arrival: Arrival = {
      id,
      listener,
      raw,
      peer: { address, port: raw.remotePort },
      localAddress: localAddressOf(raw),
      secureContext: contextsOf(listener).take(parts.tlsIdentities(), raw),
      log: log.child({ session: id, address }),
    };
    hall.observe(arrival, { kind: 'connected' });
    if (listener === 'explicit') {
      greet(arrival, raw);
      return;
    }
    startControlTls(raw, {
      secureContext: arrival.secureContext,
      handshakeTimeoutMs: settings.limits.tlsHandshakeTimeoutMs,
      onSecure: socket => greet(arrival, socket),
      onFailure: code => handshakeFailed(arrival, code),
    });
  }

  function giveWay(id: string): void {
    const control = controls.get(id);
    if (control === undefined) raws.get(id)?.destroy();
    else void control.session.close(421, 'Another client needs the place.');
  }

  function greet(arrival: Arrival, socket: Socket): void {
    arrivals.set(socket, arrival);
    engine.accept(socket);
  }

  function onConnect(connection: FtpConnection): void {
    const arrival = arrivals.get(connection.commandSocket);
    if (arrival === undefined)
      throw new Error('the engine made a session for a socket that was not handed to it');
    const control = startControlConnection({
      ...arrival,
      connection,
      socket: connection.commandSocket,
      engine,
      hall,
      onHandshakeFailure: code => handshakeFailed(arrival, code),
    });
    controls.set(arrival.id, control);
  }

  function handshakeFailed(arrival: Arrival, code: string): void {
    const { address } = arrival.peer;
    if (checks.isExpectedFrom(address)) return;
    arrival.log.warn({ listener: arrival.listener, code }, 'TLS handshake failed');
    hall.observe(arrival, { kind: 'handshake-failed', error: code });
    // A look at whether the port is open is no misdeed, and a camera's bad Wi-Fi is none either.
    if (arrival.raw.bytesRead > 0 && !isKnownAddress(address)) hall.bans.note(address, 'handshake-failure');
  }

  /** A camera that shares the address with whoever was banned finishes what it does. */
  function closeBanned(): void {
    for (const [id, raw] of raws) {
      const control = controls.get(id);
      const isCamera = control !== undefined && control.session.camera !== null;
      if (isCamera || !hall.bans.keepsOut(parseAddress(raw.remoteAddress ?? '') ?? '')) continue;
      if (control === undefined) raw.destroy();
      else void control.session.close(421, 'Too many failures.');
    }
  }

  function endIfChanged({ session }: ControlConnection): void {
    if (!isAllowed(session.peer.address)) return void session.close(421, 'Address no longer allowed.');
    if (session.camera === null || isVisit(session)) return;
    const now = accounts.camera(session.camera.name);
    if (now !== undefined && mayStay(session.camera, now, session.peer.address)) return;
    session.log.info({ camera: session.camera.name }, 'session ended, its account was changed');
    session.transfer?.abort('account-changed');
    void session.close(421, 'Account changed.');
  }

  const servers: Server[] = [];
  const addresses: ListenerAddress[] = [];
  try {
    for (const place of parts.listeners) {
      const { name } = place;
      const server = createServer({ pauseOnConnect: true, noDelay: true, keepAlive: true }, raw =>
        onSocket(name, raw),
      );
      servers.push(server);
      addresses.push({ name, ...(await listen(server, place)) });
    }
  } catch (error) {
    changes[Symbol.dispose]();
    hall.bans[Symbol.dispose]();
    for (const server of servers) server.close();
    throw error;
  }

  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    changes[Symbol.dispose]();
    const closed = servers.map(server => new Promise(resolve => server.close(resolve)));
    for (const [id, raw] of raws) if (!controls.has(id)) raw.destroy();
    const deadline = setTimeout(() => {
      log.warn({ uploads: controls.size }, 'uploads cut off by the shutdown');
      for (const control of controls.values()) control.destroy();
    }, settings.limits.shutdownGraceMs);
    await Promise.all([...controls.values()].map(control => control.shutDown()));
    clearTimeout(deadline);
    await Promise.all(closed);
    hall.bans[Symbol.dispose]();
  }
  const stopOnce = () => {
    stopping ??= stop();
    return stopping;
  };

  return {
    addresses,
    connections: () => raws.size,
    bans: () => hall.bans.count(),
    leasedPorts: () => hall.leases.leased(),
    stop: stopOnce,
    [Symbol.asyncDispose]: stopOnce,
  };
}

/** A link-local address keeps its zone, without which nothing can be listened on at it. */
function localAddressOf({ localAddress = '' }: Socket): string {
  return /^fe[89ab].*%/i.test(localAddress) ? localAddress : (parseAddress(localAddress) ?? '127.0.0.1');
}

/** A changed time zone need not cut an upload; what decides about access must. */
function mayStay(was: Camera, now: Camera, address: string): boolean {
  const isFromAllowed = now.allowedNetworks.length === 0 || networkMatcher(now.allowedNetworks)(address);
  return (
    now.enabled &&
    isFromAllowed &&
    now.passwordChangedAt === was.passwordChangedAt &&
    now.addedAt === was.addedAt
  );
}
