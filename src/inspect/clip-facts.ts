import type { Clip } from '../catalogue/clip-row.ts';
import { formatInstant } from '../domain/time-zone.ts';

/** A clip as scripts see it (docs/json.md): times are ISO 8601 in the camera's zone. */
export function clipFacts(clip: Clip) {
  const instant = (at: number) => formatInstant(at, clip.timeZone);
  const maybe = (at: number | null) => (at === null ? null : instant(at));
  return {
    id: clip.id,
    camera: clip.camera,
    originalPath: clip.originalPath,
    path: clip.path,
    bytes: clip.bytes,
    sha256: clip.sha256,
    kind: clip.kind,
    completeness: clip.completeness,
    completenessBasis: clip.completenessBasis,
    claimedAt: maybe(clip.claimedAt),
    timeSource: clip.timeSource,
    clockOffsetMs: clip.clockOffsetMs,
    receivedAt: instant(clip.receivedAt),
    startAt: instant(clip.startAt),
    durationMs: clip.durationMs,
    width: clip.width,
    height: clip.height,
    codec: clip.codec,
    thumbnail: clip.thumbnail,
    eventId: clip.event,
    supersededBy: clip.supersededBy,
    withdrawnAt: maybe(clip.withdrawnAt),
    problem: clip.problem,
  };
}
