// clipward clip: what was filed.

import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { openClipFiles } from '../archive/clip-files.ts';
import { systemClock } from '../base/clock.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Clip } from '../catalogue/clip-row.ts';
import { type Backfill, openBackfill } from '../inspect/backfill.ts';
import { clipFacts } from '../inspect/clip-facts.ts';
import { requireOutsideArchive } from '../inspect/export/out-file.ts';
import type { Desk } from './desk.ts';
import { exportProof } from './export-proof.ts';
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

export function registerClipCommands(program: Command, desk: Desk): void {
  const clip = program.command('clip').description('clips and other files that cameras sent');
  registerList(clip, desk);
  registerShow(clip, desk);
  registerExport(clip, desk);
}

function registerList(clip: Command, desk: Desk): void {
  const list = withListOptions(clip.command('list').description('clips, newest first')).action(
    (options: ListOptions, command: Command) => {
      const query = listQuery(options);
      const settings = desk.settings(command);
      using catalogue = openIfThere(settings);
      const clips = catalogue?.listClips(query) ?? [];
      const backfill = backfillFrom(catalogue);
      if (desk.wantsJson(command))
        return printJsonArray(desk, clips, clip => ({ ...clipFacts(clip), backfill: backfill(clip) }));
      if (printTable(desk, columns, clips, clip => rowOf(clip, backfill(clip))) === 0)
        desk.remark(
          unknownCamera(settings, catalogue, query.camera) ??
            (isFiltered(options) ? 'No clip matches.' : 'No clips yet.'),
        );
    },
  );
  withCommonOptions(list, { json: true });
}

function registerShow(clip: Command, desk: Desk): void {
  const show = clip
    .command('show')
    .argument('<id>', 'the id of a clip, or its beginning')
    .description('everything that is known about one clip')
    .action((id: string, _options: unknown, command: Command) => {
      using catalogue = openIfThere(desk.settings(command));
      const found = oneClip(catalogue, id);
      const facts = { ...clipFacts(found), backfill: backfillFrom(catalogue)(found) };
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
    .requiredOption(
      '--out <path>',
      'the file to write, with --proof the directory; what exists is never overwritten',
    )
    .option('--proof', 'with what shows that it has not changed since it was received (docs/integrity.md)')
    .description('copy a clip out of the archive, byte for byte')
    .action(async (id: string, options: { out: string; proof?: boolean }, command: Command) => {
      const settings = desk.settings(command);
      using catalogue = openIfThere(settings);
      const found = oneClip(catalogue, id);
      const out = resolve(options.out);
      await requireOutsideArchive(settings.dataDir, out);
      const proof =
        options.proof && catalogue
          ? await exportProof(settings, catalogue, { clips: [found] }, out)
          : undefined;
      // Nothing is written to the archive, and without its id nothing could be.
      if (proof === undefined)
        await openClipFiles({ dataDir: settings.dataDir, archiveId: '' }).exportClip(found.path, out);
      const facts = { id: found.id, wrote: out, bytes: found.bytes, sha256: found.sha256 };
      if (desk.wantsJson(command))
        return desk.print(JSON.stringify({ ...facts, proof: proof ?? null }, null, 2));
      desk.print(
        formatFacts([
          ...Object.entries(facts).map(([name, value]) => [name, String(value)] as const),
          ...(proof === undefined
            ? []
            : ([
                ['head', proof.head],
                ['signing key', proof.keyFingerprint],
                ['to check it', `sh ${join(out, 'verify.sh')}`],
              ] as const)),
        ]),
      );
    });
  withCommonOptions(exported, { json: true });
}

const oneClip = (catalogue: Catalogue | undefined, prefix: string): Clip =>
  oneByPrefix(text => catalogue?.clipsByPrefix(text) ?? [], prefix, {
    what: 'a clip',
    command: 'clipward clip list',
  });

const columns = [
  'ID',
  'CAMERA',
  'START',
  'FROM',
  { title: 'SECONDS', right: true },
  { title: 'SIZE', right: true },
  'KIND',
  'COMPLETE',
  'MARKS',
  'NAME',
] as const;

function backfillFrom(catalogue: Catalogue | undefined): Backfill {
  return catalogue === undefined ? () => null : openBackfill(catalogue, systemClock.now());
}

function rowOf(clip: Clip, backfill: boolean | null): string[] {
  const { startAt } = clipFacts(clip);
  return [
    clip.id.slice(0, shortIdLength),
    clip.camera,
    shownInstant(startAt),
    clip.timeSource,
    clip.durationMs === null ? '' : (clip.durationMs / 1000).toFixed(1),
    formatBytes(clip.bytes),
    clip.kind,
    clip.supersededBy === null ? clip.completeness : 'superseded',
    backfill ? 'back-fill' : '',
    clip.originalPath,
  ];
}
