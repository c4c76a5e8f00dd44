// clipward check: whether files and rows are as they should be, and with --repair the mending of what can be mended safely.

import type { Command } from 'commander';
import { openAccountReader } from '../access/open-accounts.ts';
import { systemClock } from '../base/clock.ts';
import { UsageError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { counted } from '../domain/counted.ts';
import type { Summary, Told } from '../inspect/check-archive.ts';
import { machineTimeZone } from './camera-arguments.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { openProgressLine, type ProgressLine } from './progress-line.ts';
import { escapeForTerminal } from './table.ts';

type CheckArguments = { repair?: boolean; dropMost?: boolean };

export function registerCheckCommand(program: Command, desk: Desk): void {
  const check = program
    .command('check')
    .description('compare the files of the archive with the catalogue')
    .option('--repair', 'mend what can be mended without losing anything (docs/check.md)')
    .option('--drop-most', 'with --repair: take rows out also where most files of a camera are missing')
    .action(async ({ repair = false, dropMost = false }: CheckArguments, command: Command) => {
      if (dropMost && !repair)
        throw new UsageError('--drop-most goes with --repair: without it, no row is taken out.');
      const { dataDir, stateDir, events } = desk.settings(command);
      using accounts = openAccountReader({ stateDir });
      using line = openProgressLine();
      const report = clearing(line, desk.wantsJson(command) ? jsonReport(desk) : textReport(desk));
      // Loaded here, so that the receiver's process has no decoder in it.
      const { runCheck } = await import('../inspect/run-check.ts');
      const summary = await runCheck(
        {
          ...{ dataDir, stateDir, accounts, clock: systemClock, log: silentLog() },
          timeZone: machineTimeZone(),
          eventGapMs: events.gapMs,
        },
        {
          ...{ repair, dropMost, tell: report.tell },
          onProgress: rows => line.show(() => `${counted(rows, 'file')} compared`),
        },
      );
      report.end(summary);
      if ((summary?.violations ?? 0) > 0) desk.setExitCode(1);
    });
  withCommonOptions(check, { json: true });
}

type CheckReport = Readonly<{ tell(told: Told): void; end(summary: Summary | undefined): void }>;

/** Findings stand on lines of their own, above what is going on. */
function clearing(line: ProgressLine, report: CheckReport): CheckReport {
  return {
    tell(told) {
      line.clear();
      report.tell(told);
    },
    end(summary) {
      line.clear();
      report.end(summary);
    },
  };
}

/** Of each code, so that a lost disk does not scroll everything else away; what was repaired is always shown. */
const shownPerCode = 20;

function textReport(desk: Desk): CheckReport {
  const counts = new Map<string, number>();
  return {
    tell(told) {
      const { code, level, outcome, did, text, remedy } = told;
      const count = (counts.get(code) ?? 0) + 1;
      counts.set(code, count);
      if (outcome !== 'repaired' && count > shownPerCode) return;
      const subject = subjectOf(told);
      const lines = [
        `${level === 'remark' ? 'remark: ' : ''}${code}${subject === '' ? '' : `  ${subject}`}`,
        `    ${text}`,
      ];
      if (outcome === 'found') lines.push(`    ${remedy}`);
      else lines.push(`    ${outcome === 'repaired' ? 'Repaired' : 'Not repaired'}: ${did}`);
      desk.print(lines.map(escapeForTerminal).join('\n'));
    },
    end(summary) {
      if (summary === undefined)
        return desk.remark('There is no archive yet: it is made at the first start.');
      for (const [code, count] of counts)
        if (count > shownPerCode) desk.print(`${code}: ${count} in all, --json lists every one`);
      desk.print(sentenceOf(summary));
    },
  };
}

function subjectOf({ path, camera, id }: Told): string {
  return path ?? [camera, id].filter(each => each !== null).join(' ');
}

function sentenceOf({ clips, segments, unknown, violations, remarks, repaired }: Summary): string {
  return [
    segments === 0
      ? `${counted(clips, 'clip')} checked`
      : `${counted(clips, 'clip')} and ${counted(segments, 'segment')} of footage checked`,
    violations === 0 ? 'all is well' : counted(violations, 'violation'),
    ...(unknown === 0 ? [] : [`${unknown} in directories that cannot be read`]),
    ...(remarks === 0 ? [] : [counted(remarks, 'remark')]),
    ...(repaired === 0 ? [] : [`${repaired} repaired`]),
  ].join(', ');
}

/** A finding a line, as they are found, so that a million of them need no memory. */
function jsonReport(desk: Desk): CheckReport {
  let pending: string | undefined;
  desk.print('{\n  "findings": [');
  return {
    tell({ code, level, camera, id, path, text, remedy, repairable, outcome, did }) {
      if (pending !== undefined) desk.print(`    ${pending},`);
      pending = JSON.stringify({ code, level, camera, id, path, text, remedy, repairable, outcome, did });
    },
    end(summary) {
      if (pending !== undefined) desk.print(`    ${pending}`);
      const { clips, segments, unknown, violations, remarks, repaired } = summary ?? nothingYet;
      const counts = Object.entries({ clips, segments, unknown, violations, remarks, repaired });
      const facts = counts.map(([name, value]) => `  "${name}": ${value}`).join(',\n');
      desk.print(`  ],\n${facts}\n}`);
    },
  };
}

const nothingYet: Summary = { clips: 0, segments: 0, unknown: 0, violations: 0, remarks: 0, repaired: 0 };
