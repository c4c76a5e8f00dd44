// What rows alone can show: rules between rows that the schema does not hold by itself.

import type { OffenceRule, Offender } from '../../catalogue/check-queries.ts';
import { type Finding, remark, violation } from './finding.ts';
import type { CheckParts } from './parts.ts';

type Rule = Readonly<{
  code: OffenceRule;
  text: string;
  remedy: string;
  mend?: (parts: CheckParts, row: Offender) => Promise<string> | string;
  /** The next start of the daemon does it by itself. */
  atStart?: true;
  isRemark?: true;
}>;

const rules: readonly Rule[] = [
  {
    code: 'clip-without-receipt',
    text: 'The clip has no receipt, so nothing tells how it came.',
    remedy: 'Somebody has edited the catalogue: restore it from a backup.',
  },
  {
    code: 'clip-without-entry',
    text: 'The chain has no entry for the clip, so its integrity cannot be shown.',
    remedy: 'Somebody has edited the catalogue, or filed with an older version: see docs/check.md.',
  },
  {
    code: 'clip-with-tombstone',
    text: 'The chain says that this clip was deleted, and it is in the catalogue.',
    remedy: 'Somebody has edited the catalogue: restore it from a backup.',
  },
  {
    code: 'segment-without-entry',
    text: 'The chain has no entry for the segment of footage, so its integrity cannot be shown.',
    remedy: 'Somebody has edited the catalogue: see docs/check.md.',
  },
  {
    code: 'segment-with-tombstone',
    text: 'The chain says that this segment of footage was deleted, and it is in the catalogue.',
    remedy: 'Somebody has edited the catalogue: restore it from a backup.',
  },
  {
    code: 'segment-overlap',
    text: 'The time of this segment of footage is that of another one of its camera too.',
    remedy:
      'The clock of this machine was set back while it was recorded, or files were put back by hand: both are kept.',
    isRemark: true,
  },
  {
    code: 'gap-overlap',
    text: 'Two gaps in the footage of this camera overlap, so that coverage is not right there.',
    remedy: 'Somebody has edited the catalogue: restore it from a backup. No footage is affected.',
  },
  {
    code: 'entry-without-clip',
    text: 'The chain says that this file was taken in, and it is neither in the catalogue nor deleted.',
    remedy:
      'Its row was taken away by hand, or the catalogue is older than its chain: restore it from a backup; its file, if it is there, is named as unknown-file.',
  },
  {
    code: 'chain-hole',
    text: 'The chain has a hole behind the entry of this file.',
    remedy:
      'Entries were taken away: clipward verify says which heads still hold. Restore the catalogue from a backup.',
  },
  {
    code: 'clip-without-event',
    text: 'The clip is a video or a picture, and in no event.',
    remedy: 'The next start of the daemon brings it into one, and so does clipward check --repair.',
    mend: (parts, row) => parts.repairs.joinEvent(row.id),
    atStart: true,
  },
  {
    code: 'event-without-clip',
    text: 'The event has no clip.',
    remedy: 'clipward check --repair removes it.',
    mend: (parts, row) => parts.repairs.settleEvent(row.id),
  },
  {
    code: 'event-bounds',
    text: 'The event does not begin with its first clip and end with its last.',
    remedy: 'clipward check --repair sets its times anew.',
    mend: (parts, row) => parts.repairs.settleEvent(row.id),
  },
  {
    code: 'event-overlap',
    text: 'The event overlaps another one of its camera.',
    remedy:
      'Where its times are wrong too, clipward check --repair sets them anew. Otherwise somebody has edited the catalogue: restore it from a backup.',
  },
  {
    code: 'event-camera',
    text: 'The event holds a clip of another camera.',
    remedy: 'Somebody has edited the catalogue: restore it from a backup.',
  },
];

export function* checkRows(parts: CheckParts): Generator<Finding> {
  for (const rule of rules) {
    const tell = rule.isRemark || (rule.atStart && !parts.isPlayed('archive')) ? remark : violation;
    for (const row of parts.catalogue.offenders(rule.code)) {
      const { camera, path } = row;
      const id = row.id === '' ? null : row.id;
      const mend = rule.mend && (() => rule.mend?.(parts, row) ?? '');
      yield tell(rule.code, rule.text, rule.remedy, { camera, id, path, ...(mend && { mend }) });
    }
  }
}
