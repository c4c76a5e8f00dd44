import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Event } from '../catalogue/event-rows.ts';
import type { Hold, HoldContents } from '../catalogue/holds.ts';
import { formatInstant } from '../domain/time-zone.ts';
import type { Settings } from '../settings/settings.ts';
import { gapFacts, segmentFacts } from './footage-facts.ts';
import { openGapWindow } from './gap-window.ts';

/** What was recorded around an event, and what was not; oldest first, so many at the most. */
export function openEventFootage(parts: {
  catalogue: Pick<Catalogue, 'segmentsBetween' | 'listGaps'>;
  margins: Pick<Settings['events'], 'footageBeforeMs' | 'footageAfterMs'>;
  now: number;
}): (event: Event, timeZone: string) => EventFootage {
  const { catalogue, margins, now } = parts;
  const gapsIn = openGapWindow(catalogue, now);
  return ({ camera, startAt, endAt }, timeZone) => {
    const span = { camera, from: startAt - margins.footageBeforeMs, to: endAt + margins.footageAfterMs };
    return {
      footage: catalogue.segmentsBetween(span, maxFootage).map(segment => segmentFacts(segment, timeZone)),
      gaps: gapsIn(span)
        .slice(0, maxFootage)
        .map(gap => gapFacts(gap, camera, timeZone))
        .reverse(),
    };
  };
}

export type EventFootage = Readonly<{
  footage: readonly ReturnType<typeof segmentFacts>[];
  gaps: readonly ReturnType<typeof gapFacts>[];
}>;

/** A week of minutes. */
const maxFootage = 10_000;

/** An event as scripts see it (docs/json.md): times are ISO 8601 in the camera's zone. */
export function eventFacts(
  event: Event,
  more: Readonly<{ held: boolean; clips: readonly string[]; timeZone: string }> & EventFootage,
) {
  return {
    id: event.id,
    camera: event.camera,
    startAt: formatInstant(event.startAt, more.timeZone),
    endAt: formatInstant(event.endAt, more.timeZone),
    held: more.held,
    clips: more.clips,
    footage: more.footage,
    gaps: more.gaps,
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
