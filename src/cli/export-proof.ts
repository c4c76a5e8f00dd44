import { readPublicKeys } from '../access/signing-key.ts';
import { readArchiveId } from '../archive/marker.ts';
import { readStored } from '../archive/read-stored.ts';
import { systemClock } from '../base/clock.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Clip } from '../catalogue/clip-row.ts';
import type { Segment } from '../catalogue/footage.ts';
import { formatHead } from '../domain/chain.ts';
import { clipFacts } from '../inspect/clip-facts.ts';
import { type EvidenceMedia, writeEvidence } from '../inspect/evidence/write-evidence.ts';
import type { Settings } from '../settings/settings.ts';

/** Writes the evidence folder of some clips and segments, and answers what to say of it. */
export async function exportProof(
  settings: Settings,
  catalogue: Catalogue,
  of: Readonly<{ clips: readonly Clip[]; segments?: readonly Segment[]; signal?: AbortSignal }>,
  out: string,
): Promise<{ keyFingerprint: string; head: string; headDay: string }> {
  const { dataDir, stateDir } = settings;
  const keys = await readPublicKeys(stateDir);
  const { keyFingerprint, head } = await writeEvidence(
    {
      archiveId: await readArchiveId(stateDir),
      catalogue,
      publicKeys: [...(keys.current ? [keys.current] : []), ...keys.earlier],
      read: (media, copyTo) => readStored(dataDir, media, of.signal, copyTo),
    },
    [...of.clips.map(clip => evidenceOf(catalogue, clip)), ...(of.segments ?? []).map(evidenceOfSegment)],
    out,
    systemClock.now(),
  );
  return { keyFingerprint, head: formatHead(head), headDay: head.day };
}

function evidenceOf(catalogue: Catalogue, clip: Clip): EvidenceMedia {
  // What the chain covers is told by the chain alone, so that the two cannot be mistaken for each other.
  const { id, camera, bytes, sha256, receivedAt, path, thumbnail, ...facts } = clipFacts(clip);
  return {
    id,
    path,
    receipt: catalogue.chainedClip(id)?.receipt ?? null,
    facts: { ...facts, uploads: catalogue.receiptCount(id) },
  };
}

/** Times are UTC, as in the names of the files. */
function evidenceOfSegment({ id, path, startAt, endAt, ...segment }: Segment): EvidenceMedia {
  const { durationMs, codec, audioCodec, width, height, endReason } = segment;
  const times = { startAt: new Date(startAt).toISOString(), endAt: new Date(endAt).toISOString() };
  return {
    ...{ id, path, receipt: null },
    facts: { ...times, durationMs, codec, audioCodec, width, height, endReason },
  };
}
