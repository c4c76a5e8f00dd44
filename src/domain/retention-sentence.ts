import { counted } from './counted.ts';
import type { Forecast } from './retention-forecast.ts';
import { dayMs, type Unmet } from './retention-plan.ts';

/** What is asked for and cannot be had, and what to do about it, in a sentence each. */
export function unmetSentence(unmet: Unmet): string {
  switch (unmet.promise) {
    case 'free-disk':
      return `${bytesText(unmet.shortfallBytes)} more should be free on the disk, and nothing that may be deleted is left: remove files that are not Clipward's, remove holds, or lower retention.minAgeHours.`;
    case 'bytes':
      return `All media together take ${bytesText(unmet.shortfallBytes)} more than retention.maxBytes, and nothing that may be deleted is left: raise it, remove holds, or lower retention.minAgeHours.`;
    case 'camera-bytes':
      return `${unmet.camera} takes ${bytesText(unmet.shortfallBytes)} more than its max-bytes, and nothing of it that may be deleted is left: raise it with clipward camera set, or see why it sends so much.`;
    case 'floor-too-high':
      return `retention.minFreeBytes (${bytesText(unmet.minFreeBytes)}) is more than half of the disk (${bytesText(unmet.totalBytes)}), so only ${bytesText(unmet.floorBytes)} are kept free: lower the setting, or take a larger disk.`;
    case 'clock':
      return `The clock of this machine is ${counted(Math.floor(unmet.jumpMs / dayMs), 'day')} ahead of the last pass: nothing is deleted for its age until it has run on for a day; if it is right, clipward retention run --trust-clock.`;
  }
}

/** "30 days asked, 11 fit" and what to do; undefined for a promise that is kept, or none. */
export function promiseSentence({ camera, media, askedDays, fitDays, isKept }: Forecast): string | undefined {
  if (isKept || askedDays === null || fitDays === null) return undefined;
  const asked = `${counted(askedDays, 'day')}${media === 'footage' ? ' of footage' : ''}`;
  return `${camera}: ${asked} asked, ${Math.floor(fitDays)} fit at the present rate: give it more room (clipward camera set --max-bytes, a larger disk), let the camera send less, or ask for fewer days.`;
}

export function heldSentence(heldBytes: number, mediaBytes: number): string {
  const percent = Math.round((heldBytes / mediaBytes) * 100);
  return `${percent} % of the media is on hold (${bytesText(heldBytes)} of ${bytesText(mediaBytes)}), which leaves little room for new clips: remove holds that are no longer needed (clipward hold list), or take a larger disk.`;
}

function bytesText(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1000)} kB`;
}
