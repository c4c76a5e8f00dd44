// The boxes that MP4 is made of: a size, four characters, a body that may hold further boxes (ISO/IEC 14496-12, 4.2).

export type Box = Readonly<{ type: string; bodyAt: number; end: number }>;

export type BoxHeader = Readonly<{ type: string; size: number; headerBytes: number }>;

/** Undefined while the header is not there as a whole. Sizes are the writer's claim. */
export function readBoxHeader(bytes: Buffer, at = 0, end = bytes.length): BoxHeader | undefined {
  if (end - at < 8) return undefined;
  const type = bytes.toString('latin1', at + 4, at + 8);
  const size = bytes.readUInt32BE(at);
  if (size !== 1) return { type, size, headerBytes: 8 };
  if (end - at < 16) return undefined;
  return { type, size: Number(bytes.readBigUInt64BE(at + 8)), headerBytes: 16 };
}

/** The boxes from `at` to `end`, as far as they make sense. */
export function* boxesIn(bytes: Buffer, at: number, end: number): Generator<Box> {
  for (let start = at; ; ) {
    const header = readBoxHeader(bytes, start, end);
    if (header === undefined || header.size < header.headerBytes || start + header.size > end) return;
    yield { type: header.type, bodyAt: start + header.headerBytes, end: start + header.size };
    start += header.size;
  }
}

export function findBox(bytes: Buffer, at: number, end: number, type: string): Box | undefined {
  for (const box of boxesIn(bytes, at, end)) if (box.type === type) return box;
  return undefined;
}
