// Walks a file of "header, payload, header, payload" as it arrives: headers are gathered, payloads only counted.

/** The longest header that any format here needs; it bounds what a walk remembers. */
const maxHeaderBytes = 16;

/**
 * What a header says: that it is longer than what was gathered (`more`, its length so far known), or how much payload
 * follows it and how long the next header is at least, or that the file makes no sense from here on.
 */
export type AfterHeader =
  | { readonly more: number }
  | { readonly skip: number; readonly nextHeader: number }
  | 'malformed';

export type HeaderWalk = Readonly<{
  push(bytes: Uint8Array): void;
  /** Between two elements: nothing is owed of a payload or of a header that has begun. */
  atBoundary(): boolean;
  /** A header has begun and is not there yet. */
  inHeader(): boolean;
  malformed(): boolean;
  /** How many bytes were read, as long as nothing was malformed. */
  position(): number;
}>;

export function startHeaderWalk(
  firstHeader: number,
  onHeader: (header: DataView, position: number) => AfterHeader,
): HeaderWalk {
  const header = new Uint8Array(maxHeaderBytes);
  let wanted = firstHeader;
  let gathered = 0;
  let owed = 0;
  let position = 0;
  let malformed = false;

  const headerIsThere = (): void => {
    const after = onHeader(new DataView(header.buffer, 0, gathered), position - gathered);
    if (after === 'malformed') {
      malformed = true;
    } else if ('more' in after) {
      wanted = after.more;
    } else {
      // Sizes are the sender's claim: one that no file can have is none.
      malformed = !Number.isSafeInteger(after.skip) || after.skip < 0;
      owed = after.skip;
      wanted = after.nextHeader;
      gathered = 0;
    }
  };

  return {
    push(bytes) {
      let at = 0;
      while (at < bytes.length && !malformed) {
        if (owed > 0) {
          const skipped = Math.min(owed, bytes.length - at);
          owed -= skipped;
          at += skipped;
          position += skipped;
          continue;
        }
        header[gathered] = bytes[at] as number;
        gathered += 1;
        at += 1;
        position += 1;
        if (gathered === wanted) headerIsThere();
      }
    },
    atBoundary: () => owed === 0 && gathered === 0 && !malformed,
    inHeader: () => gathered > 0,
    malformed: () => malformed,
    position: () => position,
  };
}

/** Four bytes of a header as text, as most formats name their parts. */
export function fourCharacters(header: DataView, at: number): string {
  return String.fromCharCode(
    header.getUint8(at),
    header.getUint8(at + 1),
    header.getUint8(at + 2),
    header.getUint8(at + 3),
  );
}
