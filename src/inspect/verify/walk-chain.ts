// The chain, from its first entry to its last: every hash, every number, every day's signed head, and what the catalogue
// says of each clip beside what the chain says. No media is read.

import { setImmediate } from 'node:timers/promises';
import type { PublicKey } from '../../access/signing-key.ts';
import type { Catalogue } from '../../catalogue/catalogue.ts';
import { sha256OfText } from '../../catalogue/chain.ts';
import type { ChainRow } from '../../catalogue/chain-queries.ts';
import {
  chainDay,
  genesisText,
  headText,
  linkText,
  type PlacedEntry,
  parseEntry,
} from '../../domain/chain.ts';
import { compareClip } from './compare-clip.ts';
import { finding, type VerifyFinding } from './finding.ts';
import { isSelected, type Selection } from './selection.ts';

export type ChainParts = Readonly<{
  archiveId: string;
  catalogue: Pick<Catalogue, 'chainRowsWithClips' | 'lastNumber'>;
  /** The key that signs now comes first. */
  publicKeys: readonly PublicKey[];
}>;

export type ChainTally = {
  entries: number;
  days: number;
  kept: number;
  /** Tombstones by their reason; `missing` is what check --repair gave up. */
  goneByReason: Map<string, number>;
  /** Days by the fingerprint of the key that signed them. */
  daysOfKey: Map<string, number>;
  /** What is there to be read again, of what was asked for. */
  media: { clips: number; segments: number; bytes: number };
};

type Walk = Readonly<{
  parts: ChainParts;
  selection: Selection;
  tally: ChainTally;
  found(each: VerifyFinding): void;
}>;

/** The entry before: what the next one builds on. */
type Before = Readonly<{ number: number; day: string | undefined; hash: string; hasHead: boolean }>;

const pageRows = 1000;

/** `found` is told what is not as it should be, in the order of the chain. Rejects with the signal's reason. */
export async function walkChain(
  parts: ChainParts,
  selection: Selection,
  found: (each: VerifyFinding) => void,
  options: { signal: AbortSignal; onEntries: (done: number, of: number) => void },
): Promise<ChainTally> {
  const media = { clips: 0, segments: 0, bytes: 0 };
  const tally: ChainTally = {
    entries: 0,
    days: 0,
    kept: 0,
    goneByReason: new Map(),
    daysOfKey: new Map(),
    media,
  };
  const walk: Walk = { parts, selection, tally, found };
  const genesis = sha256OfText(genesisText(parts.archiveId));
  let before: Before = { number: 0, day: undefined, hash: genesis, hasHead: true };
  for (;;) {
    const page = parts.catalogue.chainRowsWithClips(before.number, pageRows);
    for (const { row, clip, isGone } of page) {
      if (row.number === before.number) {
        found(secondHead(row));
        continue;
      }
      const placed = checkLink(walk, row, before);
      checkDay(walk, row, before, placed);
      const hasHead = checkHead(walk, row);
      before = { number: row.number, day: row.day, hash: row.hash, hasHead };
      tally.entries++;
      if (placed?.entry.type === 'gone') countUp(tally.goneByReason, placed.entry.reason);
      if (placed?.entry.type !== 'kept') continue;
      tally.kept++;
      if (!isSelected(selection, placed.entry)) continue;
      for (const each of compareClip(row.number, placed.entry, clip, isGone)) found(each);
      if (clip === undefined) continue;
      tally.media[placed.entry.media === 'clip' ? 'clips' : 'segments']++;
      tally.media.bytes += placed.entry.bytes;
    }
    if (page.length < pageRows) break;
    options.onEntries(before.number, parts.catalogue.lastNumber());
    // So that a signal is heard.
    await setImmediate();
    options.signal.throwIfAborted();
  }
  if (!before.hasHead) found(unsigned(before));
  return tally;
}

/** Undefined for an entry whose line cannot be relied on. */
function checkLink({ found }: Walk, row: ChainRow, before: Before): PlacedEntry | undefined {
  const { number } = row;
  const isNext = number === before.number + 1;
  if (!isNext) found(missing(before.number + 1, number - 1));
  // What a missing entry's hash was, nobody knows.
  if (isNext && sha256OfText(linkText(before.hash, row.line)) !== row.hash) {
    found(
      finding(
        'entry-changed',
        `Entry ${number} is not what was written: its hash does not follow from its line and the entry before it.`,
        'Somebody or the disk has changed the catalogue: keep it as it is, and compare it with a backup of catalogue.db.',
        { number, id: row.subject },
      ),
    );
    return undefined;
  }
  const placed = parseEntry(row.line);
  if (placed && placed.number === number && placed.entry.type === row.type && placed.entry.id === row.subject)
    return placed;
  found(
    finding(
      'entry-row',
      `The row of entry ${number} says something else than the line that was hashed.`,
      'Somebody has changed the catalogue: what counts is the line; compare the row with a backup of catalogue.db.',
      { number, id: row.subject },
    ),
  );
  return undefined;
}

function checkDay(
  { found, tally }: Walk,
  row: ChainRow,
  before: Before,
  placed: PlacedEntry | undefined,
): void {
  if (row.day !== before.day) {
    tally.days++;
    if (!before.hasHead) found(unsigned(before));
  }
  if (placed === undefined || row.day === chainDay(placed.at, before.day)) return;
  found(
    finding(
      'day-order',
      `Entry ${row.number} was written on another day than its row says (${row.day}).`,
      'Somebody has changed the catalogue: compare the row with a backup of catalogue.db.',
      { number: row.number, id: row.subject },
    ),
  );
}

/** Answers whether a head names this entry, right or wrong: a wrong one is told here. */
function checkHead({ parts, found, tally }: Walk, row: ChainRow): boolean {
  const { number, headDay, headHash, signature } = row;
  if (headDay === null || headHash === null || signature === null) return false;
  if (headDay !== row.day || headHash !== row.hash) {
    found(
      finding(
        'head-row',
        `The signed head of ${headDay} is not entry ${number} as the chain has it.`,
        'History was written anew after it was signed: compare catalogue.db with a backup, and a head from your logs with clipward verify --expect HEAD.',
        { number },
      ),
    );
    return true;
  }
  const text = headText(parts.archiveId, { day: headDay, number, hash: headHash });
  const signer = parts.publicKeys.find(key => key.verify(text, signature));
  if (signer) countUp(tally.daysOfKey, signer.fingerprint);
  else
    found(
      finding(
        'head-signature',
        `The signature of the head of ${headDay} (entry ${number}) is not by a key of this installation.`,
        'The signature or the key was replaced: compare the fingerprint that you noted with the one shown here, and restore stateDir/secrets from a backup if it differs.',
        { number },
      ),
    );
  return true;
}

function countUp(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function missing(first: number, last: number): VerifyFinding {
  const [what, were] = first === last ? [`Entry ${first}`, 'is'] : [`Entries ${first} to ${last}`, 'are'];
  return finding(
    'entry-missing',
    `${what} of the chain ${were} missing: something that was taken in or deleted is no longer told.`,
    'Somebody has removed rows from the catalogue: look for them in a backup of catalogue.db.',
    { number: first },
  );
}

function unsigned({ day, number }: Before): VerifyFinding {
  return finding(
    'head-missing',
    `The last entry of ${day} (${number}) has no signed head.`,
    'Somebody has removed it, or added entries without the key: compare catalogue.db with a backup.',
    { number },
  );
}

function secondHead({ number, headDay }: ChainRow): VerifyFinding {
  return finding(
    'head-row',
    `The head of ${headDay} names entry ${number}, which is the head of another day.`,
    'Somebody has changed the catalogue: compare it with a backup of catalogue.db.',
    { number },
  );
}
