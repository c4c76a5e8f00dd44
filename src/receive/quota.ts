// What a camera may upload in a day (UTC), counted while the bytes come, so that many sessions at once cannot each use the
// whole of what is left.

import type { Camera } from '../access/accounts.ts';
import type { DailyUsage, Usage } from '../access/daily-usage.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { noteDown } from './note-down.ts';

export type QuotaLimits = Readonly<{
  maxBytesPerDay: number;
  maxFilesPerDay: number;
  maxDirectoriesPerDay: number;
}>;

export type Quotas = Readonly<{
  /** Lets one more file in and counts it; undefined when the day's files or bytes are used up. */
  openFile(camera: Camera): FileQuota | undefined;
  /** Counts a directory; false when the day's are used up. */
  takeDirectory(camera: Camera): boolean;
}>;

export type FileQuota = Readonly<{
  /** How many of `wanted` bytes are within the day's; these are counted. */
  take(wanted: number): number;
  /** The upload has ended: what it took is written down. */
  close(): void;
}>;

export function createQuotas(parts: {
  memory: DailyUsage;
  limits: QuotaLimits;
  clock: Clock;
  log: Log;
}): Quotas {
  const { limits, clock, log } = parts;
  const memory = carriedOn(parts.memory, log);
  /** Bytes of uploads that have not ended; the sum of a camera's sessions. */
  const running = new Map<string, number>();
  let today = '';

  const dayNow = () => {
    const day = new Date(clock.now()).toISOString().slice(0, 10);
    if (day !== today) memory.forgetUsage(day);
    today = day;
    return day;
  };
  const addRunning = (name: string, bytes: number) => {
    const sum = (running.get(name) ?? 0) + bytes;
    if (sum === 0) running.delete(name);
    else running.set(name, sum);
  };

  return {
    openFile(camera) {
      const { name } = camera;
      const day = dayNow();
      const maxBytes = camera.maxBytesPerDay ?? limits.maxBytesPerDay;
      const used = memory.usage(name, day);
      const isFull = used.bytes + (running.get(name) ?? 0) >= maxBytes;
      if (isFull || used.files >= (camera.maxFilesPerDay ?? limits.maxFilesPerDay)) return undefined;
      memory.addUsage(name, day, { files: 1 });
      let taken = 0;
      return {
        take(wanted) {
          const left = maxBytes - memory.usage(name, dayNow()).bytes - (running.get(name) ?? 0);
          const bytes = Math.max(0, Math.min(wanted, left));
          taken += bytes;
          addRunning(name, bytes);
          return bytes;
        },
        close() {
          addRunning(name, -taken);
          if (taken > 0) memory.addUsage(name, dayNow(), { bytes: taken });
          taken = 0;
        },
      };
    },
    takeDirectory({ name }) {
      const day = dayNow();
      if (memory.usage(name, day).directories >= limits.maxDirectoriesPerDay) return false;
      memory.addUsage(name, day, { directories: 1 });
      return true;
    },
  };
}

/** While the state disk is full, what cannot be written is counted in memory: no camera is refused for it, and none is free. */
function carriedOn(memory: DailyUsage, log: Log): DailyUsage {
  const unwritten = new Map<string, Usage>();
  // Asked for with every piece of an upload, and nobody else writes it.
  const written = new Map<string, Usage>();
  const none: Usage = { bytes: 0, files: 0, directories: 0 };
  const writtenOf = (camera: string, day: string): Usage => {
    const key = `${camera} ${day}`;
    const known = written.get(key) ?? memory.usage(camera, day);
    written.set(key, known);
    return known;
  };
  return {
    usage(camera, day) {
      const more = unwritten.get(`${camera} ${day}`);
      return more === undefined ? writtenOf(camera, day) : sum(writtenOf(camera, day), more);
    },
    addUsage(camera, day, more) {
      const key = `${camera} ${day}`;
      const all = sum(unwritten.get(key) ?? none, { ...none, ...more });
      unwritten.set(key, all);
      noteDown(log, () => {
        const before = writtenOf(camera, day);
        memory.addUsage(camera, day, all);
        written.set(key, sum(before, all));
        unwritten.delete(key);
      });
    },
    forgetUsage(day) {
      for (const usages of [unwritten, written])
        for (const key of usages.keys()) if (!key.endsWith(` ${day}`)) usages.delete(key);
      noteDown(log, () => memory.forgetUsage(day));
    },
  };
}

function sum(a: Usage, b: Usage): Usage {
  return { bytes: a.bytes + b.bytes, files: a.files + b.files, directories: a.directories + b.directories };
}
