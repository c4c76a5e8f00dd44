// Reads the control connection of one session: lines framed, commands run one after the other, answered in order. During
// a transfer ABOR, STAT, NOOP and QUIT are seen at once (RFC 959 4.1.3); everything else waits for its end.

import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { BanEvent } from '../domain/ban-score.ts';
import { resolveVirtualPath } from '../domain/virtual-path.ts';
import { type CommandLine, looksLikeTls, nameVerbs, parseCommandLine } from './command-line.ts';
import { startControlTls } from './control-tls.ts';
import type { Engine, FtpConnection } from './engine.ts';
import { createLineReader } from './line-reader.ts';
import { refusedEvent } from './observer.ts';
import { RefusedError } from './refused-error.ts';
import { createReplies } from './replies.ts';
import { type Hall, type ListenerName, rememberSession, type Session } from './session.ts';
import { tlsFactsOf } from './tls-facts.ts';

const urgentVerbs = new Set(['ABOR', 'STAT', 'NOOP', 'QUIT']);
/** Before TLS nothing but what leads to it; USER, PASS and ACCT are there to be refused before a password is asked for. */
const plaintextVerbs = new Set([
  'AUTH',
  'FEAT',
  'QUIT',
  'NOOP',
  'PBSZ',
  'PROT',
  'CCC',
  'USER',
  'PASS',
  'ACCT',
]);
/** One for all sessions: to make an error takes longer than most of what a session does. */
const connectionClosed = new Error('control connection closed');
/** How long a client may take to close after our last word. */
const lingerMs = 2000;

export type ControlConnection = Readonly<{
  session: Session;
  /** No new commands; a running transfer may finish, then the client is told 421. Resolves when the connection is gone. */
  shutDown(): Promise<void>;
  destroy(): void;
}>;

/**
 * Attaches to an engine connection whose socket has not been read yet. `socket` is the TCP socket, or on the implicit
 * port the TLS socket after its handshake.
 */
export function startControlConnection(parts: {
  connection: FtpConnection;
  socket: Socket;
  raw: Socket;
  engine: Engine;
  hall: Hall;
  id: string;
  listener: ListenerName;
  peer: { address: string; port: number };
  localAddress: string;
  secureContext: SecureContext;
  log: Log;
  onHandshakeFailure(code: string): void;
}): ControlConnection {
  const { connection, engine, hall, raw, log } = parts;
  const { limits } = hall.settings;
  const reader = createLineReader(limits.maxLineBytes);
  const ended = new AbortController();
  const queue: CommandLine[] = [];
  let socket = parts.socket;
  let isRunning = false;
  /** Commands that are answered beside a transfer. */
  let runningNow = 0;
  let isClosing = false;
  let isFirstRead = true;
  let isShuttingDown = false;

  const session: Session = {
    id: parts.id,
    connection,
    hall,
    listener: parts.listener,
    peer: parts.peer,
    localAddress: parts.localAddress,
    log,
    secureContext: parts.secureContext,
    ended: ended.signal,
    tls: socket instanceof TLSSocket ? tlsFactsOf(socket) : null,
    hasBufferSize: parts.listener === 'implicit',
    isDataProtected: parts.listener === 'implicit',
    userName: null,
    failedLogins: 0,
    unknownCommands: 0,
    camera: null,
    directory: '',
    isEpsvOnly: false,
    passive: null,
    transfer: null,
    ownUploads: new Map(),
    ownDirectories: new Set(),
    renameFrom: null,
    transferBegan,
    startTls,
    close,
  };
  rememberSession(session);
  if (session.tls !== null) session.hall.observe(session, { kind: 'secured', ...session.tls });

  const loginDeadline = setTimeout(() => {
    if (session.camera === null) void close(421, 'Log in took too long.');
  }, limits.loginTimeoutMs);
  const idle = setTimeout(() => {
    if (!isRunning && session.transfer === null) void close(421, 'No command for too long.');
  }, limits.idleTimeoutMs);

  const gone = new Promise<void>(resolve => {
    raw.once('close', () => {
      if (!isClosing) session.hall.observe(session, { kind: 'closed', reply: null, text: null });
      clearTimeout(loginDeadline);
      clearTimeout(idle);
      queue.length = 0;
      ended.abort(connectionClosed);
      session.transfer?.abort('disconnected');
      void session.passive?.[Symbol.asyncDispose]();
      resolve();
    });
  });
  connection.reply = createReplies(() => connection.commandSocket, {
    timeoutMs: limits.idleTimeoutMs,
    onUnread: destroy,
  });
  // The engine's own reader would take the bytes apart without limits, and run what it finds side by side.
  socket.removeAllListeners('data');
  socket.on('data', onData);

  function onData(bytes: Uint8Array): void {
    if (isClosing) return;
    const isFirst = isFirstRead;
    isFirstRead = false;
    if (isFirst && session.tls === null && looksLikeTls(bytes)) {
      session.hall.observe(session, { kind: 'not-ftp', isTls: true });
      destroy();
      blame('tls-on-explicit-port');
      return;
    }
    idle.refresh();
    const { lines, tooLong } = reader.push(bytes);
    for (const line of lines) {
      const command = parseCommandLine(line);
      if (command.kind === 'foreign') {
        session.hall.observe(session, { kind: 'not-ftp', isTls: false });
        destroy();
        blame('foreign-protocol');
        return;
      }
      if (session.transfer !== null && command.kind === 'command' && urgentVerbs.has(command.verb))
        void runNow(command);
      else queue.push(command);
    }
    // Replies that a client does not read are commands that wait, too: without this they would fill the memory.
    if (queue.length + runningNow > limits.maxPipelinedCommands) {
      blame('too-many-commands');
      return void close(421, 'Too many commands at once.');
    }
    if (tooLong) blame('line-too-long');
    void pump(tooLong);
  }

  /** A client that has logged in is a camera, with whatever odd firmware. */
  function blame(event: BanEvent): void {
    if (session.camera === null) hall.bans.note(session.peer.address, event);
  }

  async function pump(tooLong = false): Promise<void> {
    if (isRunning && !tooLong) return;
    if (isRunning) {
      await close(500, 'Line too long.');
      return;
    }
    isRunning = true;
    for (let command = queue.shift(); command !== undefined && !isClosing; command = queue.shift()) {
      await run(command);
      if (isShuttingDown) await close(421, 'Server is shutting down.');
    }
    isRunning = false;
    idle.refresh();
    if (tooLong) await close(500, 'Line too long.');
  }

  function transferBegan(): void {
    while (queue[0]?.kind === 'command' && urgentVerbs.has(queue[0].verb))
      void runNow(queue.shift() as CommandLine);
  }

  async function runNow(command: CommandLine): Promise<void> {
    runningNow++;
    await run(command);
    runningNow--;
  }

  async function run(command: CommandLine): Promise<void> {
    try {
      if (command.kind === 'malformed' && command.verb === null) blame('unknown-verb');
      if (command.kind !== 'command')
        throw new RefusedError(command.kind === 'malformed' ? command.code : 500, 'Bad command.');
      const { verb, argument } = command;
      session.hall.observe(session, { kind: 'command', verb, path: pathOf(session, verb, argument) });
      if (!engine.knows(verb)) return await refuseUnknown(verb);
      if (session.tls === null && !plaintextVerbs.has(verb))
        throw new RefusedError(530, 'Use AUTH TLS first.');
      if (verb !== 'RNTO') session.renameFrom = null;
      await engine.dispatch(connection, verb, argument);
    } catch (error) {
      if (isClosing) return;
      if (error instanceof RefusedError && error.code === 421) return await close(421, error.message);
      if (error instanceof RefusedError) {
        const verb = 'verb' in command ? command.verb : null;
        // Why a log-in was refused is told where it is known (login.ts).
        if (verb !== 'PASS' || error.code !== 530) session.hall.observe(session, refusedEvent(verb, error));
        return void (await connection.reply(error.code, error.message));
      }
      log.error({ error: messageOf(error), verb: 'verb' in command ? command.verb : null }, 'command failed');
      await connection.reply(451, 'Local error, try again later.');
    }
  }

  async function refuseUnknown(verb: string): Promise<void> {
    session.unknownCommands++;
    blame('unknown-verb');
    if (isClosing) return;
    const refusal = new RefusedError(502, 'Command not implemented.');
    session.hall.observe(session, refusedEvent(verb, refusal));
    if (session.camera === null && session.unknownCommands >= limits.maxUnknownCommands) {
      return close(421, 'Too many unknown commands.');
    }
    await connection.reply(refusal.code, refusal.message);
  }

  function startTls(): boolean {
    // What was sent before our 234 was not protected; a line of it run later, inside TLS, would be an attacker's
    // (STARTTLS injection, CVE-2011-1575; RFC 4217 4.2). Nothing is read between here and TLSSocket taking over.
    if (queue.length > 0 || reader.pendingBytes() > 0 || raw.readableLength > 0) {
      destroy();
      blame('starttls-injection');
      return false;
    }
    raw.removeListener('data', onData);
    raw.pause();
    raw.write('234 Proceed with negotiation.\r\n');
    socket = startControlTls(raw, {
      secureContext: session.secureContext,
      handshakeTimeoutMs: limits.tlsHandshakeTimeoutMs,
      onFailure: parts.onHandshakeFailure,
      onSecure: secured => {
        session.tls = tlsFactsOf(secured);
        session.hall.observe(session, { kind: 'secured', ...session.tls });
        session.unknownCommands = 0;
        isFirstRead = true;
        secured.on('data', onData);
        idle.refresh();
      },
    });
    connection.commandSocket = socket;
    return true;
  }

  async function close(code?: number, text?: string): Promise<void> {
    if (isClosing) return;
    isClosing = true;
    session.hall.observe(session, { kind: 'closed', reply: code ?? null, text: text ?? null });
    queue.length = 0;
    setTimeout(destroy, lingerMs).unref();
    if (code !== undefined) await connection.reply(code, text ?? 'Closing.');
    socket.end();
    socket.resume();
  }

  function destroy(): void {
    isClosing = true;
    queue.length = 0;
    raw.destroy();
    socket.destroy();
  }

  async function shutDown(): Promise<void> {
    isShuttingDown = true;
    if (!isRunning) await close(421, 'Server is shutting down.');
    await gone;
    // What arrived of an upload that was cut off is still being put away.
    await session.transfer?.done;
  }

  return { session, shutDown, destroy };
}

/** Of all arguments only names are ever told, as the paths that they mean. */
function pathOf(session: Session, verb: string, argument: string | null): string | null {
  if (argument === null || !nameVerbs.has(verb)) return null;
  const resolved = resolveVirtualPath(session.directory, argument);
  return 'path' in resolved ? resolved.path : null;
}
