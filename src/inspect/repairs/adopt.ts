// A file of ours without a row: what an older catalogue that was restored does not know of, or what was put back by hand.
// Nothing under clips/ is ever deleted that the catalogue does not know, and a file that no command shows is as good as lost;
// so it becomes a clip, with what it says itself and with the mark that it was recovered. It proves nothing about how it came.

import { basename, join } from 'node:path';
import { readStoredPath, thumbnailRelativePath } from '../../archive/clip-path.ts';
import type { RecoveredReceipt } from '../../archive/recovered-receipt.ts';
import { FailedError } from '../../base/errors.ts';
import { parseEntry } from '../../domain/chain.ts';
import { judgeCompleteness, startContainerScan } from '../../domain/completeness.ts';
import type { RepairGround } from './open-repairs.ts';
import { pictureOf } from './thumbnail.ts';

export const recoveredProblem =
  'Recovered by check --repair: the file had no row, so how it came is not known.';

export async function adopt(ground: RepairGround, path: string): Promise<string> {
  const { catalogue, strays, clock } = ground;
  const said = readStoredPath(path, 'clips');
  if (said === undefined) throw new Error('a path of a clip was expected');
  const { id, camera, at: receivedAt } = said;
  const scan = startContainerScan();
  const { bytes, sha256 } = await strays.digestOfClip(path, scan.push);
  requireSameBytes(ground, id, sha256);
  const { completeness, basis } = judgeCompleteness({
    closeNotify: false,
    container: scan.verdict(),
    truncation: 'container',
    // Taken as unproven where its format has no end of its own: nobody can be asked to send it again.
    repeat: true,
    bytes,
  });
  const proof = { completeness, completenessBasis: basis === 'repeat' ? ('none' as const) : basis };
  await strays.sealFile(path);
  const media = await ground.media();
  const file = join(ground.dataDir, path);
  const { kind, container, durationMs, width, height, codec } = await media.look(file);
  const picture = await pictureOf(media, file, kind, container);
  const thumbnail = picture === null ? null : thumbnailRelativePath(path);
  if (picture !== null) await ground.clipFiles.writeThumbnail(thumbnailRelativePath(path), picture);
  const receipt: RecoveredReceipt = {
    ...{ version: 1, type: 'recovered', id, camera, storedAs: path, bytes, sha256, ...proof },
    receivedAt: new Date(receivedAt).toISOString(),
    recoveredAt: new Date(clock.now()).toISOString(),
  };
  await ground.requireMarker();
  catalogue.fileClip(
    {
      ...{ id, camera, path, bytes, sha256, kind, ...proof, durationMs, width, height, codec, thumbnail },
      originalPath: basename(path),
      timeZone: ground.timeZoneOf(camera),
      ...{ claimedAt: null, clockOffsetMs: null, timeSource: 'arrival' },
      ...{ startAt: receivedAt, receivedAt, withdrawnAt: null },
      // Its age counts from here, or retention might delete at once what was just recovered.
      keptFrom: clock.now(),
      problem: recoveredProblem,
    },
    { upload: id, receivedAt, body: JSON.stringify(receipt) },
  );
  return `It was taken in as clip ${id} of ${camera}, marked as recovered.`;
}

/** Where the chain still knows the clip, other bytes are not taken for it. */
export function requireSameBytes(
  { catalogue }: Pick<RepairGround, 'catalogue'>,
  id: string,
  sha256: string,
): void {
  const number = catalogue.keptNumber(id);
  if (number === undefined) return;
  const [row] = catalogue.chainRows(number - 1, 1);
  const entry = parseEntry(row?.line ?? '')?.entry;
  if (entry?.sha256 !== sha256)
    throw new FailedError(
      'The chain knows a file of this id with other bytes, so it was not taken in: move it out of the data directory and keep it.',
    );
}
