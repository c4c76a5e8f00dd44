// clipward event export: one MP4 of an event, and its evidence.

import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { FailedError } from '../base/errors.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Event } from '../catalogue/event-rows.ts';
import type { Segment } from '../catalogue/footage.ts';
import { exportEvent } from '../inspect/export/export-event.ts';
import type { ExportFacts } from '../inspect/export/export-facts.ts';
import { requireAbsent } from '../inspect/export/out-file.ts';
import { manifestPath } from '../inspect/export/write-export.ts';
import type { Settings } from '../settings/settings.ts';
import { openCameraZones } from './camera-zones.ts';
import type { Desk } from './desk.ts';
import { exportProof } from './export-proof.ts';
import { printExport, runExport } from './exporting.ts';
import { withCommonOptions } from './frame.ts';
import { openIfThere } from './open-catalogue.ts';

export function registerEventExport(
  event: Command,
  desk: Desk,
  oneEvent: (catalogue: Catalogue | undefined, prefix: string) => Event,
): void {
  const exported = event
    .command('export')
    .argument('<id>', 'the id of an event, or its beginning')
    .requiredOption('--out <file>', 'the MP4 to write; what exists is never overwritten')
    .option('--proof', 'beside it, the files that it was made of, with what shows that they have not changed')
    .description('write an event with the footage around it as one MP4, with a manifest beside it')
    .action(async (id: string, options: { out: string; proof?: boolean }, command: Command) => {
      const settings = desk.settings(command);
      using catalogue = openIfThere(settings);
      const found = oneEvent(catalogue, id);
      if (catalogue === undefined) return;
      const out = resolve(options.out);
      const evidence = `${out}.evidence`;
      if (options.proof) await requireAbsent(evidence);
      const timeZone = openCameraZones(settings)(found.camera);
      const { footageBeforeMs: beforeMs, footageAfterMs: afterMs } = settings.events;
      const { facts, proof } = await runExport({ settings, catalogue, timeZone }, async (parts, signal) => {
        const facts = await exportEvent(parts, { event: found, beforeMs, afterMs, out }, signal);
        if (!options.proof) return { facts, proof: undefined };
        try {
          const media = await writeProof({ settings, catalogue }, { event: found, facts, evidence }, signal);
          signal.throwIfAborted();
          return { facts, proof: media };
        } catch (error) {
          for (const path of [out, manifestPath(out)]) await rm(path, { force: true });
          throw error;
        }
      });
      if (facts.pieces.some(({ media }) => media === 'clip'))
        desk.remark('There is no footage of this event: these are its clips.');
      if (proof !== undefined && facts.pieces.some(({ open }) => open))
        desk.remark(
          'The segment that is still being written has no proof yet: export again when it is finished, in about a minute.',
        );
      printExport(desk, facts, {
        isJson: desk.wantsJson(command),
        more:
          proof === undefined
            ? []
            : Object.entries({ ...proof, toCheck: `sh ${join(evidence, 'verify.sh')}` }),
      });
    });
  withCommonOptions(exported, { json: true });
}

/** Of every segment that is in it, and of all clips of the event. */
async function writeProof(
  { settings, catalogue }: { settings: Settings; catalogue: Catalogue },
  { event, facts, evidence }: { event: Event; facts: ExportFacts; evidence: string },
  signal: AbortSignal,
) {
  const segments: Segment[] = [];
  for (const { media, id, open } of facts.pieces) {
    const row = media === 'segment' && !open ? catalogue.segment(id) : undefined;
    if (row !== undefined) segments.push(row);
  }
  const clips = [...catalogue.clipsOfEvent(event.id)];
  if (segments.length + clips.length === 0)
    throw new FailedError('There is nothing yet that could be proven: try again in a minute.');
  return await exportProof(settings, catalogue, { clips, segments, signal }, evidence);
}
