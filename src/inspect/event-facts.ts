import type { Event } from '../catalogue/event-rows.ts';
import type { Hold, HoldContents } from '../catalogue/holds.ts';
import { formatInstant } from '../domain/time-zone.ts';

/** An event as scripts see it (docs/json.md): times are ISO 8601 in the camera's zone. */
export function eventFacts(
  event: Event,
  more: Readonly<{ held: boolean; clips: readonly string[]; timeZone: string }>,
) {
  return {
    id: event.id,
    camera: event.camera,
    startAt: formatInstant(event.startAt, more.timeZone),
    endAt: formatInstant(event.endAt, more.timeZone),
    held: more.held,
    clips: more.clips,
    footage: [],
  };
}

/** A hold as scripts see it. A hold of an event has that event's times; the footage around it is held with it. */
export function holdFacts(
  hold: Hold,
  more: Readonly<{ event: Event | undefined; contents: HoldContents; timeZone: string }>,
) {
  const { event, contents, timeZone } = more;
  const shown = (at: number | null | undefined) =>
    at === null || at === undefined ? null : formatInstant(at, timeZone);
  return {
    id: hold.id,
    camera: hold.camera,
    eventId: hold.event,
    fromAt: shown(hold.fromAt ?? event?.startAt),
    toAt: shown(hold.toAt ?? event?.endAt),
    reason: hold.reason,
    addedAt: formatInstant(hold.addedAt, timeZone),
    clips: contents.clips,
    segments: contents.segments,
    bytes: contents.bytes,
  };
}
