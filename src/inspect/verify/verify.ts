// verify: that nothing has changed since it was received. First the chain and the catalogue (seconds), then all media that
// was asked for, read again (as long as the disk takes). It runs beside the daemon, changes nothing in the archive, and what
// it remembers, so that it can go on after an interruption, is a file of its own.

import type { PublicKey } from '../../access/signing-key.ts';
import type { Clock } from '../../base/clock.ts';
import { errnoOf, messageOf } from '../../base/errors.ts';
import type { Catalogue } from '../../catalogue/catalogue.ts';
import type { Unchained } from '../../catalogue/chain-queries.ts';
import { type ChainHead, type ChainMedia, formatHead } from '../../domain/chain.ts';
import { counted } from '../../domain/counted.ts';
import { finding, type VerifyFinding } from './finding.ts';
import { loadProgress, removeProgress, saveProgress, type VerifyProgress } from './progress-file.ts';
import { type MediaParts, type MediaPosition, mediaStart, readMedia } from './read-media.ts';
import { isSelected, type Selection } from './selection.ts';
import { type ChainTally, walkChain } from './walk-chain.ts';

export type VerifyParts = MediaParts &
  Readonly<{
    stateDir: string;
    archiveId: string;
    catalogue: MediaParts['catalogue'] &
      Pick<
        Catalogue,
        | 'chainRowsWithClips'
        | 'lastNumber'
        | 'hashOf'
        | 'chainHead'
        | 'headsWithoutEntry'
        | 'clipsWithoutEntry'
        | 'segmentsWithoutEntry'
      >;
    /** The key that signs now comes first. */
    publicKeys: readonly PublicKey[];
    clock: Clock;
    onProgress(progress: Progress): void;
    /** Something worth knowing that is no finding; one sentence. */
    onRemark(sentence: string): void;
  }>;

export type Progress =
  | Readonly<{ phase: 'chain'; done: number; of: number }>
  | Readonly<{ phase: 'media'; bytes: number; ofBytes: number; files: number; ofFiles: number }>;

export type VerifyRequest = Selection &
  Readonly<{
    /** A head noted earlier: it must still be part of the chain. */
    expect?: Pick<ChainHead, 'number' | 'hash'> | undefined;
    /** Go on where an earlier verify was interrupted, with what it was asked for. */
    resume?: boolean | undefined;
  }>;

export type VerifyReport = Readonly<{
  /** `clipward verify --expect` takes this. Null while nothing was taken in. */
  head: string | null;
  headDay: string | null;
  chain: ChainTally;
  media: MediaPosition;
  /** What was asked for, also when it was asked for by the verify that was gone on with. */
  selection: Selection;
  resumed: boolean;
  /** The first of them, `maxFindings` at the most. */
  findings: readonly VerifyFinding[];
  findingCount: number;
}>;

/** Whoever has more wrong than this needs a backup, not a longer list. */
export const maxFindings = 1000;
const saveIntervalMs = 10_000;
const pageRows = 1000;

/**
 * Rejects with the signal's reason, and with TransientError when the data directory is not the archive's; how far it came
 * is kept then, and `resume` goes on from there.
 */
export async function verify(
  parts: VerifyParts,
  request: VerifyRequest,
  signal: AbortSignal,
): Promise<VerifyReport> {
  await parts.requireMarker();
  const earlier = request.resume ? await loadProgress(parts.stateDir, parts.archiveId) : undefined;
  const selection: Selection = earlier
    ? {
        camera: earlier.camera ?? undefined,
        since: earlier.since ?? undefined,
        until: earlier.until ?? undefined,
      }
    : request;
  const list = findingList();
  // Always from its beginning: a chain is worth what its weakest entry is worth, and it takes seconds.
  const chain = await walkChain(parts, selection, list.add, {
    signal,
    onEntries: (done, of) => parts.onProgress({ phase: 'chain', done, of }),
  });
  if (request.expect) checkExpected(parts, request.expect, list.add);
  for (const head of parts.catalogue.headsWithoutEntry(maxFindings)) list.add(lostHead(head));
  findUnchained(parts, selection, list.add);
  const head = parts.catalogue.chainHead();
  const media = await readAll(parts, { selection, earlier, ofAll: chain.media, signal });
  for (const each of media.findings) list.add(each);
  return {
    head: head ? formatHead(head) : null,
    headDay: head?.day ?? null,
    chain,
    media: media.position,
    selection,
    resumed: earlier !== undefined,
    findings: list.findings,
    findingCount: list.count() + media.findingCount - media.findings.length,
  };
}

function findingList() {
  const findings: VerifyFinding[] = [];
  let count = 0;
  return {
    findings: findings as readonly VerifyFinding[],
    count: () => count,
    add(each: VerifyFinding) {
      count++;
      if (findings.length < maxFindings) findings.push(each);
    },
  };
}

function checkExpected(
  { catalogue }: VerifyParts,
  expected: Pick<ChainHead, 'number' | 'hash'>,
  found: (each: VerifyFinding) => void,
): void {
  const { number, hash } = expected;
  const stored = catalogue.hashOf(number);
  if (stored === hash) return;
  const last = catalogue.lastNumber();
  found(
    stored === undefined && number > last
      ? finding(
          'history-cut',
          `The expected head is of entry ${number}, and the chain ends with entry ${last}: what came after was taken away.`,
          'The catalogue was rolled back: to an older backup by its owner, or by somebody else. Compare it with a later backup.',
          { number },
        )
      : finding(
          'history-other',
          `The expected head is not in this chain: entry ${number} is another one.`,
          'History was written anew, or the head is of another archive: compare archive-id and catalogue.db with a backup.',
          { number },
        ),
  );
}

function lostHead({ day, number }: ChainHead): VerifyFinding {
  return finding(
    'history-cut',
    `The signed head of ${day} is of entry ${number}, which is not in the chain any more.`,
    'Somebody has removed entries at its end: look for them in a backup of catalogue.db.',
    { number },
  );
}

function findUnchained(
  { catalogue }: VerifyParts,
  selection: Selection,
  found: (each: VerifyFinding) => void,
): void {
  const told = (media: ChainMedia, { id, camera, path }: Unchained) =>
    found(
      finding(
        `${media}-without-entry`,
        `The catalogue has this ${media}, and the chain does not say that it was taken in.`,
        'Somebody has added its row by hand, or removed its entry: compare catalogue.db with a backup.',
        { id, camera, path },
      ),
    );
  let pending = 0;
  for (const clip of unchainedOf(catalogue.clipsWithoutEntry)) {
    if (!isSelected(selection, clip)) continue;
    if (clip.isPending) pending++;
    else told('clip', clip);
  }
  for (const segment of unchainedOf(catalogue.segmentsWithoutEntry))
    if (isSelected(selection, segment)) told('segment', segment);
  if (pending === 0) return;
  found(
    finding(
      'clip-without-entry',
      `${counted(pending, 'clip')} of an earlier version, not in the chain yet: nothing can be said about ${pending === 1 ? 'it' : 'them'}.`,
      'Start clipward serve, which adds them, and verify again when it has.',
    ),
  );
}

function* unchainedOf(read: (after: string, limit: number) => readonly Unchained[]): Generator<Unchained> {
  let after: string | undefined = '';
  while (after !== undefined) {
    const page = read(after, pageRows);
    yield* page;
    after = page.length < pageRows ? undefined : page.at(-1)?.id;
  }
}

type Found = { position: MediaPosition; findings: VerifyFinding[]; findingCount: number };

async function readAll(
  parts: VerifyParts,
  run: Readonly<{
    selection: Selection;
    earlier: VerifyProgress | undefined;
    ofAll: ChainTally['media'];
    signal: AbortSignal;
  }>,
): Promise<Found> {
  const { selection, earlier, ofAll, signal } = run;
  const found: Found = {
    position: earlier?.position ?? mediaStart,
    findings: [...(earlier?.findings ?? [])],
    findingCount: earlier?.findingCount ?? 0,
  };
  const save = saver(parts, selection, found);
  let savedAt = parts.clock.monotonicMs();
  try {
    for await (const step of readMedia(parts, selection, found.position, signal)) {
      found.position = step.position;
      if (step.found) {
        found.findingCount++;
        if (found.findings.length < maxFindings) found.findings.push(step.found);
      }
      const { bytes, clips, segments } = found.position;
      const ofFiles = ofAll.clips + ofAll.segments;
      parts.onProgress({ phase: 'media', bytes, ofBytes: ofAll.bytes, files: clips + segments, ofFiles });
      if (parts.clock.monotonicMs() - savedAt < saveIntervalMs) continue;
      await save();
      savedAt = parts.clock.monotonicMs();
    }
  } catch (error) {
    await save();
    throw error;
  }
  await removeProgress(parts.stateDir);
  return found;
}

/** A full disk keeps nobody from verifying. */
function saver(parts: VerifyParts, selection: Selection, found: Found): () => Promise<void> {
  const { camera = null, since = null, until = null } = selection;
  const asked = { version: 1, archiveId: parts.archiveId, camera, since, until } as const;
  let failed = false;
  return async () => {
    try {
      await saveProgress(parts.stateDir, { ...asked, ...found });
      failed = false;
    } catch (error) {
      if (!failed)
        parts.onRemark(
          `How far this has come cannot be kept (${errnoOf(error) ?? messageOf(error)}): it goes on, and cannot be resumed.`,
        );
      failed = true;
    }
  };
}
