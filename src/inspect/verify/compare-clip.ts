import { sha256OfText } from '../../catalogue/chain.ts';
import type { ChainedClip } from '../../catalogue/chain-queries.ts';
import type { KeptEntry } from '../../domain/chain.ts';
import { finding, type VerifyFinding } from './finding.ts';

/** What the catalogue says of a clip or a segment beside what the chain says: of one moment, and of an entry whose hash is right. */
export function compareClip(
  number: number,
  entry: KeptEntry,
  clip: ChainedClip | undefined,
  isGone: boolean,
): VerifyFinding[] {
  const { media } = entry;
  const facts = { number, id: entry.id, camera: entry.camera, path: clip?.path ?? null };
  if (clip === undefined)
    return isGone
      ? []
      : [
          finding(
            `${media}-row-missing`,
            `This ${media} was taken in, retention did not delete it, and the catalogue does not have it any more.`,
            'Somebody has removed its row: look for the row and its file in a backup.',
            facts,
          ),
        ];
  if (isGone)
    return [
      finding(
        `${media}-after-tombstone`,
        `The chain says that retention deleted this ${media}, and the catalogue has it.`,
        'Somebody has put its row back, or a backup was restored in part: compare it with a backup.',
        facts,
      ),
    ];
  const changed = (['media', 'camera', 'bytes', 'sha256', 'receivedAt'] as const).filter(
    name => clip[name] !== entry[name],
  );
  return [
    ...(changed.length === 0
      ? []
      : [
          finding(
            `${media}-row-changed`,
            `The catalogue says something else of this ${media} than when it was taken in: ${changed.join(', ')}.`,
            `What was taken in: camera ${entry.camera}, ${entry.bytes} bytes, SHA-256 ${entry.sha256}, ${media === 'clip' ? 'received' : 'recorded'} ${new Date(entry.receivedAt).toISOString()}. Compare the row with a backup of catalogue.db.`,
            facts,
          ),
        ]),
    ...(entry.receiptSha256 === null ||
    (clip.receipt !== null && sha256OfText(clip.receipt) === entry.receiptSha256)
      ? []
      : [
          finding(
            'receipt-changed',
            `The receipt of this ${media} is ${clip.receipt === null ? 'missing' : 'not the one that came with it'}.`,
            'Somebody has changed the catalogue: compare the receipt with a backup of catalogue.db.',
            facts,
          ),
        ]),
  ];
}
