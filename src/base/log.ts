// Log lines are JSON from pino, and readable text on a terminal. The message is constant, facts are fields with
// units. Secrets are never put into an object that is logged; redaction is the second line of defence.

import { createRequire } from 'node:module';
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import type { PrettyOptions } from 'pino-pretty';
import { canColour } from './terminal.ts';

export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'isLevelEnabled'> & {
  child(bindings: Record<string, unknown>): Log;
};

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Field names whose values are replaced wherever a library might hand them to a log line. */
const secretFields = [
  'password',
  'pass',
  'passphrase',
  'secret',
  'key',
  'privateKey',
  'pfx',
  'hash',
  'passwordHash',
];

/**
 * Opens the log on standard output (or on `stream`). Writes are synchronous, so that the last words before a crash
 * are there.
 */
export function openLog(options: { level: LogLevel; stream?: DestinationStream; pretty?: boolean }): Log {
  const readable = options.pretty ?? (options.stream === undefined && process.stdout.isTTY === true);
  const plain = options.stream ?? destination({ fd: 1, sync: true });
  const stream = readable
    ? prettyStream({
        colorize: canColour(process.stdout, process.env),
        ignore: 'pid,hostname',
        sync: true,
        translateTime: 'SYS:HH:MM:ss',
      })
    : plain;
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secretFields.flatMap(name => [name, `*.${name}`]), censor: '[redacted]' },
    },
    stream,
  );
}

/** Loaded for terminals only: a daemon's log goes to another program. */
function prettyStream(options: PrettyOptions): DestinationStream {
  return (createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty'))(options);
}

/** A log that goes nowhere, for commands that print facts and for tests. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
