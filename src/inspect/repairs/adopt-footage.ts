// A file of footage without a row: what an older catalogue that was restored does not know of, or what was put back by hand. It
// becomes a segment that begins when its name says, as long as it can be played; nothing of it is thrown away.

import { openFootageFiles, readFootage } from '../../archive/footage-files.ts';
import { readFootagePath } from '../../archive/footage-path.ts';
import { lookAtStored } from '../../archive/list-stored.ts';
import { FailedError } from '../../base/errors.ts';
import { randomId } from '../../base/random-id.ts';
import { segmentFrom } from '../../catalogue/segment-facts.ts';
import { requireSameBytes } from './adopt.ts';
import type { RepairGround } from './open-repairs.ts';

const notFootage =
  'It does not read as footage from its first byte to its last: move it out of the data directory and keep it.';

export async function adoptFootage(ground: RepairGround, path: string): Promise<string> {
  const { catalogue, clock, dataDir } = ground;
  const finalPath = path.replace(/\.open$/, '');
  const isOpen = finalPath !== path;
  const said = readFootagePath(finalPath);
  if (said === undefined) throw new Error('a path of a segment was expected');
  const { id, camera, at: startAt } = said;
  if (isOpen && (await lookAtStored(dataDir, finalPath)) !== undefined)
    throw new FailedError('It was being written, and is finished too: look at both files by hand.');
  const whole = await readFootage(dataDir, path);
  if (whole === undefined) throw new FailedError(notFootage);
  const stored = await lookAtStored(dataDir, path);
  const bytes = stored?.state === 'file' ? stored.file.bytes : -1;
  // What was being written may end within a fragment; a file that was finished may not.
  if (!isOpen && bytes !== whole.bytes) throw new FailedError(notFootage);
  requireSameBytes(ground, id, whole.sha256);
  await ground.requireMarker();
  // Cut after its last whole fragment, as after a crash, read-only, and under its own name.
  const found = isOpen ? await openFootageFiles(ground).recover(finalPath) : whole;
  if (found === undefined) throw new FailedError(notFootage);
  if (!isOpen) await ground.strays.sealFile(finalPath);
  const { init, durationMs, sha256 } = found;
  const now = clock.now();
  const open = { camera, id, run: randomId(), path: finalPath, startAt, endAt: startAt, writtenAt: now };
  const isTaken = catalogue.takeInSegment(
    segmentFrom({
      ...{ open, init, durationMs, file: { bytes: found.bytes, sha256 } },
      // Its age counts from here, or retention might delete at once what was just recovered.
      ...{ endAt: startAt + durationMs, endReason: 'crash', keptFrom: now },
    }),
  );
  return isTaken ? `It was taken in as segment ${id} of ${camera}.` : 'The recorder has filed it meanwhile.';
}
