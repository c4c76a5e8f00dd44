// clipward serve: the daemon, in the foreground, until it is told to stop.

import type { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { type Log, openLog } from '../base/log.ts';
import type { Service } from '../service.ts';
import type { Settings } from '../settings/settings.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';

/** One Ctrl-C arrives up to three times: from the terminal, from npm, and from the launcher between them. */
const oneWishMs = 1000;

export function registerServeCommand(program: Command, desk: Desk): void {
  const serve = program
    .command('serve')
    .description('run the daemon: receive, file, keep')
    .action(async (_options: unknown, command: Command) => {
      const settings = desk.settings(command);
      const log = openLog({ level: settings.log.level });
      await serveUntilStopped(settings, log, desk);
    });
  withCommonOptions(serve, { json: false });
}

async function serveUntilStopped(settings: Settings, log: Log, desk: Desk): Promise<void> {
  endOnBugs(log);
  const stopped = firstSignal(log);
  // Loaded here, so that the other commands do not wait for the libraries of a daemon.
  const { startService } = await import('../service.ts');
  await using service = await startService({ settings, log, clock: systemClock });
  for (const line of firstSteps(settings, service)) desk.print(line);
  const signal = await Promise.race([stopped, service.failed]);
  log.info({ signal }, 'stopping');
  await service.stop();
  log.info('stopped');
}

/** What a newcomer does next; everybody else gets one line. */
function firstSteps(settings: Settings, service: Service): string[] {
  const where = service.addresses.map(({ name, port }) => `${name} FTPS on port ${port}`).join(', ');
  const lines = [`Clipward takes ${where}. Clips are kept in ${settings.dataDir}.`];
  if (service.cameraCount() > 0) return lines;
  return [
    ...lines,
    '',
    'There is no camera yet. In another terminal, with the address of your camera:',
    '  npm run clipward -- camera add front-door --allow 192.168.1.20',
    'It prints what to type into the camera. Then: npm run clipward -- clip list',
    '',
  ];
}

/**
 * Under npm or a launcher, Ctrl-C arrives twice: from the terminal, which signals all of them, and handed on by the parent.
 * A person is slower than this.
 */
const echoWindowMs = 300;

/** Resolves with the first signal; the second ends the process at once. */
function firstSignal(log: Log): Promise<NodeJS.Signals> {
  const mayEcho = Boolean(process.env.CLIPWARD_LAUNCHED || process.env.npm_lifecycle_event);
  return new Promise(resolve => {
    let firstAt: number | undefined;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        const at = systemClock.monotonicMs();
        if (firstAt === undefined) {
          firstAt = at;
          resolve(signal);
        } else if (!mayEcho || at - firstAt > echoWindowMs) {
          log.warn({ signal }, 'second signal, ending at once');
          process.exit(signal === 'SIGTERM' ? 143 : 130);
        }
      });
    }
  });
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
