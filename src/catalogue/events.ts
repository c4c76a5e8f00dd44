// Events as rows, kept true clip by clip. Events of one camera never overlap, so that the few that a clip may touch are found
// by their starts, with a million others beside; an event that a clip leaves is looked at only around the place that it left,
// however many clips are in it.

import { randomId } from '../base/random-id.ts';
import { type Db, inTransaction } from '../base/sqlite.ts';
import {
  areNear,
  type Cut,
  eventSpan,
  findCuts,
  latestEnd,
  type Span,
  standardGapMs,
  unite,
} from '../domain/event.ts';
import { type Event, type EventRows, eventRows, type NumberedEvent, type PlacedClip } from './event-rows.ts';

/** For use inside the transaction of whoever changes clips. */
export type EventPlacing = Readonly<{
  /** Puts a clip into its event, after it was inserted. Does nothing when it is in one. */
  placeClip(clip: string): void;
  /**
   * Makes a change to the row of a clip (start, length or kind) and puts it where it belongs then. An event whose only clip
   * moves goes with it, with its id and what holds it. `holdsFollow`: a clip that leaves a held event takes the hold along,
   * so that a better reading of its time never makes evidence go. Not for what a client can bring about: renaming its
   * uploads it could put everything on hold.
   */
  moveClip(clip: string, change: () => void, options: Readonly<{ holdsFollow: boolean }>): void;
  /** Takes a clip out of its event, before its row goes; the row is as it was when the clip was placed. */
  removeClip(clip: string): void;
}>;

/** What brings events up to date, each in a transaction of its own. */
export type EventUpkeep = Readonly<{
  /** Puts clips that are in no event and should be, `limit` at the most, into theirs. Answers how many. */
  placeRemaining(limit: number): number;
  /** Sets the bounds of an event to those of its clips, and splits it where they are apart. Reads all of them. */
  settleEvent(id: string): void;
}>;

type Ground = Readonly<{ rows: EventRows; gapMs: number }>;

export function eventPlacing(db: Db, gapMs = standardGapMs): EventPlacing & EventUpkeep {
  const rows = eventRows(db);
  const ground = { rows, gapMs };
  const placeClip = (id: string): void => {
    const clip = rows.clip.get(id);
    const span = clip === undefined || clip.event !== null ? null : eventSpan(clip);
    if (clip && span) rows.setEvent.run(join(ground, clip.camera, span), id);
  };
  return {
    placeClip,
    moveClip(id, change, { holdsFollow }) {
      const before = rows.clip.get(id);
      const heldBefore = holdsFollow ? rows.spanHoldsOf.all(id) : [];
      change();
      const after = rows.clip.get(id);
      if (before === undefined || after === undefined) return;
      if (before.event === null) return placeClip(id);
      const target = move(ground, { ...before, event: before.event }, after, holdsFollow);
      if (target === null || heldBefore.length === 0) return;
      const stillHeld = new Set(rows.spanHoldsOf.all(id));
      copyHolds(
        rows,
        heldBefore.filter(hold => !stillHeld.has(hold)),
        target,
      );
    },
    removeClip(id) {
      const clip = rows.clip.get(id);
      if (clip === undefined || clip.event === null) return;
      rows.setEvent.run(null, id);
      closeUp(ground, clip.event, eventSpan(clip));
    },
    placeRemaining: limit =>
      inTransaction(db, () => {
        const ids = rows.remaining.all(limit);
        for (const id of ids) placeClip(id);
        return ids.length;
      }),
    settleEvent: id => inTransaction(db, () => closeUp(ground, id, null)),
  };
}

/** Answers its event now; null when it is in none any more. */
function move(
  ground: Ground,
  before: PlacedClip & { event: string },
  after: PlacedClip,
  holdsFollow: boolean,
): string | null {
  const { rows } = ground;
  const [from, to] = [eventSpan(before), eventSpan(after)];
  if (from && to && from.startAt === to.startAt && from.endAt === to.endAt) return before.event;
  if (to === null) {
    rows.setEvent.run(null, after.id);
    closeUp(ground, before.event, from);
    return null;
  }
  const isAlone = rows.other.get(before.event, after.id) === undefined;
  const target = join(ground, after.camera, to, isAlone ? rows.event.get(before.event) : undefined);
  rows.setEvent.run(target, after.id);
  if (isAlone) return target;
  // The event that it leaves may have become one with the event that it joins.
  const left = rows.event.get(before.event) === undefined ? target : before.event;
  if (holdsFollow && left !== target) copyHolds(rows, rows.holdsOf.all(left), target);
  closeUp(ground, left, from);
  // It may have joined an event only by way of where it lay before.
  return rows.clip.get(after.id)?.event ?? null;
}

/**
 * The event that covers this span from now on: a new one, the one that is near, or the oldest of several, which the others
 * become part of. `own`: an event whose only clip covers the span now; where it lay before does not count any more.
 */
function join({ rows, gapMs }: Ground, camera: string, span: Span, own?: NumberedEvent): string {
  const found = near(rows, camera, span, gapMs).filter(({ id }) => id !== own?.id);
  const [first, ...others] = [...(own ? [own] : []), ...found].sort((a, b) => a.number - b.number);
  if (first === undefined) {
    const event = { id: randomId(), camera, ...span };
    rows.insert.run(event);
    return event.id;
  }
  // An event that is there only because it is on hold covers nothing.
  const spans = found.filter(({ id }) => rows.first.get(id) !== undefined);
  for (const { id } of others) for (const step of rows.merge) step.run({ from: id, to: first.id });
  rows.setBounds.run({ id: first.id, ...unite([...spans, span]) });
  return first.id;
}

function near(rows: EventRows, camera: string, span: Span, gapMs: number): NumberedEvent[] {
  const found: NumberedEvent[] = [];
  // They do not overlap, so their ends are in the order of their starts.
  for (const event of rows.earlier.iterate(camera, span.endAt + gapMs)) {
    if (!areNear(event, span, gapMs)) break;
    found.push(event);
  }
  return found;
}

/**
 * Sees to what is left of an event after a clip that covered `gone` was taken away: its bounds, and where it falls apart.
 * Null: nobody knows where, so that all of it is looked at.
 */
function closeUp(ground: Ground, id: string, gone: Span | null): void {
  const { rows } = ground;
  const event = rows.event.get(id);
  if (event === undefined) return;
  const first = rows.first.get(id);
  if (first === undefined) {
    // What a person holds is not forgotten because its clips are elsewhere.
    if (rows.isHeld.get(id) === undefined) rows.remove.run(id);
    return;
  }
  const isEndKept = gone !== null && gone.endAt < event.endAt;
  const endAt = isEndKept ? event.endAt : latestEnd(spansOf(rows.latestFirst.iterate(id, latest)));
  split(rows, event, { startAt: first.startAt, endAt: endAt ?? first.startAt }, cutsOf(ground, id, gone));
}

const earliest = Number.MIN_SAFE_INTEGER;
const latest = Number.MAX_SAFE_INTEGER;
/** So many clips before the place are enough to see that nothing fell apart, but where long and short ones lie in a heap. */
const glance = 16;

function cutsOf({ rows, gapMs }: Ground, id: string, gone: Span | null): Cut[] {
  if (gone === null) return findCuts(spansOf(rows.after.iterate(id, earliest)), { gapMs });
  const before = () => spansOf(rows.latestFirst.iterate(id, gone.startAt));
  const cutsBehind = (reachedAt: number | null) =>
    findCuts(spansOf(rows.after.iterate(id, gone.startAt)), { gapMs, reachedAt, untilAt: gone.endAt });
  const closest = take(before(), glance);
  // What a few of them reach, all of them reach.
  const cuts = cutsBehind(closest.length === 0 ? null : unite(closest).endAt);
  const isCertain = cuts.length === 0 || closest.length < glance;
  return isCertain ? cuts : cutsBehind(latestEnd(before()));
}

/** The part that comes first stays what it was called; the others become events, and are held as it is. */
function split(rows: EventRows, { id, camera }: Event, whole: Span, cuts: readonly Cut[]): void {
  rows.setBounds.run({ id, startAt: whole.startAt, endAt: cuts[0]?.endAt ?? whole.endAt });
  for (const [index, { startAt }] of cuts.entries()) {
    const next = cuts[index + 1];
    const part = { id: randomId(), camera, startAt, endAt: next?.endAt ?? whole.endAt };
    rows.insert.run(part);
    rows.setEventOf.run({ from: id, to: part.id, startAt, before: next?.startAt ?? latest });
    copyHolds(rows, rows.holdsOf.all(id), part.id);
  }
}

function copyHolds(rows: EventRows, holds: readonly string[], to: string): void {
  for (const hold of holds) rows.copyHold.run({ hold, id: randomId(), to });
}

function* spansOf(clips: Iterable<PlacedClip>): Generator<Span> {
  for (const clip of clips) {
    const span = eventSpan(clip);
    if (span) yield span;
  }
}

function take(spans: Iterable<Span>, limit: number): Span[] {
  const taken: Span[] = [];
  for (const span of spans) {
    taken.push(span);
    if (taken.length === limit) break;
  }
  return taken;
}
