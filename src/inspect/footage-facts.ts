import type { ListedGap, Segment } from '../catalogue/footage.ts';
import { formatInstant } from '../domain/time-zone.ts';

/** A segment as scripts see it (docs/json.md): times are ISO 8601 in the camera's zone. */
export function segmentFacts(segment: Segment, timeZone: string) {
  return {
    id: segment.id,
    camera: segment.camera,
    path: segment.path,
    startAt: formatInstant(segment.startAt, timeZone),
    endAt: formatInstant(segment.endAt, timeZone),
    durationMs: segment.durationMs,
    bytes: segment.bytes,
    sha256: segment.sha256,
    codec: segment.codec,
    audioCodec: segment.audioCodec,
    width: segment.width,
    height: segment.height,
    endReason: segment.endReason,
  };
}

/** A gap as scripts see it: one that lasts ends now. */
export function gapFacts(gap: ListedGap, camera: string, timeZone: string) {
  return {
    camera,
    startAt: formatInstant(gap.startAt, timeZone),
    endAt: formatInstant(gap.endAt, timeZone),
    reason: gap.reason,
    lasts: gap.lasts,
  };
}
