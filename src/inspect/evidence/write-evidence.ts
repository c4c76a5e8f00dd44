// The evidence folder: media with what it takes to show, without this program, that it has not changed since it was
// received. It takes any number of files, so that what belongs together (an event with its footage) is one folder with one
// chain part and one signature.

import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { PublicKey } from '../../access/signing-key.ts';
import type { StoredReading } from '../../archive/read-stored.ts';
import { createDirectory, createFile, syncDirectory, writeNewFile } from '../../base/durable.ts';
import { errnoOf, FailedError } from '../../base/errors.ts';
import type { Catalogue } from '../../catalogue/catalogue.ts';
import { sha256OfText } from '../../catalogue/chain.ts';
import type { SignedHead } from '../../catalogue/chain-queries.ts';
import { genesisText, headText, type KeptEntry, linkText, parseEntry } from '../../domain/chain.ts';
import { verifyScript, verifyText } from './verify-script.ts';

export type EvidenceMedia = Readonly<{
  id: string;
  /** Relative to the data directory; its last part is the name in the folder. */
  path: string;
  /** The receipt as it was delivered, where there is one. */
  receipt: string | null;
  /** What the installation knows beside what the chain covers; JSON. */
  facts: Readonly<Record<string, unknown>>;
}>;

export type EvidenceParts = Readonly<{
  archiveId: string;
  catalogue: Pick<Catalogue, 'keptNumber' | 'chainRows' | 'hashOf' | 'headAfter'>;
  publicKeys: readonly PublicKey[];
  /** Reads stored media, and copies it on the way. */
  read(
    media: Readonly<{ path: string; bytes: number }>,
    copyTo: Awaited<ReturnType<typeof createFile>>,
  ): Promise<StoredReading>;
}>;

export type Evidence = Readonly<{
  keyFingerprint: string;
  head: SignedHead;
  media: ReadonlyArray<Readonly<{ file: string; entry: number; covered: KeptEntry }>>;
}>;

/**
 * Makes the folder `out`, which must not exist. Throws FailedError, and leaves nothing behind, when it cannot be made, when
 * media is not what the chain says, or when the chain does not lead to a signed head: then there is nothing to show.
 */
export async function writeEvidence(
  parts: EvidenceParts,
  media: readonly EvidenceMedia[],
  out: string,
  exportedAt: number,
): Promise<Evidence> {
  const chained = media.map(each => ({ ...each, ...entryOf(parts, each.id) }));
  const numbers = chained.map(({ number }) => number);
  const first = Math.min(...numbers);
  const head = parts.catalogue.headAfter(Math.max(...numbers));
  const key =
    head && parts.publicKeys.find(each => each.verify(headText(parts.archiveId, head), head.signature));
  if (head === undefined || key === undefined)
    throw nothingToShow('its day has no head that is signed with a key of this installation');
  await makeFolder(out);
  try {
    const copied: Array<Evidence['media'][number]> = [];
    for (const each of chained) copied.push(await copyMedia(parts, each, out));
    await writeChainPart(parts, first, head, join(out, 'chain.txt'));
    await writeNewFile(join(out, 'head.txt'), headText(parts.archiveId, head));
    await writeNewFile(join(out, 'head.sig'), Buffer.from(head.signature, 'base64'));
    await writeNewFile(join(out, 'public-key.pem'), key.pem);
    const evidence = { keyFingerprint: key.fingerprint, head, media: copied };
    const manifest = manifestOf(evidence, chained, { archiveId: parts.archiveId, exportedAt });
    await writeNewFile(join(out, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await writeNewFile(join(out, 'VERIFY.txt'), verifyText);
    await writeNewFile(join(out, 'verify.sh'), verifyScript);
    await syncDirectory(out);
    return evidence;
  } catch (error) {
    await rm(out, { recursive: true, force: true });
    if (errnoOf(error) === undefined) throw error;
    throw new FailedError(`${out} cannot be written (${errnoOf(error)}).`, { cause: error });
  }
}

function nothingToShow(why: string, what = 'clip'): FailedError {
  return new FailedError(
    `There is no proof of this ${what}: ${why}. clipward verify says more; without --proof it is exported as it is.`,
  );
}

type Chained = EvidenceMedia & Readonly<{ number: number; entry: KeptEntry }>;

function entryOf({ catalogue }: EvidenceParts, id: string): Pick<Chained, 'number' | 'entry'> {
  const number = catalogue.keptNumber(id);
  if (number === undefined)
    throw nothingToShow(
      'it is not in the chain yet (clipward serve adds clips of earlier versions at its start)',
    );
  const [row] = catalogue.chainRows(number - 1, 1);
  const entry = row && parseEntry(row.line)?.entry;
  if (entry?.type !== 'kept' || entry.id !== id) throw nothingToShow('its entry in the chain was changed');
  return { number, entry };
}

async function makeFolder(out: string): Promise<void> {
  try {
    await createDirectory(out);
  } catch (error) {
    const why = errnoOf(error) === 'EEXIST' ? 'exists already' : `cannot be made (${errnoOf(error)})`;
    throw new FailedError(`${out} ${why}: name a new directory in one that you may write to.`, {
      cause: error,
    });
  }
}

function nameOf(path: string): string {
  return path.startsWith('footage/') ? `footage (${path})` : 'clip';
}

async function copyMedia(
  parts: EvidenceParts,
  { id, path, receipt, number, entry }: Chained,
  out: string,
): Promise<Evidence['media'][number]> {
  const file = basename(path);
  await using copy = await createFile(join(out, file));
  const reading = await parts.read({ path, bytes: entry.bytes }, copy);
  if (reading.state === 'unreadable')
    throw new FailedError(`${path} cannot be copied to ${out} (${reading.error}).`);
  if (reading.state !== 'read' || reading.sha256 !== entry.sha256)
    throw nothingToShow('its file is not what was received', nameOf(path));
  await copy.sync();
  if (entry.receiptSha256 !== null) {
    if (receipt === null || sha256OfText(receipt) !== entry.receiptSha256)
      throw nothingToShow('its receipt is not the one that came with it');
    await writeNewFile(join(out, receiptNameOf(id)), receipt);
  }
  return { file, entry: number, covered: entry };
}

function receiptNameOf(id: string): string {
  return `receipt-${id}.json`;
}

const pageRows = 1000;

/** The hash before, then the lines up to the head: checked on the way, since a part that leads nowhere shows nothing. */
async function writeChainPart(
  parts: EvidenceParts,
  first: number,
  head: SignedHead,
  path: string,
): Promise<void> {
  const { catalogue, archiveId } = parts;
  let hash = first === 1 ? sha256OfText(genesisText(archiveId)) : catalogue.hashOf(first - 1);
  if (hash === undefined) throw nothingToShow('an entry of the chain is missing');
  await using file = await createFile(path);
  await file.writeFile(`${hash}\n`);
  for (let after = first - 1; after < head.number; ) {
    const rows = catalogue.chainRows(after, Math.min(pageRows, head.number - after));
    const lines: string[] = [];
    for (const row of rows) {
      const previous: string = hash;
      hash = sha256OfText(linkText(previous, row.line));
      if (row.number !== ++after || row.hash !== hash) throw nothingToShow('the chain was changed behind it');
      lines.push(`${row.line}\n`);
    }
    if (rows.length === 0) throw nothingToShow('an entry of the chain is missing');
    await file.writeFile(lines.join(''));
  }
  if (hash !== head.hash) throw nothingToShow('the chain does not lead to the head that was signed');
  await file.sync();
}

/** One fact a line: verify.sh looks for lines. */
function manifestOf(
  { keyFingerprint, head, media }: Evidence,
  chained: readonly Chained[],
  { archiveId, exportedAt }: { archiveId: string; exportedAt: number },
) {
  return {
    form: 'clipward-evidence-1',
    archiveId,
    exportedAt: new Date(exportedAt).toISOString(),
    keyFingerprint,
    head: { day: head.day, number: head.number, hash: head.hash },
    media: media.map(({ file, entry, covered: { type: _type, receivedAt, ...covered } }, index) => ({
      file,
      receipt: covered.receiptSha256 === null ? null : receiptNameOf(covered.id),
      entry,
      covered: { ...covered, receivedAt: new Date(receivedAt).toISOString() },
      notCovered: chained[index]?.facts ?? {},
    })),
  };
}
