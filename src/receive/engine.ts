// ftp-srv as our engine: its sessions and its table of commands; the gate that asks for a log-in is here, replies are written
// by replies.ts. What it must not do (docs/security.md, "Why ftp-srv is wrapped") is taken out of its hands here: it never
// listens, never reads or writes a socket, never opens a file, never handles a signal. No other file knows that ftp-srv
// exists, except for the types of a connection.

import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { type FtpCommand, type FtpConnection, type FtpLog, FtpSrv } from 'ftp-srv';
import registry from 'ftp-srv/src/commands/registry.js';
import messages from 'ftp-srv/src/messages.js';
import type { Log } from '../base/log.ts';

export type { FtpConnection } from 'ftp-srv';

/** The version whose inside was read and measured; another one may differ in what is replaced here. */
const knownVersion = '4.6.3';

/** Commands of ftp-srv that are kept as they are: they change nothing outside the session, and answer fixed texts. */
const keptCommands = ['CDUP', 'XCUP', 'PWD', 'XPWD', 'TYPE', 'SYST', 'NOOP', 'STRU', 'MODE'];

export type CommandHandler = (connection: FtpConnection, argument: string | null) => Promise<unknown>;

/** A command of ours; `beforeLogin` lets it through the gate that otherwise answers `530`. */
export type CommandEntry = Readonly<{ handler: CommandHandler; beforeLogin?: boolean }>;

export type Engine = Readonly<{
  /**
   * Hands a connected socket over: a session is made, `onConnect` runs before anything is sent or read, then `220` is
   * sent and the socket flows.
   */
  accept(socket: Socket): void;
  knows(verb: string): boolean;
  /** Runs one command; rejects when its handler does. */
  dispatch(connection: FtpConnection, verb: string, argument: string | null): Promise<unknown>;
}>;

/**
 * Starts the engine with our command table. The table is one object for the whole process, so handlers must find what
 * they need through the connection. Throws when the installed ftp-srv is not the one that this wrapper was written for.
 */
export function createEngine(parts: {
  commands: Readonly<Record<string, CommandEntry>>;
  onConnect(connection: FtpConnection): void;
  workingDirectory(connection: FtpConnection): { get(): string; change(path: string): string };
  log: Log;
}): Engine {
  assertKnownVersion();
  const signals = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
  const before = signals.map(signal => process.listeners(signal));
  const quiet = quietLog(parts.log);
  const server = new FtpSrv({
    log: quiet,
    url: 'ftp://127.0.0.1:0',
    timeout: 0,
    anonymous: false,
  });
  for (const [index, signal] of signals.entries()) {
    for (const listener of process.listeners(signal)) {
      if (!before[index]?.includes(listener)) process.removeListener(signal, listener);
    }
  }
  server.on('connect', ({ connection }) => {
    // Its own list is for a shutdown that is not its task; for who leaves it, it sets a timer and makes an error.
    delete server.connections[connection.id];
    // Who logs in was decided by our PASS before it calls this.
    connection.login = async () => {
      const directory = parts.workingDirectory(connection);
      connection.authenticated = true;
      connection.fs = {
        currentDirectory: () => `/${directory.get()}`,
        chdir: path => `/${directory.change(path)}`,
      };
    };
    parts.onConnect(connection);
  });
  replaceCommands(parts.commands);
  return {
    accept: socket => void server.server.emit('connection', socket),
    knows: verb => Object.hasOwn(registry, verb),
    dispatch: async (connection, verb, argument) => {
      const entry = registry[verb];
      if (entry === undefined) throw new Error(`a command that is not in the table was to be run: ${verb}`);
      // As its own `handle` does, which copies each command, the password of PASS included, and waits for timers in between.
      if (entry.flags?.no_auth !== true && connection.authenticated !== true)
        return connection.reply(530, `Command requires authentication: ${verb}`);
      const command: FtpCommand = { directive: verb, arg: argument, flags: [], raw: '' };
      return entry.handler.call(connection, { command, log: quiet });
    },
  };
}

function assertKnownVersion(): void {
  const require = createRequire(import.meta.url);
  const { version } = require('ftp-srv/package.json') as { version: string };
  const missing = keptCommands.filter(verb => typeof registry[verb]?.handler !== 'function');
  if (version !== knownVersion || (missing.length > 0 && !replaced)) {
    throw new Error(
      `ftp-srv ${version} is installed, ${knownVersion} was expected (missing: ${missing.join(' ')})`,
    );
  }
}

/** What the engine's own commands answer where they say no more than a code. */
export function defaultReplyText(code: number): string {
  return messages[code] ?? 'No information';
}

let replaced = false;

/** The table is one object for the whole process, so it is changed once, and for every engine alike. */
function replaceCommands(commands: Readonly<Record<string, CommandEntry>>): void {
  for (const verb of Object.keys(registry)) {
    if (!keptCommands.includes(verb)) delete registry[verb];
  }
  for (const [verb, { handler, beforeLogin = false }] of Object.entries(commands)) {
    registry[verb] = {
      directive: verb,
      handler(call) {
        return handler(this, call.command.arg);
      },
      flags: { no_auth: beforeLogin },
    };
  }
  replaced = true;
}

/** ftp-srv logs whole commands, replies and sockets: of its lines only the level and the fact that there was one are kept. */
function quietLog(log: Log): FtpLog {
  const note = () => log.debug('ftp engine reported an error');
  const nothing = () => {};
  const quiet: FtpLog = {
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: note,
    error: note,
    fatal: note,
    child: () => quiet,
  };
  return quiet;
}
