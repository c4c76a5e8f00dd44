import { readPublicKeys } from '../access/signing-key.ts';
import { readArchiveId } from '../archive/marker.ts';
import { readStored } from '../archive/read-stored.ts';
import { systemClock } from '../base/clock.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Clip } from '../catalogue/clip-row.ts';
import { formatHead } from '../domain/chain.ts';
import { clipFacts } from '../inspect/clip-facts.ts';
import { type EvidenceMedia, writeEvidence } from '../inspect/evidence/write-evidence.ts';
import type { Settings } from '../settings/settings.ts';

/** Writes the evidence folder of some clips, and answers what to say of it. */
export async function exportProof(
  settings: Settings,
  catalogue: Catalogue,
  clips: readonly Clip[],
  out: string,
): Promise<{ keyFingerprint: string; head: string; headDay: string }> {
  const { dataDir, stateDir } = settings;
  const keys = await readPublicKeys(stateDir);
  const { keyFingerprint, head } = await writeEvidence(
    {
      archiveId: await readArchiveId(stateDir),
      catalogue,
      publicKeys: [...(keys.current ? [keys.current] : []), ...keys.earlier],
      read: (media, copyTo) => readStored(dataDir, media, undefined, copyTo),
    },
    clips.map(clip => evidenceOf(catalogue, clip)),
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
