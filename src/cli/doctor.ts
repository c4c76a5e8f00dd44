// clipward doctor: what is wrong, and what to do about it.

import { hostname } from 'node:os';
import type { Command } from 'commander';
import { openAccountReader } from '../access/open-accounts.ts';
import { systemClock } from '../base/clock.ts';
import { SettingsError } from '../base/errors.ts';
import { openChannels } from '../deliver/open-channels.ts';
import { sendTest } from '../deliver/send-test.ts';
import { type Report, runChecks } from '../inspect/check.ts';
import { installationChecks, machineChecks } from '../inspect/doctor.ts';
import type { Settings } from '../settings/settings.ts';
import { machineTimeZone } from './camera-arguments.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { openIfThere } from './open-catalogue.ts';
import { escapeForTerminal } from './table.ts';

export function registerDoctorCommand(program: Command, desk: Desk): void {
  const doctor = program
    .command('doctor')
    .description('look for what could keep clips from arriving')
    .option('--test-alert', 'send a test through each channel of alerts, and nothing else')
    .action(async (options: { testAlert?: boolean }, command: Command) => {
      const load = () => desk.settings(command);
      const report = options.testAlert ? await tryAlerts(load().alerts) : await examine(load);
      desk.print(desk.wantsJson(command) ? JSON.stringify(report, null, 2) : formatReport(report));
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
    return [{ check: 'settings', level: 'fail', text: error.message }, ...(await runChecks(machineChecks()))];
  }
  using accounts = openAccountReader({ stateDir: settings.stateDir });
  using catalogue = openIfThere(settings);
  return [
    { check: 'settings', level: 'pass', text: 'the settings are understood' },
    ...(await runChecks([
      ...machineChecks(),
      ...installationChecks({ settings, accounts, clock: systemClock, catalogue }),
    ])),
  ];
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
  return report
    .flatMap(({ check, level, text, remedy }) => [
      `${level.padEnd(4)}  ${check}: ${escapeForTerminal(text)}`,
      ...(remedy === undefined ? [] : [`      ${escapeForTerminal(remedy)}`]),
    ])
    .join('\n');
}
