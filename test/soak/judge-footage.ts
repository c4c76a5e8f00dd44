// What must be true of footage, whatever happened to the cameras, to ffmpeg and to the daemon.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Catalogue } from '../../src/catalogue/catalogue.ts';
import type { OpenSegment, Segment } from '../../src/catalogue/footage.ts';
import { type Gap, type GapReason, type Span, spansBetween } from '../../src/domain/footage/coverage.ts';
import type { Random } from './soak-cameras.ts';

/** Something that was done; it explains gaps that lie between `startAt` and a while after its end. */
export type Fault = {
  readonly name: string;
  /** Null: all of them. */
  readonly camera: string | null;
  readonly reasons: readonly GapReason[];
  readonly startAt: number;
  endAt: number;
  /** By camera, when it was recorded again. */
  readonly recoveredAt: Map<string, number>;
};

export type Ground = Readonly<{
  catalogue: Catalogue;
  dataDir: string;
  cameras: readonly string[];
  faults: readonly Fault[];
  random: Random;
  /** Segments whose bytes were found right before. */
  seen: Set<string>;
}>;

export type Verdict = Readonly<{
  violations: string[];
  cameras: readonly CameraVerdict[];
  played: number;
}>;

export type CameraVerdict = Readonly<{
  camera: string;
  segments: number;
  wholeMs: number;
  recordedMs: number;
  gapMs: number;
  /** In no segment and in no gap. */
  unaccountedMs: number;
  gaps: number;
  byReason: Readonly<Record<string, number>>;
}>;

/** From the end of a fault until it is recorded again. */
export const recoveryLimitMs = 35_000;
/** What a fault may take of what came before it: the loss window, and what was on its way. */
const lostBeforeMs = 8000;
/** Until it is noticed, and then until the next attempt. */
const explainedForMs = 45_000;
const playedAtOnce = 40;
/** Outside of what faults explain; fragments are a second long. */
const toleranceMs = 1000;

export async function judgeFootage(ground: Ground, now: number): Promise<Verdict> {
  const violations: string[] = [];
  const verdicts: CameraVerdict[] = [];
  const all: Segment[] = [];
  for (const camera of ground.cameras) {
    const facts = readFacts(ground.catalogue, camera, now);
    all.push(...facts.segments);
    const { verdict, complaints } = judgeTimeLine(camera, facts, ground.faults, now);
    verdicts.push(verdict);
    violations.push(...complaints.map(each => `${camera}: ${each}`));
  }
  violations.push(...filesWithoutRow(ground), ...wrongFiles(ground, all));
  const sample = sampleOf(all, ground.random);
  for (const segment of sample) violations.push(...(await playFault(ground.dataDir, segment)));
  return { violations, cameras: verdicts, played: sample.length };
}

type Facts = Readonly<{
  segments: readonly Segment[];
  open: OpenSegment | undefined;
  gaps: readonly Gap[];
  isAlive: boolean;
}>;

/** Read again when a segment was finished in between. */
function readFacts(catalogue: Catalogue, camera: string, now: number): Facts {
  const openNow = () => catalogue.openSegments().find(open => open.camera === camera);
  for (;;) {
    const open = openNow();
    const span = { camera, from: 0, to: now };
    const segments = catalogue.segmentsBetween(span, -1);
    const gaps = catalogue.gaps({ ...span, now }, -1);
    const isAlive = catalogue.isRecording(camera, now);
    if (openNow()?.id === open?.id) return { segments, open, gaps, isAlive };
  }
}

function judgeTimeLine(camera: string, facts: Facts, faults: readonly Fault[], now: number) {
  const { segments, open, gaps, isAlive } = facts;
  const complaints: string[] = [];
  const openSpan = open && { startAt: open.startAt, endAt: isAlive ? now : open.endAt };
  const recorded: Span[] = [...segments, ...(openSpan ? [openSpan] : [])];
  const whole = {
    startAt: Math.min(now, ...[...recorded, ...gaps].map(({ startAt }) => startAt)),
    endAt: now,
  };
  for (const [one, other] of overlaps(recorded))
    complaints.push(`segments overlap: ${tell(one)} and ${tell(other)}`);
  for (const [one, other] of overlaps([...recorded, ...gaps], 'mixed'))
    complaints.push(`a segment and a gap overlap: ${tell(one)} and ${tell(other)}`);
  const holes = spansBetween([...recorded, ...gaps], whole);
  for (const hole of holes) complaints.push(`in no segment and in no gap: ${tell(hole)}`);
  const own = faults.filter(fault => fault.camera === null || fault.camera === camera);
  for (const gap of gaps)
    if (!own.some(fault => explains(fault, gap)))
      complaints.push(`nothing explains the gap ${gap.reason} ${tell(gap)}`);
  const windows = own.map(({ startAt, endAt, recoveredAt }) => ({
    startAt: startAt - lostBeforeMs,
    endAt: Math.min(endAt + recoveryLimitMs, recoveredAt.get(camera) ?? now),
  }));
  for (const missing of spansBetween([...recorded, ...windows], whole))
    if (missing.endAt - missing.startAt > toleranceMs)
      complaints.push(`no fault, and not recorded: ${tell(missing)}`);
  return {
    complaints,
    verdict: {
      ...{ camera, segments: segments.length, gaps: gaps.length, wholeMs: now - whole.startAt },
      recordedMs: now - whole.startAt - sum(spansBetween(recorded, whole)),
      gapMs: sum(gaps),
      unaccountedMs: sum(holes),
      byReason: Object.fromEntries(
        [...new Set(gaps.map(({ reason }) => reason))].map(reason => [
          reason,
          sum(gaps.filter(gap => gap.reason === reason)),
        ]),
      ),
    },
  };
}

function explains(fault: Fault, gap: Gap): boolean {
  return (
    fault.reasons.includes(gap.reason) &&
    gap.endAt >= fault.startAt - lostBeforeMs &&
    gap.startAt <= fault.endAt + explainedForMs
  );
}

/** `mixed`: only those of two kinds, of which gaps have a reason. */
function overlaps(spans: readonly Span[], which: 'all' | 'mixed' = 'all'): [Span, Span][] {
  const sorted = spans.toSorted((one, other) => one.startAt - other.startAt);
  const found: [Span, Span][] = [];
  for (let index = 1; index < sorted.length; index++) {
    const [one, other] = [sorted[index - 1] as Span, sorted[index] as Span];
    const isMixed = 'reason' in one !== 'reason' in other;
    if (other.startAt < one.endAt && (which === 'all' || isMixed)) found.push([one, other]);
  }
  return found;
}

function sum(spans: readonly Span[]): number {
  return spans.reduce((total, { startAt, endAt }) => total + endAt - startAt, 0);
}

function tell({ startAt, endAt }: Span): string {
  return `${new Date(startAt).toISOString()} to ${new Date(endAt).toISOString()} (${endAt - startAt} ms)`;
}

/** Looked at twice: a file is renamed at any time. */
function filesWithoutRow(ground: Ground): string[] {
  const once = () => {
    const known = new Set(ground.catalogue.openSegments().map(({ path }) => `${path}.open`));
    const files = readdirSync(join(ground.dataDir, 'footage'), { recursive: true }) as string[];
    return files.filter(name => name.endsWith('.open') && !known.has(join('footage', name)));
  };
  const first = once();
  const second = new Set(first.length === 0 ? [] : once());
  return first.filter(name => second.has(name)).map(name => `${name} has no row`);
}

function wrongFiles({ dataDir, seen }: Ground, segments: readonly Segment[]): string[] {
  const wrong: string[] = [];
  for (const { id, path, sha256, bytes } of segments) {
    if (seen.has(id)) continue;
    try {
      const content = readFileSync(join(dataDir, path));
      const isRight =
        content.length === bytes && createHash('sha256').update(content).digest('hex') === sha256;
      if (isRight) seen.add(id);
      else wrong.push(`${path} is not what was filed`);
    } catch (error) {
      wrong.push(`${path} cannot be read: ${(error as Error).message}`);
    }
  }
  return wrong;
}

/** Half of them are of those that did not end as planned, where there are so many. */
function sampleOf(segments: readonly Segment[], random: Random): Segment[] {
  const shuffled = segments.map(segment => ({ segment, at: random(2 ** 31) })).sort((a, b) => a.at - b.at);
  const broken = shuffled.filter(({ segment }) => segment.endReason !== 'rotated').slice(0, playedAtOnce / 2);
  const rest = shuffled.filter(each => !broken.includes(each)).slice(0, playedAtOnce - broken.length);
  return [...broken, ...rest].map(({ segment }) => segment);
}

async function playFault(dataDir: string, { path }: Segment): Promise<string[]> {
  // In the ticks of the file: rounded to the rate that its first pictures suggest, two of them may fall into one.
  const ticks = ['-enc_time_base', '1:90000', '-fps_mode', 'passthrough'];
  const file = ['-threads', '1', '-i', join(dataDir, path)];
  const args = ['-v', 'error', '-xerror', ...file, ...ticks, '-f', 'null', '-'];
  const { stderr } = await promisify(execFile)('ffmpeg', args, { timeout: 60_000 }).catch(error => error);
  return stderr === '' ? [] : [`${path} does not play: ${String(stderr).slice(0, 300)}`];
}
