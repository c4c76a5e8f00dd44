// clipward clip: what was filed.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openClipFiles } from '../archive/clip-files.ts';
import { systemClock } from '../base/clock.ts';
import { FailedError, UsageError } from '../base/errors.ts';
import { type Catalogue, catalogueFile, openCatalogue } from '../catalogue/catalogue.ts';
import type { Clip } from '../catalogue/clip-row.ts';
import { clipFacts } from '../inspect/clip-facts.ts';
import { parseWhen } from '../inspect/instants.ts';
import type { Settings } from '../settings/settings.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { formatBytes, formatFacts, formatTable } from './table.ts';

export function registerClipCommands(program: Command, desk: Desk): void {
  const clip = program.command('clip').description('clips and other files that cameras sent');
  registerList(clip, desk);
  registerShow(clip, desk);
  registerExport(clip, desk);
}

type ListOptions = { camera?: string; since?: string; until?: string; limit?: string };
const filters = ['camera', 'since', 'until'];

function registerList(clip: Command, desk: Desk): void {
  const list = clip
    .command('list')
    .description('clips, newest first')
    .option('--camera <name>', 'only of this camera')
    .option('--since <time>', 'only what starts at or after this time: ISO 8601, or how long ago (2h, 3d)')
    .option('--until <time>', 'only what starts before this time')
    .option('--limit <number>', 'this many at the most')
    .action((options: ListOptions, command: Command) => {
      const now = systemClock.now();
      const query = {
        camera: options.camera,
        since: options.since === undefined ? undefined : parseWhen(options.since, '--since', now),
        until: options.until === undefined ? undefined : parseWhen(options.until, '--until', now),
        limit: options.limit === undefined ? undefined : parseLimit(options.limit),
      };
      using catalogue = openIfThere(desk.settings(command));
      const clips = catalogue?.listClips(query) ?? [];
      if (desk.wantsJson(command)) printJsonArray(desk, clips);
      else
        printClipTable(
          desk,
          clips,
          Object.keys(options).some(each => filters.includes(each)),
        );
    });
  withCommonOptions(list, { json: true });
}

function registerShow(clip: Command, desk: Desk): void {
  const show = clip
    .command('show')
    .argument('<id>', 'the id of a clip, or its beginning')
    .description('everything that is known about one clip')
    .action((id: string, _options: unknown, command: Command) => {
      using catalogue = openIfThere(desk.settings(command));
      const facts = { ...clipFacts(oneClip(catalogue, id)) };
      if (desk.wantsJson(command)) return desk.print(JSON.stringify(facts, null, 2));
      const shown = Object.entries(facts).filter(([, value]) => value !== null);
      desk.print(formatFacts(shown.map(([name, value]) => [name, String(value)] as const)));
    });
  withCommonOptions(show, { json: true });
}

function registerExport(clip: Command, desk: Desk): void {
  const exported = clip
    .command('export')
    .argument('<id>', 'the id of a clip, or its beginning')
    .requiredOption('--out <file>', 'where to write it; a file that exists is never overwritten')
    .description('copy a clip out of the archive, byte for byte')
    .action(async (id: string, options: { out: string }, command: Command) => {
      const settings = desk.settings(command);
      using catalogue = openIfThere(settings);
      const found = oneClip(catalogue, id);
      const out = resolve(options.out);
      // Nothing is written to the archive, and without its id nothing could be.
      await openClipFiles({ dataDir: settings.dataDir, archiveId: '' }).exportClip(found.path, out);
      desk.print(
        formatFacts([
          ['wrote', out],
          ['bytes', String(found.bytes)],
          ['sha256', found.sha256],
        ]),
      );
    });
  withCommonOptions(exported, { json: false });
}

/** Undefined before the first start: there are no clips then, which is no failure. */
function openIfThere(settings: Settings): Catalogue | undefined {
  const file = catalogueFile(settings.stateDir);
  return existsSync(file) ? openCatalogue({ file, readOnly: true }) : undefined;
}

function oneClip(catalogue: Catalogue | undefined, prefix: string): Clip {
  if (!/^[0-9a-z]{1,26}$/.test(prefix))
    throw new UsageError('The id of a clip is expected, or its beginning: clipward clip list shows them.');
  const [clip, another] = catalogue?.clipsByPrefix(prefix) ?? [];
  if (clip === undefined)
    throw new FailedError(`No clip has an id that begins with ${prefix}: clipward clip list shows them.`);
  if (another !== undefined)
    throw new FailedError(`More than one clip has an id that begins with ${prefix}: give more of it.`);
  return clip;
}

function parseLimit(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new UsageError(`--limit ${JSON.stringify(text)} is no count: expected a whole number from 1.`);
  return Number(text);
}

/** One clip a line, so that a million of them need no memory. */
function printJsonArray(desk: Desk, clips: Iterable<Clip>): void {
  let pending: string | undefined;
  desk.print('[');
  for (const clip of clips) {
    if (pending !== undefined) desk.print(`  ${pending},`);
    pending = JSON.stringify(clipFacts(clip));
  }
  if (pending !== undefined) desk.print(`  ${pending}`);
  desk.print(']');
}

/** Columns are lined up within this many rows; nobody compares further with the eye. */
const rowsPerTable = 1000;

function printClipTable(desk: Desk, clips: Iterable<Clip>, isFiltered: boolean): void {
  let rows: string[][] = [];
  let count = 0;
  const flush = () => {
    if (rows.length > 0) desk.print(formatTable(columns, rows));
    rows = [];
  };
  for (const clip of clips) {
    rows.push(rowOf(clip));
    count++;
    if (rows.length === rowsPerTable) flush();
  }
  flush();
  if (count === 0) desk.remark(isFiltered ? 'No clip matches.' : 'No clips yet.');
}

const columns = [
  'ID',
  'CAMERA',
  'START',
  'FROM',
  { title: 'SECONDS', right: true },
  { title: 'SIZE', right: true },
  'KIND',
  'COMPLETE',
  'NAME',
] as const;

function rowOf(clip: Clip): string[] {
  const { startAt } = clipFacts(clip);
  return [
    clip.id.slice(0, shortIdLength),
    clip.camera,
    startAt.replace('T', ' ').replace(/\.\d+/, ' '),
    clip.timeSource,
    clip.durationMs === null ? '' : (clip.durationMs / 1000).toFixed(1),
    formatBytes(clip.bytes),
    clip.kind,
    clip.completeness,
    clip.originalPath,
  ];
}

/** 50 random bits: enough to be the only one among millions. */
const shortIdLength = 10;
