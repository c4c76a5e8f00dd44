// What a filed clip says about its camera's clock, and what follows for the clips that were filed before it. Everything is
// read from the catalogue, so that an interruption costs nothing: the next clip finds the same.

import type { Log } from '../base/log.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Clip } from '../catalogue/clip-row.ts';
import type { Replacement } from '../catalogue/clocks.ts';
import {
  type ClockPeriod,
  estimateClock,
  isWrong,
  quarterHoursOff,
  refiningUploads,
} from '../domain/clock-offset.ts';
import type { CameraTime } from './parts.ts';
import { placeInTime } from './place-in-time.ts';

export type ClockParts = Readonly<{
  catalogue: Pick<
    Catalogue,
    'clockSamples' | 'clockPeriods' | 'claimingClips' | 'claimsUnderName' | 'fileClock'
  >;
  cameraTime(camera: string): CameraTime;
  log: Log;
}>;

/** Uploads that are looked at after each filing. */
const maxSamples = 2 * refiningUploads;
/** Clips that are placed anew when a clock becomes known: what arrived while it was being found out, and a burst beside it. */
const maxReplaced = 256;
/** Smaller changes of the estimate are not written: every clip would bring one. */
const worthWritingMs = 250;
/** How old the confirmation of an estimate may become, as drift is allowed for from then on. */
const confirmEveryMs = 3_600_000;

/** Looks at a camera's clock after one of its clips was filed. */
export function adjustClock(parts: ClockParts, camera: string): void {
  const { catalogue } = parts;
  const samples = catalogue.clockSamples(camera, maxSamples);
  const [known = null] = catalogue.clockPeriods(camera, 1);
  const period = estimateClock(samples, known);
  if (period === null) return;
  const isNew = period.since !== known?.since;
  if (!isNew && !isWorthWriting(period, known)) return;
  const replaced = isNew || isWrong(period) !== isWrong(known) ? replacements(parts, camera, period) : [];
  catalogue.fileClock(camera, period, period.estimatedAt, replaced);
  if (isNew) tell(parts.log.child({ camera }), period, known, replaced.length);
}

function isWorthWriting(period: ClockPeriod, known: ClockPeriod): boolean {
  return (
    Math.abs(period.offsetMs - known.offsetMs) >= worthWritingMs ||
    Math.abs(period.uncertaintyMs - known.uncertaintyMs) >= worthWritingMs ||
    period.estimatedAt - known.estimatedAt >= confirmEveryMs ||
    isWrong(period) !== isWrong(known)
  );
}

/** The clips of this period that lie elsewhere now. Those of earlier periods were filmed by another clock, and stay. */
function replacements(parts: ClockParts, camera: string, period: ClockPeriod): Replacement[] {
  return parts.catalogue.claimingClips(camera, period.since, maxReplaced).flatMap(clip => {
    const { startAt, timeSource, clockOffsetMs } = placedBy(parts, clip, period);
    const isSame =
      startAt === clip.startAt && timeSource === clip.timeSource && clockOffsetMs === clip.clockOffsetMs;
    return isSame ? [] : [{ clip: clip.id, startAt, timeSource, clockOffsetMs }];
  });
}

function placedBy({ catalogue, cameraTime }: ClockParts, clip: Clip, period: ClockPeriod) {
  const { camera, originalPath, receivedAt, timeZone } = clip;
  return placeInTime({
    acceptanceDays: cameraTime(camera).acceptanceDays,
    // The zone that its name was read in; the camera's may have been changed since.
    timeZone,
    path: originalPath,
    receivedAt,
    earlierClaims: catalogue.claimsUnderName(camera, originalPath, clip.sha256),
    clock: [period],
    kind: clip.kind === 'video' || clip.kind === 'image' ? clip.kind : 'other',
    containerCreatedAt: clip.timeSource === 'container' ? new Date(clip.startAt).toISOString() : null,
  });
}

function tell(log: Log, period: ClockPeriod, known: ClockPeriod | null, replaced: number): void {
  const { offsetMs, uncertaintyMs } = period;
  const quarterHours = quarterHoursOff(offsetMs);
  const facts = {
    offsetMs,
    uncertaintyMs,
    clips: replaced,
    ...(quarterHours !== 0 && { wholeHours: quarterHours / 4 }),
    ...(known !== null && { beforeMs: known.offsetMs }),
  };
  if (isWrong(period)) log.warn(facts, 'camera clock is wrong');
  else log.info(facts, known === null ? 'camera clock is right' : 'camera clock was set right');
}
