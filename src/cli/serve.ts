// clipward serve: the daemon, in the foreground, until it is told to stop.

import type { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { endAtOnce } from '../base/end-at-once.ts';
import { messageOf, UsageError } from '../base/errors.ts';
import { type Log, openLog } from '../base/log.ts';
import { findServiceManager, passedSockets } from '../base/service-manager.ts';
import { type Role, roles } from '../inspect/daemon.ts';
import type { Service } from '../service.ts';
import { projectRoot } from '../settings/load-settings.ts';
import type { Settings } from '../settings/settings.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';

/** Under npm or a launcher one Ctrl-C arrives up to three times: from the terminal, from npm, from the launcher. */
const oneWishMs = 500;
/** What a role may take to end; running uploads have their own time before that. */
const defaultStopTimeoutMs = 25_000;
/** Of what is closed already: what a call that never returns may take. */
const lastWaitMs = 2000;

export function registerServeCommand(
  program: Command,
  desk: Desk,
  stopTimeoutMs = defaultStopTimeoutMs,
): void {
  const serve = program
    .command('serve')
    .description('run the daemon: receive, file, keep')
    .option('--only <role>', 'play one role, under a user of its own: receive, archive or outbound')
    .action(async (options: { only?: string }, command: Command) => {
      const only = parseRole(options.only);
      const settings = desk.settings(command);
      const log = openLog({ level: settings.log.level });
      await serveUntilStopped(settings, { log, desk, only, stopTimeoutMs });
    });
  withCommonOptions(serve, { json: false });
}

function parseRole(text: string | undefined): Role | undefined {
  const role = roles.find(each => each === text);
  if (text === undefined || role !== undefined) return role;
  throw new UsageError(`serve --only takes ${roles.join(' or ')}, not ${JSON.stringify(text)}.`);
}

async function serveUntilStopped(
  settings: Settings,
  parts: { log: Log; desk: Desk; only: Role | undefined; stopTimeoutMs: number },
): Promise<void> {
  const { log, desk, only, stopTimeoutMs } = parts;
  const endOnBug = installBugHandler(log);
  warnOfProgramDirectory(settings, log);
  const stopped = firstSignal(log);
  // Loaded here, so that the other commands do not wait for the libraries of a daemon.
  const { startService } = await import('../service.ts');
  const { superviseService } = await import('../supervise.ts');
  const sockets = passedSockets(process.env, process.pid);
  const manager = findServiceManager(process.env, process.pid);
  await using service = await startService({
    settings,
    log,
    clock: systemClock,
    only,
    sockets,
    stopTimeoutMs,
  });
  service.failed.catch(endOnBug);
  const supervision = await superviseService({ manager, service, log });
  if (only === undefined || only === 'receive') {
    const command = manager === undefined ? 'npm run clipward --' : 'sudo clipward';
    tellFirstSteps({ settings, service, log, desk, command });
  }
  const signal = await stopped;
  log.info({ signal }, 'stopping');
  const graceMs = only === undefined || only === 'receive' ? settings.ftps.limits.shutdownGraceMs : 0;
  // In one process, archive and outbound come one after the other, each with its own time (role-thread.ts).
  endAnyway(log, graceMs + stopTimeoutMs * (only === undefined ? 3 : 1));
  await supervision.stopping();
  await service.stop();
  log.info('stopped');
  endAnyway(log, lastWaitMs);
}

/** A disk that does not answer must not keep the program from ending: what is not filed is filed after the next start. */
function endAnyway(log: Log, afterMs: number): void {
  setTimeout(() => {
    log.warn({ seconds: afterMs / 1000 }, 'stopping takes too long, ending at once');
    endAtOnce(0);
  }, afterMs).unref();
}

/** What a clone of the program holds goes with it when it is removed, or replaced by the next release. */
function warnOfProgramDirectory(settings: Settings, log: Log): void {
  const { dataDir, stateDir, certsDir } = settings;
  const inside = Object.entries({ dataDir, stateDir, certsDir }).filter(([, path]) =>
    path.startsWith(projectRoot),
  );
  if (inside.length > 0)
    log.warn(
      { directory: projectRoot, settings: inside.map(([key]) => key) },
      'archive lies in the directory of the program',
    );
}

const addCamera = 'camera add front-door --allow 192.168.1.20';

/** What a newcomer does next; once there is a camera, one line. A reader of the log gets it as a log line. */
function tellFirstSteps(parts: {
  settings: Settings;
  service: Service;
  log: Log;
  desk: Desk;
  /** How a command is typed where this runs. */
  command: string;
}): void {
  const { settings, service, log, desk, command } = parts;
  const hasCamera = service.cameraCount() > 0;
  if (!process.stdout.isTTY) {
    if (!hasCamera) log.info({ next: `${command} ${addCamera}` }, 'no camera yet');
    return;
  }
  const where = service.addresses.map(({ name, port }) => `${name} FTPS on port ${port}`).join(', ');
  desk.print(`Clipward takes ${where}. Clips are kept in ${settings.dataDir}.`);
  if (hasCamera) return;
  desk.print(`
There is no camera yet. In another terminal, with the address of your camera:
  ${command} ${addCamera}
It prints what to type into the camera. Then: ${command} clip list
`);
}

/** Resolves with the first signal; the second ends the process at once. */
function firstSignal(log: Log): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    let first: { signal: NodeJS.Signals; at: number } | undefined;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        const at = systemClock.monotonicMs();
        if (first === undefined) {
          first = { signal, at };
          resolve(signal);
        } else if (signal !== first.signal || !hasParentThatRepeats() || at - first.at > oneWishMs) {
          log.warn({ signal }, 'second signal, ending at once');
          endAtOnce(signal === 'SIGTERM' ? 143 : 130);
        }
      });
    }
  });
}

/** scripts/lib/run.mjs, or npm itself when it runs the launcher (in other npm scripts, nobody hands signals on to a daemon). */
function hasParentThatRepeats(): boolean {
  const { CLIPWARD_LAUNCHED, npm_lifecycle_event } = process.env;
  return Boolean(CLIPWARD_LAUNCHED) || npm_lifecycle_event === 'clipward' || npm_lifecycle_event === 'start';
}

/** What nobody handles is a bug: the process ends, and the supervisor starts a fresh one from what is on disk. */
function installBugHandler(log: Log): (error: unknown) => never {
  const end = (error: unknown): never => {
    log.fatal(
      { error: messageOf(error), stack: error instanceof Error ? error.stack : undefined },
      'unexpected error',
    );
    process.exit(1);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
  return end;
}
