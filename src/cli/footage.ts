// clipward footage: what was recorded of the cameras' own streams, and what was not.

import type { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { ClipQuery } from '../catalogue/clips.ts';
import type { ListedGap, Segment } from '../catalogue/footage.ts';
import { formatInstant } from '../domain/time-zone.ts';
import { gapFacts, segmentFacts } from '../inspect/footage-facts.ts';
import type { Settings } from '../settings/settings.ts';
import { parseCameraName } from './camera-arguments.ts';
import { openCameraZones } from './camera-zones.ts';
import type { Desk } from './desk.ts';
import { registerFootageExport } from './footage-export.ts';
import { withCommonOptions } from './frame.ts';
import { listQuery, printJsonArray, printTable, shownInstant } from './listing.ts';
import { openIfThere } from './open-catalogue.ts';
import { lengthText } from './recording-text.ts';
import { formatBytes } from './table.ts';
import { unknownCamera } from './unknown-camera.ts';

export function registerFootageCommands(program: Command, desk: Desk): void {
  const footage = program.command('footage').description('continuous footage of the cameras');
  registerList(footage, desk);
  registerGaps(footage, desk);
  registerFootageExport(footage, desk);
}

/** As one of them was typed, and commander does not say which. */
const spanNames = { since: '--from (or --since)', until: '--to (or --until)' } as const;

type SpanOptions = { camera: string; since?: string; until?: string; limit?: string };

function withSpanOptions(command: Command): Command {
  return command
    .requiredOption('--camera <name>', 'of this camera')
    .option(
      '--from, --since <time>',
      'only what was still going on at this time: ISO 8601, or how long ago (2h, 3d)',
    )
    .option('--to, --until <time>', 'only what begins before this time')
    .option('--limit <number>', 'this many at the most');
}

function registerList(footage: Command, desk: Desk): void {
  const list = withSpanOptions(footage.command('list').description('files of footage, newest first')).action(
    (options: SpanOptions, command: Command) => {
      const asked = { ...listQuery(options, spanNames), camera: parseCameraName(options.camera) };
      const settings = desk.settings(command);
      using catalogue = openIfThere(settings);
      const timeZone = openCameraZones(settings)(asked.camera);
      const { camera, since: from, until: to, limit } = asked;
      const segments = catalogue?.listSegments({ camera, from, to, limit, newestFirst: true }) ?? [];
      if (desk.wantsJson(command))
        return printJsonArray(desk, segments, segment => segmentFacts(segment, timeZone));
      const count = printTable(desk, segmentColumns, segments, segment => segmentRow(segment, timeZone));
      tellOpenSegment(desk, { settings, catalogue, asked, timeZone, count });
    },
  );
  withCommonOptions(list, { json: true });
}

const segmentColumns = [
  'START',
  { title: 'SECONDS', right: true },
  { title: 'SIZE', right: true },
  'VIDEO',
  'SOUND',
  'ENDED',
  'FILE',
] as const;

function segmentRow(segment: Segment, timeZone: string): string[] {
  const { width, height } = segment;
  return [
    shownInstant(formatInstant(segment.startAt, timeZone)),
    (segment.durationMs / 1000).toFixed(1),
    formatBytes(segment.bytes),
    width === null || height === null ? segment.codec : `${segment.codec} ${width}x${height}`,
    segment.audioCodec ?? '',
    segment.endReason,
    segment.path,
  ];
}

/** It has no row in the list yet: its bytes, and so its hash, still change. */
function tellOpenSegment(
  desk: Desk,
  parts: {
    settings: Settings;
    catalogue: Catalogue | undefined;
    asked: ClipQuery & Readonly<{ camera: string }>;
    timeZone: string;
    count: number;
  },
): void {
  const { settings, catalogue, asked, timeZone, count } = parts;
  const { camera, until = Number.POSITIVE_INFINITY } = asked;
  const open = catalogue?.openSegments().find(segment => segment.camera === camera);
  if (open === undefined || open.startAt >= until) {
    if (count === 0)
      desk.remark(
        unknownCamera(settings, catalogue, camera) ??
          `No footage of ${camera}${isWhole(asked) ? ' yet' : ' matches'}.`,
      );
    return;
  }
  const since = shownInstant(formatInstant(open.startAt, timeZone));
  desk.remark(
    catalogue?.isRecording(camera, systemClock.now())
      ? `What has been recorded since ${since} is still being written, and is listed when its file is finished.`
      : `What was recorded from ${since} on was left unfinished by a recorder that ended; clipward serve finishes it.`,
  );
}

function isWhole({ since, until }: ClipQuery): boolean {
  return since === undefined && until === undefined;
}

function registerGaps(footage: Command, desk: Desk): void {
  const gaps = withSpanOptions(
    footage.command('gaps').description('times without footage, and why, newest first'),
  ).action((options: SpanOptions, command: Command) => {
    const asked = { ...listQuery(options, spanNames), camera: parseCameraName(options.camera) };
    const settings = desk.settings(command);
    using catalogue = openIfThere(settings);
    const timeZone = openCameraZones(settings)(asked.camera);
    const { camera, since: from, until: to, limit } = asked;
    const found = catalogue?.listGaps({ camera, from, to, limit, now: systemClock.now() }) ?? [];
    if (desk.wantsJson(command)) return printJsonArray(desk, found, gap => gapFacts(gap, camera, timeZone));
    if (printTable(desk, gapColumns, found, gap => gapRow(gap, timeZone)) === 0)
      desk.remark(
        unknownCamera(settings, catalogue, camera) ??
          `No gap of ${camera}${isWhole(asked) ? ' is known' : ' matches'}.`,
      );
  });
  withCommonOptions(gaps, { json: true });
}

const gapColumns = ['START', 'END', { title: 'LENGTH', right: true }, 'REASON'] as const;

function gapRow(gap: ListedGap, timeZone: string): string[] {
  return [
    shownInstant(formatInstant(gap.startAt, timeZone)),
    gap.lasts ? 'lasts' : shownInstant(formatInstant(gap.endAt, timeZone)),
    lengthText(gap.endAt - gap.startAt),
    gap.reason,
  ];
}
