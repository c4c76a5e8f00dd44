// clipward event: clips and pictures that belong together.

import type { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Clip } from '../catalogue/clip-row.ts';
import type { ListedEvent } from '../catalogue/event-queries.ts';
import type { Event } from '../catalogue/event-rows.ts';
import { counted } from '../domain/counted.ts';
import { formatInstant } from '../domain/time-zone.ts';
import { openBackfill } from '../inspect/backfill.ts';
import { type EventFootage, eventFacts, openEventFootage } from '../inspect/event-facts.ts';
import type { Settings } from '../settings/settings.ts';
import { openCameraZones } from './camera-zones.ts';
import type { Desk } from './desk.ts';
import { registerEventExport } from './event-export.ts';
import { withCommonOptions } from './frame.ts';
import {
  isFiltered,
  type ListOptions,
  listQuery,
  printJsonArray,
  printTable,
  shortIdLength,
  shownInstant,
  withListOptions,
} from './listing.ts';
import { oneByPrefix, openIfThere } from './open-catalogue.ts';
import { formatBytes, formatFacts } from './table.ts';
import { unknownCamera } from './unknown-camera.ts';

export function registerEventCommands(program: Command, desk: Desk): void {
  const event = program.command('event').description('clips and pictures that belong together');
  registerList(event, desk);
  registerShow(event, desk);
  registerEventExport(event, desk, oneEvent);
}

const columns = [
  'ID',
  'CAMERA',
  'START',
  { title: 'SECONDS', right: true },
  { title: 'CLIPS', right: true },
  'HELD',
] as const;

function registerList(event: Command, desk: Desk): void {
  const list = withListOptions(
    event.command('list').description('events, newest first'),
    'only what was still going on at this time: ISO 8601, or how long ago (2h, 3d)',
  ).action((options: ListOptions, command: Command) => {
    const query = listQuery(options);
    const settings = desk.settings(command);
    using catalogue = openIfThere(settings);
    const zoneOf = openCameraZones(settings);
    const events = catalogue?.listEvents(query) ?? [];
    const footageOf = footageReader(catalogue, settings);
    if (desk.wantsJson(command))
      return printJsonArray(desk, events, row => {
        const timeZone = zoneOf(row.camera);
        const more = { held: row.held === 1, clips: clipsIn(row), timeZone };
        return eventFacts(row, { ...more, ...footageOf(row, timeZone) });
      });
    const count = printTable(desk, columns, events, row => [
      row.id.slice(0, shortIdLength),
      row.camera,
      shownInstant(formatInstant(row.startAt, zoneOf(row.camera))),
      ((row.endAt - row.startAt) / 1000).toFixed(1),
      String(clipsIn(row).length),
      row.held === 1 ? 'held' : '',
    ]);
    if (count === 0)
      desk.remark(
        unknownCamera(settings, catalogue, query.camera) ??
          (isFiltered(options) ? 'No event matches.' : 'No events yet.'),
      );
  });
  withCommonOptions(list, { json: true });
}

function clipsIn(row: ListedEvent): string[] {
  return JSON.parse(row.clips) as string[];
}

function registerShow(event: Command, desk: Desk): void {
  const show = event
    .command('show')
    .argument('<id>', 'the id of an event, or its beginning')
    .description('one event and what is in it')
    .action((id: string, _options: unknown, command: Command) => {
      const settings = desk.settings(command);
      using catalogue = openIfThere(settings);
      const found = oneEvent(catalogue, id);
      const held = catalogue?.isEventHeld(found.id) ?? false;
      const timeZone = openCameraZones(settings)(found.camera);
      // Read as they are printed: there may be a million in it.
      const clips = catalogue?.clipsOfEvent(found.id) ?? [];
      const footage = footageReader(catalogue, settings)(found, timeZone);
      if (desk.wantsJson(command)) {
        const ids = Array.from(clips, clip => clip.id);
        const facts = eventFacts(found, { held, clips: ids, timeZone, ...footage });
        return desk.print(JSON.stringify(facts, null, 2));
      }
      const isWritten = catalogue !== undefined && isBeingWritten(found, catalogue, settings);
      const facts = eventFacts(found, { held, clips: [], timeZone, ...footage });
      const { id: eventId, camera, startAt, endAt } = facts;
      const shown = { id: eventId, camera, startAt, endAt, held, footage: footageText(footage, isWritten) };
      desk.print(formatFacts(Object.entries(shown).map(([name, value]) => [name, String(value)])));
      desk.print('');
      const backfill = catalogue ? openBackfill(catalogue, systemClock.now()) : () => null;
      printTable(desk, clipColumns, clips, clip => clipRow(clip, backfill(clip)));
      if (footage.footage.length === 0) return;
      desk.print('');
      printTable(desk, footageColumns, footage.footage, footageRow);
    });
  withCommonOptions(show, { json: true });
}

function footageReader(
  catalogue: Catalogue | undefined,
  settings: Settings,
): (event: Event, timeZone: string) => EventFootage {
  if (catalogue === undefined) return () => ({ footage: [], gaps: [] });
  return openEventFootage({ catalogue, margins: settings.events, now: systemClock.now() });
}

/** Whether the file that the camera is recorded into now reaches into the footage of the event. */
function isBeingWritten({ camera, endAt }: Event, catalogue: Catalogue, { events }: Settings): boolean {
  const open = catalogue.openSegments().find(segment => segment.camera === camera);
  return open !== undefined && open.startAt < endAt + events.footageAfterMs;
}

/** `3 files`, `2 files, 1 gap (stalled)`, `none`, `1 file, one that is still being written`. */
function footageText({ footage, gaps }: EventFootage, isWritten: boolean): string {
  const reasons = [...new Set(gaps.map(({ reason }) => reason))].join(', ');
  const parts = [
    ...(footage.length === 0 ? [] : [counted(footage.length, 'file')]),
    ...(isWritten ? ['one that is still being written'] : []),
    ...(gaps.length === 0 ? [] : [`${counted(gaps.length, 'gap')} (${reasons})`]),
  ];
  return parts.join(', ') || 'none';
}

const footageColumns = [
  'FOOTAGE',
  { title: 'SECONDS', right: true },
  { title: 'SIZE', right: true },
  'FILE',
] as const;

function footageRow({ startAt, durationMs, bytes, path }: EventFootage['footage'][number]): string[] {
  return [shownInstant(startAt), (durationMs / 1000).toFixed(1), formatBytes(bytes), path];
}

export function oneEvent(catalogue: Catalogue | undefined, prefix: string): Event {
  return oneByPrefix(text => catalogue?.eventsByPrefix(text) ?? [], prefix, {
    what: 'an event',
    command: 'clipward event list',
  });
}

const clipColumns = [
  'CLIP',
  'START',
  { title: 'SECONDS', right: true },
  { title: 'SIZE', right: true },
  'KIND',
  'MARKS',
  'THUMBNAIL',
] as const;

function clipRow(clip: Clip, backfill: boolean | null): string[] {
  return [
    clip.id.slice(0, shortIdLength),
    shownInstant(formatInstant(clip.startAt, clip.timeZone)),
    clip.durationMs === null ? '' : (clip.durationMs / 1000).toFixed(1),
    formatBytes(clip.bytes),
    clip.kind,
    [...marksOf(clip), ...(backfill ? ['back-fill'] : [])].join(', '),
    clip.thumbnail ?? '',
  ];
}

/** What a viewer of the event must know about a clip before believing it. */
function marksOf({ completeness, supersededBy, withdrawnAt, timeSource }: Clip): string[] {
  return [
    ...(completeness === 'whole' ? [] : [completeness]),
    ...(supersededBy === null ? [] : ['superseded']),
    ...(withdrawnAt === null ? [] : ['withdrawn']),
    ...(timeSource === 'arrival' ? ['time of arrival'] : []),
  ];
}
