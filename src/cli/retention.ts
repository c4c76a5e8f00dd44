// clipward retention: what would be deleted, for how long what arrives is kept, and deleting now.

import type { Command } from 'commander';
import { openAccountReader } from '../access/open-accounts.ts';
import { readSigningKey } from '../access/signing-key.ts';
import { readArchiveId } from '../archive/marker.ts';
import { measureWaiting } from '../archive/waiting-bytes.ts';
import { systemClock } from '../base/clock.ts';
import { FailedError } from '../base/errors.ts';
import { catalogueFile, openCatalogue } from '../catalogue/catalogue.ts';
import { counted } from '../domain/counted.ts';
import { clockJump } from '../domain/retention-plan.ts';
import { unmetSentence } from '../domain/retention-sentence.ts';
import { spaceOf } from '../inspect/checks/free-disk.ts';
import { type RetentionReport, retentionReport } from '../inspect/retention-report.ts';
import { askPlan } from '../retain/ask-plan.ts';
import { openRetention } from '../retain/open-retention.ts';
import { type Deleted, type RetentionParts, runRetention } from '../retain/run-retention.ts';
import type { Settings } from '../settings/settings.ts';
import { machineTimeZone } from './camera-arguments.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { isThere, openIfThere } from './open-catalogue.ts';
import { openProgressLine } from './progress-line.ts';
import { daysOfRoom } from './status-text.ts';
import { escapeForTerminal, formatBytes, formatFacts, formatTable } from './table.ts';

/** More than anybody looks at, and little enough to be held in memory. */
const maxEvictions = 250_000;

export function registerRetentionCommands(program: Command, desk: Desk): void {
  const retention = program.command('retention').description('what is deleted, and when');
  registerPlan(retention, desk);
  registerRun(retention, desk);
}

function registerPlan(retention: Command, desk: Desk): void {
  const plan = retention
    .command('plan')
    .description('what would be deleted now, and for how many days there is room; deletes nothing')
    .action(async (_options: unknown, command: Command) => {
      const settings = desk.settings(command);
      const report = await readRetentionReport(settings);
      desk.print(
        desk.wantsJson(command)
          ? JSON.stringify(report, null, 2)
          : formatReport(report, isRecording(settings)),
      );
      if (report.unmet.length > 0) desk.setExitCode(1);
    });
  withCommonOptions(plan, { json: true });
}

function registerRun(retention: Command, desk: Desk): void {
  const run = retention
    .command('run')
    .description('delete now what retention plan names, as the daemon does by itself')
    .option('--trust-clock', 'the clock of this machine is right, although it seems to have jumped')
    .action(async (options: { trustClock?: boolean }, command: Command) => {
      const result = await makePasses(desk.settings(command), options.trustClock === true);
      desk.print(desk.wantsJson(command) ? JSON.stringify(result, null, 2) : formatRun(result));
      if (result.stuck.length > 0 || result.unmet.length > 0) desk.setExitCode(1);
    });
  withCommonOptions(run, { json: true });
}

type RunResult = Readonly<{
  deleted: ReadonlyArray<Deleted>;
  spared: number;
  stuck: ReadonlyArray<Readonly<{ path: string; reason: string }>>;
  unmet: readonly string[];
}>;

/** Passes until nothing is left to do; Ctrl-C ends after the batch that is being deleted. */
async function makePasses(settings: Settings, trustsClock: boolean): Promise<RunResult> {
  const { stateDir } = settings;
  if (!isThere(catalogueFile(stateDir))) return { deleted: [], spared: 0, stuck: [], unmet: [] };
  const archiveId = await readArchiveId(stateDir);
  const { sign } = await readSigningKey(stateDir);
  using accounts = openAccountReader({ stateDir });
  using catalogue = openCatalogue({
    file: catalogueFile(stateDir),
    chain: { archiveId, sign, now: () => systemClock.now() },
    eventGapMs: settings.events.gapMs,
  });
  const parts = openRetention({
    ...{ settings, archiveId, catalogue, clock: systemClock, trustsClock },
    cameras: () => accounts.cameras(),
  });
  const interrupted = new AbortController();
  const onSignal = () => interrupted.abort();
  process.once('SIGINT', onSignal);
  try {
    using line = openProgressLine();
    const onProgress = (bytes: number) => line.show(() => `${formatBytes(bytes)} deleted in this pass`);
    return await runToTheEnd({ ...parts, onProgress }, interrupted.signal);
  } finally {
    process.removeListener('SIGINT', onSignal);
  }
}

async function runToTheEnd(parts: RetentionParts, signal: AbortSignal): Promise<RunResult> {
  const deleted = new Map<string, RunResult['deleted'][number]>();
  for (let spared = 0; ; ) {
    const pass = await runRetention(parts, signal);
    if (!pass.isMade)
      throw new FailedError('The daemon is deleting at this moment: wait for it, or try again in a minute.');
    for (const each of pass.deleted) {
      const key = `${each.camera} ${each.reason}`;
      const before = deleted.get(key) ?? { clips: 0, segments: 0, bytes: 0 };
      deleted.set(key, {
        ...each,
        clips: before.clips + each.clips,
        segments: before.segments + each.segments,
        bytes: before.bytes + each.bytes,
      });
    }
    spared += pass.spared;
    const stuck = pass.stuck.map(({ path, reason }) => ({ path, reason }));
    if (pass.isComplete || pass.deleted.length === 0 || signal.aborted)
      return { deleted: [...deleted.values()], spared, stuck, unmet: pass.unmet.map(unmetSentence) };
  }
}

function formatRun({ deleted, spared, stuck, unmet }: RunResult): string {
  const right = (title: string) => ({ title, right: true }) as const;
  return [
    deleted.length === 0
      ? 'Nothing was to be deleted.'
      : formatTable(
          ['CAMERA', 'WHY', right('CLIPS'), right('SEGMENTS'), right('SIZE')],
          deleted.map(each => [
            each.camera,
            each.reason,
            String(each.clips),
            String(each.segments),
            formatBytes(each.bytes),
          ]),
        ),
    ...(spared === 0
      ? []
      : [`${counted(spared, 'file')} put on hold meanwhile, or changed, and left alone.`]),
    ...stuck.map(({ path, reason }) => `${escapeForTerminal(path)} cannot be removed: ${reason}`),
    ...unmet,
  ].join('\n\n');
}

/** `limit`: of what is to be deleted, for who asks what cannot be kept. */
export async function readRetentionReport(
  settings: Settings,
  limit = maxEvictions,
): Promise<RetentionReport> {
  using catalogue = openIfThere(settings);
  if (catalogue === undefined)
    return {
      ...{ evictions: [], isComplete: true, heldBytes: 0, diskDaysLeft: null },
      ...{ forecast: [], unmet: [], warnings: [] },
    };
  using accounts = openAccountReader(settings);
  const now = systemClock.now();
  const waitingBytes = await measureWaiting(settings.dataDir);
  const disk = { ...(await spaceOf(settings.dataDir)), waitingBytes };
  const cameras = accounts.cameras();
  const plan = askPlan(
    { catalogue, cameras: () => cameras, settings },
    { now, clockJumpMs: clockJump(now, catalogue.lastPassAt()), disk, maxEvictions: limit },
  );
  return retentionReport({ plan, catalogue, cameras, settings, now, disk, timeZone: machineTimeZone() });
}

/** Whether there is footage that counts when its file is finished. */
function isRecording(settings: Settings): boolean {
  using catalogue = openIfThere(settings);
  return catalogue !== undefined && catalogue.openSegments().length > 0;
}

function formatReport(report: RetentionReport, isRecording: boolean): string {
  const { evictions, isComplete, heldBytes, diskDaysLeft, forecast, unmet, warnings } = report;
  const right = (title: string) => ({ title, right: true }) as const;
  const parts = [
    evictions.length === 0
      ? 'Nothing is to be deleted now.'
      : formatTable(
          ['CAMERA', 'WHAT', 'WHY', right('FILES'), right('SIZE'), 'FROM', 'TO'],
          evictions.map(each => [
            each.camera,
            each.mediaClass,
            each.reason,
            String(each.files),
            formatBytes(each.bytes),
            each.oldestAt,
            each.newestAt,
          ]),
        ),
    ...(isComplete ? [] : ['There is more to delete after this.']),
    formatFacts([
      ['on hold', formatBytes(heldBytes)],
      ['days of room', daysOfRoom(diskDaysLeft, isRecording)],
    ]),
    ...(forecast.length === 0
      ? []
      : [
          formatTable(
            ['CAMERA', 'MEDIA', right('A DAY'), right('DAYS ASKED'), right('DAYS THAT FIT')],
            forecast.map(each => [
              each.camera,
              each.media,
              formatBytes(each.bytesPerDay),
              each.askedDays === null ? 'as many as fit' : String(each.askedDays),
              each.fitDays === null ? 'nothing arrives' : String(Math.floor(each.fitDays)),
            ]),
          ),
        ]),
    ...unmet,
    ...warnings,
  ];
  return parts.join('\n\n');
}
