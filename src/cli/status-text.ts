// What `clipward status` shows: one screen, what is wrong first.

import { isWrong } from '../domain/clock-offset.ts';
import { counted } from '../domain/counted.ts';
import { clockSentence } from '../inspect/clock-sentence.ts';
import { inboxCountLimit, type Status } from '../inspect/status.ts';
import { coloursFor } from './colours.ts';
import { shownInstant } from './listing.ts';
import { coverageText, recordingText } from './recording-text.ts';
import { escapeForTerminal, formatBytes, formatFacts, formatTable } from './table.ts';

const columns = [
  'CAMERA',
  'LAST CLIP',
  { title: 'CLIPS', right: true },
  { title: 'SIZE', right: true },
  'RECORDING',
  'LAST 24 HOURS',
  'CLOCK',
] as const;

type CameraStatus = Status['cameras'][number];

export function formatStatus(status: Status): string {
  const table =
    status.cameras.length === 0
      ? 'No camera yet: clipward camera add NAME.'
      : formatTable(
          columns,
          status.cameras.map(camera => rowOf(camera, Date.parse(status.at))),
        );
  return [verdictOf(status), table, formatFacts(factsOf(status))].join('\n\n');
}

/** Until retention has to make room. Footage counts when its file is finished, so a rate may not be known yet. */
export function daysOfRoom(diskDaysLeft: number | null, isRecording = false): string {
  if (diskDaysLeft === null)
    return isRecording ? 'known when the first footage is finished' : 'nothing has arrived in the last week';
  // Further ahead than any disk lasts: a number would say more than is known.
  if (diskDaysLeft > 3650) return 'more than ten years';
  return diskDaysLeft < 1 ? 'none: the oldest goes' : String(Math.floor(diskDaysLeft));
}

function verdictOf(status: Status): string {
  const { running, marker, alerts, alarms, unmet, warnings } = status;
  // One thing may be known as an alert and from the moment.
  const wrong = new Set([
    ...missingRoles(running, alerts),
    ...(marker === 'missing-or-foreign' && !alerts.some(({ kind }) => kind === 'disk-missing')
      ? [
          'The data directory is not the archive of this installation, so nothing is written: clipward doctor.',
        ]
      : []),
    ...alerts.map(({ sentence }) => sentence),
    ...alarms,
    ...unmet,
  ]);
  const { bad, warning } = coloursFor();
  const lines = [
    ...[...wrong].map(sentence => bad(`! ${escapeForTerminal(sentence)}`)),
    ...warnings
      .filter(sentence => !wrong.has(sentence))
      .map(sentence => warning(`! ${escapeForTerminal(sentence)}`)),
  ];
  if (lines.length === 0) return `${shownInstant(status.at)}  All is well.`;
  const count =
    ['Something to look at', 'One thing is wrong'][wrong.size] ?? `${wrong.size} things are wrong`;
  return [`${shownInstant(status.at)}  ${count}:`, ...lines].join('\n');
}

/** The alert about a role comes a minute later, and never when nothing runs. */
function missingRoles(running: Status['running'], alerts: Status['alerts']): string[] {
  if (running.length === 0) return ['Clipward does not run, so nothing arrives: start clipward serve.'];
  const known = new Set([...running, ...alerts.filter(isRoleStopped).map(({ subject }) => subject)]);
  return [
    ...(known.has('receive') ? [] : ['The role receive does not run, so no camera can upload: start it.']),
    ...(known.has('archive') ? [] : ['The role archive does not run, so nothing is filed: start it.']),
  ];
}

const isRoleStopped = ({ kind }: Status['alerts'][number]) => kind === 'role-stopped';

function rowOf(camera: CameraStatus, now: number): string[] {
  const { lastClipAt, silent, enabled, recording, coverage24h, gaps24h } = camera;
  const last = lastClipAt === null ? 'never' : agoText(now - Date.parse(lastClipAt));
  const gaps = gaps24h === null || gaps24h === 0 ? '' : `, ${counted(gaps24h, 'gap')}`;
  return [
    camera.camera,
    `${last}${silent ? ', silent' : ''}${enabled ? '' : ', disabled'}`,
    String(camera.clips),
    formatBytes(camera.bytes),
    recording === null && coverage24h === null ? '' : recordingText(camera),
    `${coverageText(camera)}${gaps}`,
    clockText(camera),
  ];
}

/** `3 min ago`, `2 d 3 h ago`: two parts are enough. */
export function agoText(ms: number): string {
  if (ms < 60_000) return ms < 0 ? 'in the future' : 'just now';
  const minutes = Math.floor(ms / 60_000);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  if (days > 0) return `${days} d ${hours} h ago`;
  return hours > 0 ? `${hours} h ${minutes % 60} min ago` : `${minutes} min ago`;
}

function factsOf(status: Status): [string, string][] {
  const waiting = `${status.inboxWaiting}${status.inboxWaiting >= inboxCountLimit ? ' or more' : ''}`;
  return [
    ['running', status.running.length === 0 ? 'no' : status.running.join(', ')],
    ['archive', markerTexts[status.marker]],
    ['free disk', `${formatBytes(status.freeBytes)} of ${formatBytes(status.totalBytes)}`],
    ['days of room', daysOfRoom(status.diskDaysLeft, isRecording(status))],
    ['on hold', formatBytes(status.heldBytes)],
    ['not filed yet', waiting],
    ['in quarantine', String(status.quarantined)],
    ['signing key', status.keyFingerprint ?? 'none (clipward doctor)'],
  ];
}

function isRecording({ cameras }: Status): boolean {
  return cameras.some(({ recording }) => recording === true);
}

const markerTexts = {
  ours: 'in place',
  'not-yet': 'made at the first start',
  'missing-or-foreign': 'NOT the archive of this installation',
} as const;

function clockText({ clockOffsetMs, clockUncertaintyMs }: CameraStatus): string {
  if (clockOffsetMs === null || clockUncertaintyMs === null) return 'not known yet';
  const clock = { offsetMs: clockOffsetMs, uncertaintyMs: clockUncertaintyMs };
  // Within what it is right is for --json.
  return isWrong(clock) ? clockSentence(clock) : 'right';
}
