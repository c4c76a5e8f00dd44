// clipward footage export: one MP4 of what was recorded.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { FailedError, UsageError } from '../base/errors.ts';
import { formatInstant } from '../domain/time-zone.ts';
import { exportFootage } from '../inspect/export/export-footage.ts';
import { wordFor } from '../inspect/export/sentences.ts';
import { parseWhen } from '../inspect/instants.ts';
import { parseCameraName } from './camera-arguments.ts';
import { openCameraZones } from './camera-zones.ts';
import type { Desk } from './desk.ts';
import { printExport, runExport } from './exporting.ts';
import { withCommonOptions } from './frame.ts';
import { openIfThere } from './open-catalogue.ts';

type Options = { camera: string; from: string; to?: string; out: string };

export function registerFootageExport(footage: Command, desk: Desk): void {
  const exported = footage
    .command('export')
    .requiredOption('--camera <name>', 'of this camera')
    .requiredOption(
      '--from <time>',
      'from the key frame at or before this time: ISO 8601, or how long ago (2h, 90m)',
    )
    .option('--to <time>', 'to the first fragment that ends at or after this time; now when it is left out')
    .requiredOption('--out <file>', 'the MP4 to write; what exists is never overwritten')
    .description('write footage as one MP4, with a manifest beside it')
    .action(async (options: Options, command: Command) => {
      const camera = parseCameraName(options.camera);
      const now = systemClock.now();
      const from = parseWhen(options.from, '--from', now);
      const to = options.to === undefined ? now : parseWhen(options.to, '--to', now);
      if (to <= from) throw new UsageError('--to must be later than --from.');
      const settings = desk.settings(command);
      using catalogue = openIfThere(settings);
      const timeZone = openCameraZones(settings)(camera);
      const span = { camera, from, to };
      const made =
        catalogue &&
        (await runExport({ settings, catalogue, timeZone }, (parts, signal) =>
          exportFootage(parts, { ...span, out: resolve(options.out), event: null }, signal),
        ));
      const facts = made?.facts;
      if (facts === undefined) {
        const gaps = catalogue?.gaps({ ...span, now }) ?? [];
        const reasons = [...(made?.lost ?? []), ...gaps].map(({ reason }) => wordFor(reason));
        if (from >= now) reasons.push(wordFor('not-yet'));
        throw new FailedError(
          `There is no footage of ${camera} from ${formatInstant(from, timeZone)} to ${formatInstant(to, timeZone)} (${[...new Set(reasons)].join(', ') || wordFor('no-record')}): clipward footage list --camera NAME shows what there is.`,
        );
      }
      printExport(desk, facts, { isJson: desk.wantsJson(command) });
    });
  withCommonOptions(exported, { json: true });
}
