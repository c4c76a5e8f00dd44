// What systemd and a daemon say to each other (sd_listen_fds(3), sd_notify(3)): sockets that are open already when the daemon
// starts, and words about how it is. Without systemd nothing is passed and nobody is told.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

type Environment = Readonly<Record<string, string | undefined>>;

const firstPassedDescriptor = 3;
/** Two are passed; a number without a limit would be believed to anybody who sets the environment. */
const maxDescriptors = 64;

/** Descriptors by the name of their socket unit, which may have several. */
export type PassedSockets = ReadonlyMap<string, readonly number[]>;

/** The listening sockets that were passed to this process. None for a child that merely inherited the environment. */
export function passedSockets(environment: Environment, pid: number): PassedSockets {
  const { LISTEN_PID, LISTEN_FDS = '', LISTEN_FDNAMES = '' } = environment;
  const count = Number(LISTEN_FDS);
  if (LISTEN_PID !== String(pid) || !/^\d+$/.test(LISTEN_FDS) || count > maxDescriptors) return new Map();
  const sockets = new Map<string, number[]>();
  for (const [index, name] of LISTEN_FDNAMES.split(':').slice(0, count).entries())
    sockets.set(name, [...(sockets.get(name) ?? []), firstPassedDescriptor + index]);
  return sockets;
}

export type ServiceManager = Readonly<{
  /** How often it wants to hear `WATCHDOG=1`, or undefined. */
  watchdogMs: number | undefined;
  /** Assignments as in sd_notify(3), `READY=1` for one. Rejects when they could not be delivered. */
  notify(...assignments: readonly string[]): Promise<void>;
}>;

/** A call takes some milliseconds; one that hangs must not hold up what follows. */
const notifyTimeoutMs = 10_000;

/**
 * The service manager that started this process, or undefined. Node has no Unix datagrams, so its own program carries what
 * is said, which a unit allows with NotifyAccess=all.
 */
export function findServiceManager(environment: Environment, pid: number): ServiceManager | undefined {
  const { NOTIFY_SOCKET, WATCHDOG_USEC = '', WATCHDOG_PID } = environment;
  if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === '') return undefined;
  const isForUs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(pid);
  return {
    watchdogMs: isForUs && /^[1-9]\d*$/.test(WATCHDOG_USEC) ? Number(WATCHDOG_USEC) / 1000 : undefined,
    async notify(...assignments) {
      await promisify(execFile)('systemd-notify', assignments, {
        env: { PATH: '/usr/bin:/bin', NOTIFY_SOCKET },
        timeout: notifyTimeoutMs,
        killSignal: 'SIGKILL',
      });
    },
  };
}
