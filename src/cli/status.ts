// clipward status: what is true right now.

import type { Command } from 'commander';
import { openAccountReader } from '../access/open-accounts.ts';
import { openInbox } from '../archive/inbox.ts';
import { systemClock } from '../base/clock.ts';
import { clockSentence } from '../inspect/clock-sentence.ts';
import { inboxCountLimit, readStatus, type Status } from '../inspect/status.ts';
import { machineTimeZone } from './camera-arguments.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { openIfThere } from './open-catalogue.ts';
import { coverageText, recordingText } from './recording-text.ts';
import { formatBytes, formatFacts, formatTable } from './table.ts';

export function registerStatusCommand(program: Command, desk: Desk): void {
  const status = program
    .command('status')
    .description('cameras, clips, recording, and whether clipward runs')
    .action(async (_options: unknown, command: Command) => {
      const settings = desk.settings(command);
      const { dataDir, stateDir } = settings;
      using catalogue = openIfThere(settings);
      using accounts = openAccountReader({ stateDir });
      const facts = await readStatus({
        dirs: { dataDir, stateDir },
        settings,
        accounts,
        // Only listed; without the archive's id nothing could be removed.
        inbox: openInbox({ dataDir, archiveId: '' }),
        catalogue,
        clock: systemClock,
        timeZone: machineTimeZone(),
      });
      desk.print(desk.wantsJson(command) ? JSON.stringify(facts, null, 2) : formatStatus(facts));
      if (facts.marker === 'missing-or-foreign' || facts.alarms.length > 0) desk.setExitCode(1);
    });
  withCommonOptions(status, { json: true });
}

const markerTexts = {
  ours: 'in place',
  'not-yet': 'made at the first start',
  'missing-or-foreign': 'NOT the archive of this installation: nothing is written (clipward doctor)',
} as const;

function formatStatus(status: Status): string {
  const waiting = `${status.inboxWaiting}${status.inboxWaiting >= inboxCountLimit ? ' or more' : ''}`;
  const facts = formatFacts([
    ['running', status.running.length === 0 ? 'no' : status.running.join(', ')],
    ['archive', markerTexts[status.marker]],
    ['free disk', `${formatBytes(status.freeBytes)} of ${formatBytes(status.totalBytes)}`],
    ['days of room', daysOfRoom(status.diskDaysLeft)],
    ['on hold', formatBytes(status.heldBytes)],
    ['not filed yet', waiting],
    ['in quarantine', String(status.quarantined)],
    ['signing key', status.keyFingerprint ?? 'none (clipward doctor)'],
  ]);
  if (status.cameras.length === 0) return `${facts}\n\nNo camera yet: clipward camera add NAME.`;
  const rows = status.cameras.map(camera => [
    camera.camera,
    camera.enabled ? 'yes' : 'no',
    camera.lastClipAt ?? 'never',
    String(camera.clips),
    formatBytes(camera.bytes),
    clockText(camera),
    camera.recording === null && camera.coverage24h === null ? '' : recordingText(camera),
    coverageText(camera),
  ]);
  const columns = [
    'CAMERA',
    'ENABLED',
    'LAST CLIP',
    { title: 'CLIPS', right: true },
    { title: 'SIZE', right: true },
    'CLOCK',
    'RECORDING',
    { title: '24 HOURS', right: true },
  ] as const;
  const sentences = [...status.alarms, ...status.unmet, ...status.warnings];
  return [facts, formatTable(columns, rows), ...sentences].join('\n\n');
}

/** Until retention has to make room. */
export function daysOfRoom(diskDaysLeft: number | null): string {
  if (diskDaysLeft === null) return 'nothing arrives';
  return diskDaysLeft < 1 ? 'none: the oldest goes' : String(Math.floor(diskDaysLeft));
}

function clockText({ clockOffsetMs, clockUncertaintyMs }: Status['cameras'][number]): string {
  if (clockOffsetMs === null || clockUncertaintyMs === null) return 'not known yet';
  return clockSentence({ offsetMs: clockOffsetMs, uncertaintyMs: clockUncertaintyMs });
}
