// clipward status: what is true right now.

import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { openAccountReader } from '../access/open-accounts.ts';
import { openInbox } from '../archive/inbox.ts';
import { systemClock } from '../base/clock.ts';
import { TransientError } from '../base/errors.ts';
import { canMoveCursor } from '../base/terminal.ts';
import { readCertificates } from '../inspect/certificates.ts';
import { readStatus, type Status } from '../inspect/status.ts';
import type { Settings } from '../settings/settings.ts';
import { machineTimeZone } from './camera-arguments.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { openIfThere } from './open-catalogue.ts';
import { formatStatus } from './status-text.ts';
import { escapeForTerminal } from './table.ts';

export function registerStatusCommand(program: Command, desk: Desk): void {
  const status = program
    .command('status')
    .description('cameras, clips, recording, and whether clipward runs')
    .option('--watch', 'look again every two seconds, until Ctrl-C')
    .action(async (options: { watch?: boolean }, command: Command) => {
      const settings = desk.settings(command);
      const wantsJson = desk.wantsJson(command);
      const format = wantsJson
        ? (facts: Status) => JSON.stringify(facts, null, options.watch ? 0 : 2)
        : formatStatus;
      if (options.watch)
        return watch(settings, {
          show: facts => desk.print(onScreen(format(facts), wantsJson)),
          tell: desk.remark,
        });
      const facts = await look(settings);
      desk.print(format(facts));
      if (isWrong(facts)) desk.setExitCode(1);
    });
  withCommonOptions(status, { json: true });
}

/** Whether the exit code says that something is. What is only warned of is not. */
export function isWrong({ marker, alarms, alerts }: Pick<Status, 'marker' | 'alarms' | 'alerts'>): boolean {
  return marker === 'missing-or-foreign' || alarms.length + alerts.length > 0;
}

const watchIntervalMs = 2000;
/** A look at millions of clips takes a while; so often that the machine does little else it must not be. */
const restTimes = 5;

type Watcher = Readonly<{ show(facts: Status): void; tell(sentence: string): void }>;

async function watch(settings: Settings, { show, tell }: Watcher): Promise<void> {
  const stopped = new AbortController();
  const { signal } = stopped;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stopped.abort());
  while (!signal.aborted) {
    const begunMs = systemClock.monotonicMs();
    try {
      show(await look(settings));
    } catch (error) {
      // Accounts are being made, replaced or brought up to date: the next look finds them.
      if (!(error instanceof TransientError)) throw error;
      tell(escapeForTerminal(error.message));
    }
    const tookMs = systemClock.monotonicMs() - begunMs;
    await delay(Math.max(watchIntervalMs, restTimes * tookMs), undefined, { signal }).catch(() => {});
  }
}

/** On a terminal the new screen takes the place of the old one, cut to what fits: what is wrong stands first. */
function onScreen(text: string, wantsJson: boolean): string {
  const { rows } = process.stdout;
  if (wantsJson) return text;
  if (!canMoveCursor(process.stdout, process.env)) return `${text}\n`;
  const clear = '\u001b[H\u001b[2J';
  return (
    clear +
    text
      .split('\n')
      .slice(0, Math.max(5, rows - 2))
      .join('\n')
  );
}

async function look(settings: Settings): Promise<Status> {
  const { dataDir, stateDir } = settings;
  using catalogue = openIfThere(settings);
  using accounts = openAccountReader({ stateDir });
  return await readStatus({
    dirs: { dataDir, stateDir },
    settings,
    accounts,
    // Only listed; without the archive's id nothing could be removed.
    inbox: openInbox({ dataDir, archiveId: '' }),
    catalogue,
    certificateTroubles: await certificateTroubles(settings),
    clock: systemClock,
    timeZone: machineTimeZone(),
  });
}

async function certificateTroubles({ certsDir, ftps }: Settings): Promise<readonly string[]> {
  const places = { certsDir, outsideDir: ftps.tls.certificateDir };
  const { troubles } = await readCertificates(places, systemClock.now());
  return troubles.map(({ sentence }) => sentence);
}
