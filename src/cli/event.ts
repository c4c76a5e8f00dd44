// clipward event: clips and pictures that belong together.

import type { Command } from 'commander';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Clip } from '../catalogue/clip-row.ts';
import type { ListedEvent } from '../catalogue/event-queries.ts';
import type { Event } from '../catalogue/event-rows.ts';
import { formatInstant } from '../domain/time-zone.ts';
import { eventFacts } from '../inspect/event-facts.ts';
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
    if (desk.wantsJson(command))
      return printJsonArray(desk, events, row =>
        eventFacts(row, { held: row.held === 1, clips: clipsIn(row), timeZone: zoneOf(row.camera) }),
      );
    const count = printTable(desk, columns, events, row => [
      row.id.slice(0, shortIdLength),
      row.camera,
      shownInstant(formatInstant(row.startAt, zoneOf(row.camera))),
      ((row.endAt - row.startAt) / 1000).toFixed(1),
      String(clipsIn(row).length),
      row.held === 1 ? 'held' : '',
    ]);
    if (count === 0) desk.remark(isFiltered(options) ? 'No event matches.' : 'No events yet.');
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
      if (desk.wantsJson(command)) {
        const facts = eventFacts(found, { held, clips: Array.from(clips, clip => clip.id), timeZone });
        return desk.print(JSON.stringify(facts, null, 2));
      }
      const { id: eventId, camera, startAt, endAt } = eventFacts(found, { held, clips: [], timeZone });
      desk.print(
        formatFacts(
          Object.entries({ id: eventId, camera, startAt, endAt, held }).map(([name, value]) => [
            name,
            String(value),
          ]),
        ),
      );
      desk.print('');
      printTable(desk, clipColumns, clips, clipRow);
    });
  withCommonOptions(show, { json: true });
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

function clipRow(clip: Clip): string[] {
  return [
    clip.id.slice(0, shortIdLength),
    shownInstant(formatInstant(clip.startAt, clip.timeZone)),
    clip.durationMs === null ? '' : (clip.durationMs / 1000).toFixed(1),
    formatBytes(clip.bytes),
    clip.kind,
    marksOf(clip).join(', '),
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
