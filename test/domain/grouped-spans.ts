import type { Span } from '../../src/domain/event.ts';

/** What events have to come to, by the plainest rule: in the order of their starts, cut wherever the gap is exceeded. */
export function groupedSpans<T extends Span>(spans: readonly T[], gapMs: number): T[][] {
  const groups: T[][] = [];
  let endAt = Number.NEGATIVE_INFINITY;
  for (const span of spans.toSorted((a, b) => a.startAt - b.startAt)) {
    if (span.startAt > endAt + gapMs) groups.push([]);
    groups.at(-1)?.push(span);
    endAt = Math.max(endAt, span.endAt);
  }
  return groups;
}
