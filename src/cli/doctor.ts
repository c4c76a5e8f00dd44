// clipward doctor: what is wrong, and what to do about it.

import { accessSync, constants } from 'node:fs';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { openAccountReader } from '../access/open-accounts.ts';
import { systemClock } from '../base/clock.ts';
import { endAtOnce } from '../base/end-at-once.ts';
import { errnoOf, FailedError, messageOf, SettingsError } from '../base/errors.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { openChannels } from '../deliver/open-channels.ts';
import { sendTest } from '../deliver/send-test.ts';
import { hasUnanswered, type Report, runChecks } from '../inspect/check.ts';
import { installationChecks, machineChecks } from '../inspect/doctor.ts';
import type { Settings } from '../settings/settings.ts';
import { machineTimeZone } from './camera-arguments.ts';
import { coloursFor } from './colours.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { openIfThere } from './open-catalogue.ts';
import { readRetentionReport } from './retention.ts';
import { escapeForTerminal } from './table.ts';

/** What cannot be kept is known after as many as a pass deletes at once. */
const enoughEvictions = 4096;

export function registerDoctorCommand(program: Command, desk: Desk): void {
  const doctor = program
    .command('doctor')
    .description('look for what could keep clips from arriving')
    .option('--test-alert', 'send a test through each channel of alerts, and nothing else')
    .action(async (options: { testAlert?: boolean }, command: Command) => {
      const load = () => desk.settings(command);
      const report = options.testAlert ? await tryAlerts(load().alerts) : await examine(load);
      desk.print(desk.wantsJson(command) ? JSON.stringify(report, null, 2) : formatReport(report));
      // All is printed by now.
      if (hasUnanswered(report)) endAtOnce(1);
      if (report.some(({ level }) => level === 'fail')) desk.setExitCode(1);
    });
  withCommonOptions(doctor, { json: true });
}

/** Bad settings are a finding like any other: what does not depend on them is looked at all the same. */
async function examine(loadSettings: () => Settings): Promise<Report> {
  let settings: Settings;
  try {
    settings = loadSettings();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    if (errnoOf(error.cause) === 'EACCES') throw notAllowed('the settings', error);
    return [{ check: 'settings', level: 'fail', text: error.message }, ...(await runChecks(machineChecks()))];
  }
  requireReadable(settings.stateDir);
  using accounts = openAccountReader({ stateDir: settings.stateDir });
  const { catalogue, problem } = tryCatalogue(settings);
  using _closed = catalogue;
  const accountsProblem = problemOf(() => accounts.cameras());
  const report = await runChecks([
    ...machineChecks(),
    ...installationChecks({
      ...{ settings, accounts, clock: systemClock, catalogue },
      readPromises: () => readRetentionReport(settings, enoughEvictions),
    }),
  ]);
  return [
    { check: 'settings', level: 'pass', text: 'the settings are understood' },
    ...(problem === undefined ? [] : [{ check: 'catalogue', level: 'fail' as const, text: problem }]),
    ...(accountsProblem === undefined
      ? []
      : [{ check: 'accounts', level: 'fail' as const, text: accountsProblem }]),
    // Each check that asks for cameras would say it again.
    ...report.filter(({ level, text }) => level !== 'fail' || text !== accountsProblem),
  ];
}

function problemOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** One that cannot be opened is a finding, and what needs it finds nothing. */
function tryCatalogue(settings: Settings): { catalogue?: Catalogue | undefined; problem?: string } {
  try {
    return { catalogue: openIfThere(settings) };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** Of whoever may not look, each check would say that it cannot: one sentence is enough. */
function requireReadable(stateDir: string): void {
  try {
    accessSync(stateDir, constants.R_OK | constants.X_OK);
  } catch (error) {
    if (errnoOf(error) === 'EACCES') throw notAllowed(`the state directory ${stateDir}`, error);
  }
}

function notAllowed(what: string, cause: unknown): FailedError {
  return new FailedError(
    `This user may not read ${what}: run clipward doctor as root, or as the user whom it belongs to.`,
    { cause },
  );
}

async function tryAlerts(alerts: Settings['alerts']): Promise<Report> {
  const teller = {
    from: hostname(),
    timeZone: alerts.timeZone ?? machineTimeZone(),
    now: systemClock.now(),
  };
  const results = await sendTest(openChannels(alerts), teller);
  if (results.length === 0)
    return [
      {
        check: 'alerts',
        level: 'fail',
        text: 'there is no channel for alerts',
        remedy: 'Set alerts.webhook, alerts.email or alerts.command in the settings (docs/alerts.md).',
      },
    ];
  return results.map(({ channel, problem }) => ({
    check: `alert-${channel}`,
    ...(problem === null
      ? { level: 'pass' as const, text: 'the test was taken' }
      : {
          level: 'fail' as const,
          text: problem,
          remedy: `Look at alerts.${channel} in the settings, and at the other side.`,
        }),
  }));
}

function formatReport(report: Report): string {
  const { bad, warning, faint } = coloursFor();
  const paint = { fail: bad, warn: warning, skip: faint, pass: (text: string) => text };
  return report
    .flatMap(({ check, level, text, remedy }) => [
      `${paint[level](level.padEnd(4))}  ${check}: ${escapeForTerminal(text)}`,
      ...(remedy === undefined ? [] : [`      ${escapeForTerminal(remedy)}`]),
    ])
    .join('\n');
}
