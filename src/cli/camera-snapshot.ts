// clipward camera snapshot: the last key frame that was recorded.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { FailedError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { formatInstant } from '../domain/time-zone.ts';
import { decodePicture, findLastKeyFrame } from '../inspect/export/last-picture.ts';
import { openOutFile, requireOutsideArchive } from '../inspect/export/out-file.ts';
import { parseCameraName } from './camera-arguments.ts';
import { openCameraZones } from './camera-zones.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { openIfThere } from './open-catalogue.ts';
import { formatFacts } from './table.ts';

/** Key frames of a camera that is being recorded are some seconds apart; an older picture could be taken for one of now. */
const freshMs = 60_000;

export function registerSnapshot(camera: Command, desk: Desk): void {
  const snapshot = camera
    .command('snapshot')
    .argument('<name>')
    .requiredOption('--out <file>', 'the JPEG to write; what exists is never overwritten')
    .option('--any-age', 'also a picture that is older than a minute')
    .description('write the last key frame that was recorded, in its full size')
    .action(async (nameText: string, options: { out: string; anyAge?: boolean }, command: Command) => {
      const name = parseCameraName(nameText);
      const settings = desk.settings(command);
      using catalogue = openIfThere(settings);
      const keyFrame = catalogue && (await findLastKeyFrame({ dataDir: settings.dataDir, catalogue }, name));
      if (keyFrame === undefined)
        throw new FailedError(
          `Nothing is recorded of ${name}: clipward camera set NAME --rtsp URL begins it, camera list shows the names.`,
        );
      const takenAt = formatInstant(keyFrame.takenAt, openCameraZones(settings)(name));
      const ageMs = Math.max(0, systemClock.now() - keyFrame.takenAt);
      if (ageMs > freshMs && !options.anyAge)
        throw new FailedError(
          `The last picture of ${name} is of ${takenAt}, nothing was recorded since then: --any-age writes it all the same, clipward footage gaps says why.`,
        );
      const out = resolve(options.out);
      await requireOutsideArchive(settings.dataDir, out);
      await using file = await openOutFile(out);
      // Loaded here: the receiver's process, which this program also is, has no decoder in it.
      const { openMedia } = await import('../media/media.ts');
      const media = await openMedia({ log: silentLog() });
      const { jpeg, width, height } = await decodePicture({ media }, keyFrame);
      await file.file.writeFile(jpeg);
      await file.publish();
      const facts = { camera: name, takenAt, ageMs, width, height, wrote: out, bytes: jpeg.length };
      if (desk.wantsJson(command)) return desk.print(JSON.stringify(facts, null, 2));
      desk.print(
        formatFacts([
          ...[
            ['camera', name] as const,
            ['taken', `${takenAt} (${(ageMs / 1000).toFixed(1)} s ago)`] as const,
          ],
          ...[['size', `${width}x${height}`] as const, ['wrote', out] as const],
        ]),
      );
    });
  withCommonOptions(snapshot, { json: true });
}
