import type { ListedFragment } from '../../archive/read-footage.ts';
import type { Span } from '../../domain/footage/coverage.ts';

export type Cut = Readonly<{ fragments: readonly ListedFragment[] }> & Span;

/** Media time and the time line part by 500 ppm at the most; further apart, the row says something else than the file. */
const maxStretch = 0.01;

/**
 * The fragments of a segment that hold a span: from the key frame at or before `from`, to the first fragment that ends at or
 * after `to`. Undefined when there are none. `span` of the segment: its end is null while it is being written.
 */
export function cutFragments(
  fragments: readonly ListedFragment[],
  segment: Readonly<{ startAt: number; endAt: number | null }>,
  { from, to }: Readonly<{ from: number; to: number }>,
): Cut | undefined {
  const [head, tail] = [fragments[0], fragments.at(-1)];
  if (head === undefined || tail === undefined) return undefined;
  const lengthMs = tail.startMs + tail.durationMs - head.startMs;
  const stretch = segment.endAt === null ? 1 : (segment.endAt - segment.startAt) / lengthMs;
  const factor = Math.abs(stretch - 1) < maxStretch ? stretch : 1;
  const startOf = ({ startMs }: ListedFragment) =>
    Math.round(segment.startAt + (startMs - head.startMs) * factor);
  const endOf = (each: ListedFragment) => startOf({ ...each, startMs: each.startMs + each.durationMs });
  const first = Math.max(
    0,
    fragments.findLastIndex(each => each.startsWithKeyFrame && startOf(each) <= from),
  );
  const last = fragments.findLastIndex(each => startOf(each) < to);
  const chosen = fragments.slice(first, last + 1);
  const [begin, end] = [chosen[0], chosen.at(-1)];
  if (begin === undefined || end === undefined || endOf(end) <= from) return undefined;
  const isWhole = last === fragments.length - 1 && factor === stretch;
  return {
    fragments: chosen,
    startAt: startOf(begin),
    endAt: isWhole && segment.endAt !== null ? segment.endAt : endOf(end),
  };
}
