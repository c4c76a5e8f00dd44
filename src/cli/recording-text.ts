import type { RecordingFacts } from '../inspect/recording.ts';
import { shownInstant } from './listing.ts';

/** `yes`, `no: unreachable since 2026-11-21 03:49:00 +01:00`, or `not now` when it is not asked for. */
export function recordingText({ recording, gap }: Pick<RecordingFacts, 'recording' | 'gap'>): string {
  if (recording === null) return 'not now';
  if (recording) return 'yes';
  return gap === null ? 'no' : `no: ${gap.reason} since ${shownInstant(gap.since)}`;
}

/** `99.8 %`, cut rather than rounded: 100 % is all of it. */
export function coverageText({ coverage24h }: Pick<RecordingFacts, 'coverage24h'>): string {
  return coverage24h === null ? '' : `${(Math.floor(coverage24h * 1000) / 10).toFixed(1)} %`;
}

/** `0.4 s`, `12 s`, `3 min 20 s`, `26 h 3 min`: two parts are enough to compare by eye. */
export function lengthText(ms: number): string {
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
