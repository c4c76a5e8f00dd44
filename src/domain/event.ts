// Which clips belong together: the rule by which clips and pictures of one camera become events.

import type { ClipKind } from './clip.ts';

/** From start to end, epoch milliseconds; a picture starts where it ends. */
export type Span = Readonly<{ startAt: number; endAt: number }>;

/** Clips and pictures that are not further apart are one event; settings, events.gapMs. */
export const standardGapMs = 30_000;
/**
 * How much of a clip counts, whatever its file says of its length: a forged header of a year must not make one event of all
 * that the camera ever saw. Cameras split their clips well below.
 */
export const maxSpanMs = 3_600_000;
/** No clip ends later after its arrival than clocks are believed to be wrong. */
export const maxEndAfterArrivalMs = 5 * 60_000;

/** The time that a clip covers in events, or null: tests, sentinels and unknown files are no events. */
export function eventSpan(
  clip: Readonly<{ kind: ClipKind; startAt: number; durationMs: number | null; receivedAt: number }>,
): Span | null {
  if (clip.kind !== 'video' && clip.kind !== 'image') return null;
  const { startAt, receivedAt } = clip;
  const endAt = startAt + Math.min(clip.durationMs ?? 0, maxSpanMs);
  return { startAt, endAt: Math.max(startAt, Math.min(endAt, receivedAt + maxEndAfterArrivalMs)) };
}

/** Whether two spans belong to one event. */
export function areNear(a: Span, b: Span, gapMs: number): boolean {
  return a.startAt <= b.endAt + gapMs && b.startAt <= a.endAt + gapMs;
}

/** Where spans fall apart: what lies before ends at `endAt`, and the next part begins at `startAt`. */
export type Cut = Readonly<{ endAt: number; startAt: number }>;

/**
 * Where spans, in the order of their starts, leave more than the gap uncovered. `reachedAt`: how far what lies before them
 * reaches; null: nothing does. Reads no further than is covered up to `untilAt`: behind it nothing has changed.
 */
export function findCuts(
  ordered: Iterable<Span>,
  options: Readonly<{ gapMs: number; reachedAt?: number | null; untilAt?: number }>,
): Cut[] {
  const { gapMs, reachedAt = null, untilAt = Number.POSITIVE_INFINITY } = options;
  const cuts: Cut[] = [];
  let endAt = reachedAt;
  for (const span of ordered) {
    if (endAt !== null && endAt >= untilAt) break;
    if (endAt !== null && span.startAt > endAt + gapMs) cuts.push({ endAt, startAt: span.startAt });
    endAt = endAt === null ? span.endAt : Math.max(endAt, span.endAt);
  }
  return cuts;
}

/** The last end of spans that come latest start first; null without any. Reads on as long as an earlier one could end later. */
export function latestEnd(latestFirst: Iterable<Span>): number | null {
  let endAt: number | null = null;
  for (const span of latestFirst) {
    if (endAt !== null && span.startAt + maxSpanMs <= endAt) break;
    endAt = endAt === null ? span.endAt : Math.max(endAt, span.endAt);
  }
  return endAt;
}

export function unite(spans: readonly Span[]): Span {
  return {
    startAt: Math.min(...spans.map(({ startAt }) => startAt)),
    endAt: Math.max(...spans.map(({ endAt }) => endAt)),
  };
}
