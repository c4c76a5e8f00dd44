// When a camera is recorded: always, never, or within hours of the day as clocks in its zone show them.

import { wallTimeAt } from '../time-zone.ts';

/** `fromMinute` is in it, `toMinute` no more; minutes of the day. `from` after `to` goes over midnight. */
export type RecordSchedule = Readonly<
  { kind: 'on' } | { kind: 'off' } | { kind: 'hours'; fromMinute: number; toMinute: number }
>;

export const recordScheduleRule = 'on, off, or hours of the day such as 22:00-06:00';

const form = /^([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))$/;

/** Undefined for anything but `on`, `off` and `HH:MM-HH:MM`; hours that begin when they end are none. */
export function parseRecordSchedule(text: string): RecordSchedule | undefined {
  if (text === 'on' || text === 'off') return { kind: text };
  const found = form.exec(text);
  if (found === null) return undefined;
  const fromMinute = Number(found[1]) * 60 + Number(found[2]);
  const toMinute = Number(found[3] ?? found[5]) * 60 + Number(found[4] ?? found[6]);
  return fromMinute === toMinute ? undefined : { kind: 'hours', fromMinute, toMinute };
}

/**
 * Goes by what a clock on the wall shows, so an hour that summer time skips is not recorded and one that it repeats is
 * recorded twice.
 */
export function isRecordedAt(schedule: RecordSchedule, epochMs: number, timeZone: string): boolean {
  if (schedule.kind !== 'hours') return schedule.kind === 'on';
  const { hour, minute } = wallTimeAt(epochMs, timeZone);
  const now = hour * 60 + minute;
  const { fromMinute, toMinute } = schedule;
  return fromMinute < toMinute ? now >= fromMinute && now < toMinute : now >= fromMinute || now < toMinute;
}
