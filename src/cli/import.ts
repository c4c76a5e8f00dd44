// clipward import: takes over what another server received.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { FailedError, messageOf } from '../base/errors.ts';
import { counted } from '../domain/counted.ts';
import { formatInstant } from '../domain/time-zone.ts';
import { type ImportReport, importTree } from '../ingest/import-tree.ts';
import { parseCameraName } from './camera-arguments.ts';
import type { Desk } from './desk.ts';
import { programVersion, withCommonOptions } from './frame.ts';
import { formatImportSummary, type ImportSummary, openTally } from './import-summary.ts';
import type { OpenedImport } from './open-import.ts';
import { openProgressLine } from './progress-line.ts';
import { escapeForTerminal, formatBytes, formatTable } from './table.ts';

/** Under npm or a launcher one Ctrl-C arrives up to three times. */
const oneWishMs = 500;

export function registerImportCommand(program: Command, desk: Desk): void {
  const command = program
    .command('import')
    .argument('<directory>', 'the tree to take over; it is only read')
    .requiredOption('--camera <name>', 'the camera that its files are from')
    .option('--dry-run', 'only show what would be filed, and when it would have been taken')
    .description('take over the files that another server received, such as vsftpd')
    .action(async (directory: string, options: { camera: string; dryRun?: boolean }, command: Command) => {
      const camera = parseCameraName(options.camera);
      const dryRun = options.dryRun === true;
      const settings = desk.settings(command);
      const version = programVersion(command);
      const task = { directory: resolve(directory), camera, dryRun, version };
      // Loaded here, so that the other commands do not wait for the libraries of an archive.
      const { openImport } = await import('./open-import.ts');
      await using opened = await openImport(settings, task);
      await runImport(desk, opened, { camera, dryRun, wantsJson: desk.wantsJson(command) });
    });
  withCommonOptions(command, { json: true });
}

type Task = Readonly<{ camera: string; dryRun: boolean; wantsJson: boolean }>;

async function runImport(desk: Desk, opened: OpenedImport, task: Task): Promise<void> {
  const { camera, dryRun, wantsJson } = task;
  const { directory } = opened.tree;
  using wish = listenForEnd();
  const tally = openTally();
  const list = dryRun ? openFileList(desk, opened, wantsJson) : undefined;
  const startedAtMs = systemClock.monotonicMs();
  let failure: unknown;
  {
    using line = openProgressLine();
    try {
      for await (const report of importTree(opened.tree, opened.work, { signal: wish.signal })) {
        tally.add(report);
        list?.add(report);
        line.show(() => progressText(tally, report, systemClock.monotonicMs() - startedAtMs));
      }
    } catch (error) {
      failure = wish.signal.aborted ? interrupted() : error;
    }
  }
  const stopped = failure === undefined ? null : messageOf(failure);
  const summary: ImportSummary = { camera, directory, dryRun, ...tally.summary(), stopped };
  if (list) list.end(summary);
  else desk.print(wantsJson ? JSON.stringify(summary, null, 2) : formatImportSummary(summary));
  if (summary.notImported.count > 0) desk.setExitCode(1);
  if (failure instanceof FailedError)
    throw new FailedError(escapeForTerminal(failure.message), { cause: failure });
  if (failure !== undefined) throw failure;
}

function interrupted(): FailedError {
  return new FailedError(
    'The import was interrupted: run the same command again, it goes on where it stopped.',
  );
}

/** The first wish ends it in order, the second at once; either way, running it again goes on. */
function listenForEnd(): Disposable & Readonly<{ signal: AbortSignal }> {
  const ending = new AbortController();
  let firstAtMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const atMs = systemClock.monotonicMs();
    firstAtMs ??= atMs;
    if (atMs - firstAtMs > oneWishMs) process.exit(signal === 'SIGTERM' ? 143 : 130);
    ending.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    signal: ending.signal,
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

function progressText(
  tally: ReturnType<typeof openTally>,
  { path }: ImportReport,
  elapsedMs: number,
): string {
  const { filedBytes } = tally.summary();
  const rate = elapsedMs > 0 ? (filedBytes * 1000) / elapsedMs : 0;
  return `${counted(tally.filesSeen(), 'file')}, ${formatBytes(filedBytes)}, ${formatBytes(rate)}/s  ${path}`;
}

const rowsPerTable = 1000;
const columns = [
  'WOULD BE',
  'START',
  'FROM',
  'KIND',
  'COMPLETE',
  { title: 'SIZE', right: true },
  'NAME',
] as const;

/** What a dry run shows of each file, as it goes: a tree may hold more than memory does. */
function openFileList(desk: Desk, { cameraTime }: OpenedImport, wantsJson: boolean) {
  const at = (epochMs: number | undefined) =>
    epochMs === undefined ? null : formatInstant(epochMs, cameraTime.timeZone);
  let pending: string | undefined;
  let rows: string[][] = [];
  const flush = () => {
    if (rows.length > 0) desk.print(formatTable(columns, rows));
    rows = [];
  };
  if (wantsJson) desk.print('{ "files": [');
  return {
    add(report: ImportReport) {
      if ('why' in report) return;
      const { path, outcome, bytes, completeness, time } = report;
      const startAt = at(time?.startAt);
      const { kind = null, timeSource = null } = time ?? {};
      if (wantsJson) {
        if (pending !== undefined) desk.print(`  ${pending},`);
        pending = JSON.stringify({ path, outcome, bytes, completeness, kind, startAt, timeSource });
        return;
      }
      const start = startAt?.replace('T', ' ').replace(/\.\d+/, ' ') ?? '';
      rows.push([outcome, start, timeSource ?? '', kind ?? '', completeness ?? '', formatBytes(bytes), path]);
      if (rows.length === rowsPerTable) flush();
    },
    end(summary: ImportSummary) {
      if (wantsJson) {
        if (pending !== undefined) desk.print(`  ${pending}`);
        desk.print(`],${JSON.stringify(summary).slice(1)}`);
        return;
      }
      flush();
      desk.print(`\n${formatImportSummary(summary)}`);
    },
  };
}
