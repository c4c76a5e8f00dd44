// clipward backup: a copy of the whole archive, while the daemon runs.

import type { Command } from 'commander';
import { isDiskFull } from '../archive/ballast.ts';
import { systemClock } from '../base/clock.ts';
import { FailedError } from '../base/errors.ts';
import { counted } from '../domain/counted.ts';
import type { BackupProgress } from '../inspect/backup/backup.ts';
import type { BackupReport } from '../inspect/backup/run-backup.ts';
import type { Desk } from './desk.ts';
import { programVersion, withCommonOptions } from './frame.ts';
import { openProgressLine } from './progress-line.ts';
import { escapeForTerminal, formatBytes, formatFacts } from './table.ts';

export function registerBackupCommand(program: Command, desk: Desk): void {
  const backup = program
    .command('backup')
    .description('copy the whole archive to a new directory, also while the daemon runs')
    .requiredOption('--out <directory>', 'a new directory, best on another disk')
    .option('--resume', 'go on with a backup that was interrupted')
    .action(async ({ out, resume = false }: { out: string; resume?: boolean }, command: Command) => {
      const settings = desk.settings(command);
      const { file, dataDir, stateDir, certsDir, ftps } = settings;
      const { maxUploadBytes } = ftps.limits;
      // Loaded here, so that the other commands do not wait for it.
      const { backupFacts, runBackup } = await import('../inspect/backup/run-backup.ts');
      const report = await orExplained(out, async signal => {
        using line = openProgressLine();
        return await runBackup(
          { file, dataDir, stateDir, certsDir, maxUploadBytes, clock: systemClock },
          {
            ...{ out, resume, signal, version: programVersion(command) },
            onProgress: progress => line.show(() => textOf(progress)),
          },
        );
      });
      const facts = backupFacts(report);
      desk.print(desk.wantsJson(command) ? JSON.stringify(facts, null, 2) : formatReport(report));
      if (report.findings.length > 0) desk.setExitCode(1);
    });
  withCommonOptions(backup, { json: true });
}

/** Tells in a sentence what an interruption or a full disk has left behind. */
async function orExplained<T>(out: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  try {
    return await work(interrupted.signal);
  } catch (error) {
    if (isDiskFull(error))
      throw new FailedError(
        `The disk of ${out} is full, and the backup is not complete: make room there and go on by the same command with --resume, or remove the directory.`,
        { cause: error },
      );
    if (!interrupted.signal.aborted) throw error;
    throw new FailedError(
      `The backup was interrupted and ${out} is not complete: the same command with --resume goes on, or remove the directory.`,
      { cause: error },
    );
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
  }
}

function textOf({ files, ofFiles, bytes, ofBytes }: BackupProgress): string {
  return `media: ${formatBytes(bytes)} of ${formatBytes(ofBytes)}, ${files} of ${counted(ofFiles, 'file')}`;
}

function formatReport(report: BackupReport): string {
  const { directory, clips, segments, waiting, quarantined, tally, findings, head } = report;
  const lines = findings.flatMap(({ path, text }) => [escapeForTerminal(path), `    ${text}`]);
  const facts = formatFacts([
    ['backup', `${directory}, complete`],
    [
      'media',
      `${counted(clips, 'clip')}, ${counted(segments, 'segment')} of footage, ${formatBytes(tally.bytes)}`,
    ],
    ...(waiting === 0 ? [] : ([['waiting', `${counted(waiting, 'upload')} not filed yet`]] as const)),
    ...(quarantined === 0 ? [] : ([['quarantine', counted(quarantined, 'case')]] as const)),
    ...(tally.sharedBytes === 0
      ? []
      : ([
          ['shared', `${formatBytes(tally.sharedBytes)} with the archive on the same disk, not read`],
        ] as const)),
    ['head', head ?? 'none yet'],
    ...(findings.length === 0 ? [] : ([['findings', `${findings.length}, see above`]] as const)),
  ]);
  return [...lines, ...(lines.length === 0 ? [] : ['']), facts].join('\n');
}
