// What a person reads of an export: how much of it is missing, why, and where else to look.

import type { ExportFacts } from './export-facts.ts';

const words: Readonly<Record<string, string>> = {
  off: 'not to be recorded',
  unreachable: 'the camera was not reachable',
  refused: 'the camera refused the recorder',
  stalled: 'the camera sent nothing',
  disk: 'the disk had no room, or failed',
  restart: 'clipward was not ready for the camera',
  clock: 'a clock was set',
  unknown: 'the recorder was not running',
  'not-yet': 'not recorded yet',
  deleted: 'deleted by retention meanwhile',
  'no-record': 'deleted before, or never recorded',
  'file-missing': 'the file of its segment is gone',
  'file-changed': 'the file of its segment is not what was recorded',
  'file-unreadable': 'the file of its segment cannot be read',
};

const shownRows = 20;
const shownClips = 5;

/** One line for each part that is missing. */
export function missingLines({ missing }: Pick<ExportFacts, 'missing'>): string[] {
  const lines = missing.slice(0, shownRows).map(({ startAt, endAt, reason, segmentId, clips }) => {
    const seconds = ((Date.parse(endAt) - Date.parse(startAt)) / 1000).toFixed(1);
    const what = `${startAt} to ${endAt} (${seconds} s): ${words[reason] ?? reason}`;
    const segment = segmentId === null ? '' : ` (segment ${segmentId})`;
    const more = clips.length > shownClips ? ` and ${clips.length - shownClips} more` : '';
    const covered =
      clips.length === 0 ? '' : `; clips of then: ${clips.slice(0, shownClips).join(', ')}${more}`;
    return `${what}${segment}${covered}`;
  });
  return missing.length > shownRows ? [...lines, `and ${missing.length - shownRows} more`] : lines;
}

export function wordFor(reason: string): string {
  return words[reason] ?? reason;
}
