import type { FootageFiles } from '../archive/footage-files.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { OpenSegment, SegmentEnd } from '../catalogue/footage.ts';
import { segmentFrom } from '../catalogue/segment-facts.ts';
import type { GapReason } from '../domain/footage/coverage.ts';

/** Files what was left open by a crash, or by a disk that was full. Nothing follows it for the reason `gap`. */
export async function recoverSegment(
  parts: Readonly<{
    files: FootageFiles;
    catalogue: Pick<Catalogue, 'fileSegment' | 'dropOpenSegment'>;
    now: () => number;
  }>,
  open: OpenSegment,
  as: Readonly<{ endReason: SegmentEnd; gap: GapReason }>,
): Promise<void> {
  const found = await parts.files.recover(open.path);
  if (found === undefined) return parts.catalogue.dropOpenSegment(open.camera, open.id, as.gap);
  const { init, durationMs, bytes, sha256 } = found;
  const segment = segmentFrom({
    ...{ open, init, durationMs, file: { bytes, sha256 } },
    endAt: open.startAt + durationMs,
    endReason: as.endReason,
    keptFrom: parts.now(),
  });
  parts.catalogue.fileSegment(segment, { gap: as.gap });
}
