// The form of the chain: what is hashed, what is signed, how a head is written down. All of it is ASCII lines, so that a
// person can check it with openssl and sha256sum alone (docs/integrity.md). Nothing that a client said is in a line as it
// was said: a receipt, with the name that the camera gave, is in it by its SHA-256.

/** `clip`: a file under clips/. `segment`: one of footage. */
export const chainMedia = ['clip', 'segment'] as const;
export type ChainMedia = (typeof chainMedia)[number];

/** What the archive took in. Instants are epoch milliseconds, hashes hexadecimal. */
export type KeptEntry = Readonly<{
  type: 'kept';
  media: ChainMedia;
  id: string;
  camera: string;
  bytes: number;
  sha256: string;
  receivedAt: number;
  /** SHA-256 of the receipt that came with it, byte for byte; null where there is none. */
  receiptSha256: string | null;
}>;

/** What retention let go: a tombstone. */
export type GoneEntry = Readonly<{
  type: 'gone';
  media: ChainMedia;
  id: string;
  camera: string;
  bytes: number;
  sha256: string;
  /** Which rule asked for it, in one word of lower-case letters and hyphens. */
  reason: string;
}>;

export type ChainEntry = KeptEntry | GoneEntry;

/** An entry in its place: its number and when it was written. */
export type PlacedEntry = Readonly<{ number: number; at: number; entry: ChainEntry }>;

/**
 * `17 2026-11-21T02:14:04.120Z kept clip <id> <camera> <bytes> <sha256> <received> <receipt's sha256 or ->`, or
 * `18 2026-12-21T03:00:00.000Z gone clip <id> <camera> <bytes> <sha256> <reason>`. Throws for what has no such form: a line
 * that could be read in two ways would prove nothing.
 */
export function formatEntry({ number, at, entry }: PlacedEntry): string {
  const { type, media, id, camera, bytes, sha256 } = entry;
  const start = [number, instant(at), type, media, id, camera, bytes, sha256];
  const end =
    entry.type === 'kept' ? [instant(entry.receivedAt), entry.receiptSha256 ?? '-'] : [entry.reason];
  const line = [...start, ...end].join(' ');
  if (parseEntry(line) === undefined) throw new Error('an entry of the chain was expected');
  return line;
}

const fields = String.raw`([1-9]\d{0,15}) (\S{24}) (kept|gone) (clip|segment) ([0-9a-z]{26}) ([a-z0-9][a-z0-9-]{0,30}) (0|[1-9]\d{0,15}) ([0-9a-f]{64})`;
const keptForm = new RegExp(String.raw`^${fields} (\S{24}) (-|[0-9a-f]{64})$`);
const goneForm = new RegExp(`^${fields} ([a-z][a-z-]{0,31})$`);

/** Undefined for what formatEntry would not write. */
export function parseEntry(line: string): PlacedEntry | undefined {
  const found = keptForm.exec(line) ?? goneForm.exec(line);
  if (found === null) return undefined;
  const [, number, at, type, media, id = '', camera = '', bytes, sha256 = '', last = '', receipt] = found;
  const common = { media: media as ChainMedia, id, camera, bytes: Number(bytes), sha256 };
  const entry: ChainEntry | undefined =
    type === 'gone' && receipt === undefined
      ? { type, ...common, reason: last }
      : type === 'kept' && receipt !== undefined
        ? {
            type,
            ...common,
            receivedAt: Date.parse(last),
            receiptSha256: receipt === '-' ? null : receipt,
          }
        : undefined;
  if (entry === undefined || !isInstant(at) || (entry.type === 'kept' && !isInstant(last))) return undefined;
  return { number: Number(number), at: Date.parse(at ?? ''), entry };
}

/** What the first entry builds on: its hash is the hash "before" it. Two archives never have an entry in common. */
export function genesisText(archiveId: string): string {
  return `clipward-chain-1\n${archiveId}\n`;
}

/** What an entry's hash is of: the hash before it in hexadecimal, a line feed, the line without one. */
export function linkText(hashBefore: string, line: string): string {
  return `${hashBefore}\n${line}`;
}

/** The last entry of a day, or of the chain. */
export type ChainHead = Readonly<{ day: string; number: number; hash: string }>;

/** What is signed for each day. */
export function headText(archiveId: string, { day, number, hash }: ChainHead): string {
  return `clipward-head-1\n${archiveId}\n${day}\n${number}\n${hash}\n`;
}

/** One word to copy: `17-<64 hexadecimal digits>`. The day is not in it: the hash says which entry is meant. */
export function formatHead({ number, hash }: Pick<ChainHead, 'number' | 'hash'>): string {
  return `${number}-${hash}`;
}

export function parseHead(text: string): Pick<ChainHead, 'number' | 'hash'> | undefined {
  const found = /^([1-9]\d{0,15})-([0-9a-f]{64})$/.exec(text);
  return found ? { number: Number(found[1]), hash: found[2] ?? '' } : undefined;
}

/** The day in UTC of an entry written at this instant: never before the day of the entry before it, whatever our clock says. */
export function chainDay(at: number, dayBefore: string | undefined): string {
  const day = instant(at).slice(0, 10);
  return dayBefore !== undefined && dayBefore > day ? dayBefore : day;
}

/** Years outside 0 to 9999 have another form, which is longer. */
function instant(at: number): string {
  return new Date(at).toISOString();
}

function isInstant(text: string | undefined): boolean {
  const at = Date.parse(text ?? '');
  return !Number.isNaN(at) && instant(at) === text;
}
