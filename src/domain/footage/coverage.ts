// What of a span of time is recorded, and why the rest is not. Instants are epoch milliseconds, ends are exclusive.

export const gapReasons = [
  'off',
  'unreachable',
  'refused',
  'stalled',
  'disk',
  'restart',
  'clock',
  'unknown',
] as const;
export type GapReason = (typeof gapReasons)[number];

export type Span = Readonly<{ startAt: number; endAt: number }>;
export type Gap = Span & Readonly<{ reason: GapReason }>;

export type Coverage = Readonly<{
  /** Milliseconds of the span that lie in segments, the open one included. */
  recordedMs: number;
  /** Milliseconds in which nothing was to be recorded. */
  offMs: number;
  /** Milliseconds that are missing: gaps with any other reason, and what nobody accounts for. */
  missingMs: number;
  /** Recorded, of what was to be recorded, from 0 to 1; null when nothing was. */
  share: number | null;
}>;

/** Sorted, joined where they touch or overlap, and cut to what lies in `within`. */
export function mergeSpans(spans: Iterable<Span>, within: Span): Span[] {
  const cut = [...spans]
    .map(({ startAt, endAt }) => ({
      startAt: Math.max(startAt, within.startAt),
      endAt: Math.min(endAt, within.endAt),
    }))
    .filter(({ startAt, endAt }) => startAt < endAt)
    .sort((one, other) => one.startAt - other.startAt);
  const merged: Array<{ startAt: number; endAt: number }> = [];
  for (const span of cut) {
    const last = merged.at(-1);
    if (last !== undefined && span.startAt <= last.endAt) last.endAt = Math.max(last.endAt, span.endAt);
    else merged.push(span);
  }
  return merged;
}

/** What of `within` is in none of the spans. */
export function spansBetween(spans: Iterable<Span>, within: Span): Span[] {
  const holes: Span[] = [];
  let at = within.startAt;
  for (const { startAt, endAt } of mergeSpans(spans, within)) {
    if (at < startAt) holes.push({ startAt: at, endAt: startAt });
    at = endAt;
  }
  if (at < within.endAt) holes.push({ startAt: at, endAt: within.endAt });
  return holes;
}

/** Recorded counts before off: what is there is there, whatever was wanted. */
export function coverageOf(
  within: Span,
  facts: Readonly<{ recorded: Iterable<Span>; gaps: Iterable<Gap> }>,
): Coverage {
  const recorded = mergeSpans(facts.recorded, within);
  const off = [...facts.gaps].filter(({ reason }) => reason === 'off');
  const recordedMs = lengthOf(recorded);
  const offMs = lengthOf(mergeSpans([...recorded, ...off], within)) - recordedMs;
  const missingMs = Math.max(0, within.endAt - within.startAt) - recordedMs - offMs;
  const wantedMs = recordedMs + missingMs;
  return { recordedMs, offMs, missingMs, share: wantedMs === 0 ? null : recordedMs / wantedMs };
}

function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { startAt, endAt }) => sum + endAt - startAt, 0);
}
