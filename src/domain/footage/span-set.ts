import { mergeSpans, type Span } from './coverage.ts';

/** The same moments as spans that do not touch, in the order of time. */
export function spanSet(spans: readonly Span[]): readonly Span[] {
  return mergeSpans(spans, { startAt: Number.NEGATIVE_INFINITY, endAt: Number.POSITIVE_INFINITY });
}

/** Whether something has a moment in common with a set of spanSet. What lasts no time is a moment. */
export function overlapsAny(set: readonly Span[], { startAt, endAt }: Span): boolean {
  let low = 0;
  let high = set.length;
  // The first that ends after it begins.
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((set[middle] as Span).endAt > startAt) high = middle;
    else low = middle + 1;
  }
  const first = set[low];
  return first !== undefined && first.startAt < Math.max(endAt, startAt + 1);
}
