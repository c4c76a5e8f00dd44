// Whether a clip fills a gap of the continuous footage.

import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Clip } from '../catalogue/clip-row.ts';
import { openGapWindow } from './gap-window.ts';

type FilmedClip = Pick<Clip, 'camera' | 'kind' | 'startAt' | 'durationMs'>;

/**
 * True: a part of the clip lies in a gap, so that it shows what the footage does not. False: there was footage all the
 * while. Null: nothing was to be recorded then, or the file is no video and no picture.
 */
export type Backfill = (clip: FilmedClip) => boolean | null;

/** No clip is longer; what a file says of itself may be anything. */
const maxClipMs = 86_400_000;

export function openBackfill(catalogue: Pick<Catalogue, 'listGaps' | 'recordedFrom'>, now: number): Backfill {
  const gapsIn = openGapWindow(catalogue, now);
  const recordedFrom = new Map<string, number>();
  return ({ camera, kind, startAt, durationMs }) => {
    if (kind !== 'video' && kind !== 'image') return null;
    const from = recordedFrom.get(camera) ?? catalogue.recordedFrom(camera) ?? Number.POSITIVE_INFINITY;
    recordedFrom.set(camera, from);
    const endAt = startAt + Math.min(Math.max(1, durationMs ?? 0), maxClipMs);
    if (endAt <= from) return null;
    const gaps = gapsIn({ camera, from: startAt, to: endAt });
    if (gaps.some(({ reason }) => reason !== 'off')) return true;
    return gaps.some(gap => gap.startAt <= startAt && gap.endAt >= endAt) ? null : false;
  };
}
