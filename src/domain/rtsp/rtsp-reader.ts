// RTSP on one TCP connection (RFC 2326), either side of it: text messages, and between them packets of media behind a
// dollar sign (section 10.12). Bytes come in pieces of any size; every limit has a name, since either end may be hostile.

export type RtspMessage = Readonly<{
  /** `RTSP/1.0 200 OK` or `DESCRIBE rtsp://... RTSP/1.0`, printable ASCII. */
  startLine: string;
  /** Names in lower case; the values of a header that comes more than once in their order. */
  headers: ReadonlyMap<string, readonly string[]>;
  body: Buffer;
}>;

export type RtspElement =
  | Readonly<{ type: 'message'; message: RtspMessage }>
  /** `bytes` is the whole packet, its four bytes of header included: it is passed on as it is. A view of what was pushed. */
  | Readonly<{ type: 'packet'; channel: number; bytes: Buffer }>;

export type RtspReader = Readonly<{
  /**
   * What is complete now; nothing else of `bytes` is kept, so that they may lie in memory that is used again. Throws
   * RtspFormatError: nothing after it can be understood, and the connection is to be closed.
   */
  push(bytes: Buffer): RtspElement[];
}>;

export class RtspFormatError extends Error {
  override readonly name = 'RtspFormatError';
}

export const rtspLimits = {
  headBytes: 16 * 1024,
  headerLines: 64,
  /** A session description of a camera is one or two kilobytes. */
  bodyBytes: 64 * 1024,
} as const;

const dollar = 0x24;
const packetHeaderBytes = 4;

export function createRtspReader(): RtspReader {
  let pieces: Buffer[] = [];
  let gathered = 0;
  /** Before there are so many bytes nothing new can be seen, so that a sender of single bytes costs no more than others. */
  let wanted = 1;
  const keep = (bytes: Buffer) => {
    if (bytes.length === 0) return;
    pieces.push(Buffer.from(bytes));
    gathered += bytes.length;
  };
  /** Answers what is left of `bytes`: a packet that comes in two reads is put together alone, not with all that follows it. */
  const completePacket = (bytes: Buffer, elements: RtspElement[]): Buffer => {
    let rest = bytes;
    while (pieces[0]?.[0] === dollar && gathered + rest.length >= wanted) {
      const taken = wanted - gathered;
      const all = Buffer.concat([...pieces, rest.subarray(0, taken)], wanted);
      rest = rest.subarray(taken);
      const found = readElement(all, 0);
      const isWhole = 'end' in found;
      if (isWhole && found.element) elements.push(found.element);
      pieces = isWhole ? [] : [all];
      gathered = isWhole ? 0 : all.length;
      wanted = isWhole ? 1 : found.wanted;
    }
    return rest;
  };
  return {
    push(pushed) {
      const elements: RtspElement[] = [];
      const bytes = completePacket(pushed, elements);
      if (gathered + bytes.length < wanted) {
        keep(bytes);
        return elements;
      }
      pieces.push(bytes);
      gathered += bytes.length;
      const all = pieces.length === 1 ? bytes : Buffer.concat(pieces, gathered);
      let at = 0;
      let found = readElement(all, at);
      for (; 'end' in found; found = readElement(all, at)) {
        if (found.element) elements.push(found.element);
        at = found.end;
      }
      // A copy: what is left is small, and the large buffer it lies in would be kept for its sake.
      pieces = at === all.length ? [] : [Buffer.from(all.subarray(at))];
      gathered = all.length - at;
      wanted = found.wanted;
      return elements;
    },
  };
}

/** `wanted`: how many bytes there must be from here on before another look is worth it. */
type Found = Readonly<{ element: RtspElement | undefined; end: number } | { wanted: number }>;

function readElement(all: Buffer, at: number): Found {
  const first = all[at];
  if (first === undefined) return { wanted: 1 };
  if (first === dollar) return readPacket(all, at);
  // Some cameras send an empty line between messages.
  if (first === 0x0d || first === 0x0a) return { element: undefined, end: at + 1 };
  return readMessage(all, at);
}

function readPacket(all: Buffer, at: number): Found {
  if (all.length - at < packetHeaderBytes) return { wanted: packetHeaderBytes };
  const end = at + packetHeaderBytes + all.readUInt16BE(at + 2);
  if (end > all.length) return { wanted: end - at };
  return { element: { type: 'packet', channel: all[at + 1] as number, bytes: all.subarray(at, end) }, end };
}

function readMessage(all: Buffer, at: number): Found {
  const { headEnd, bodyStart } = endOfHead(all, at);
  if (headEnd === undefined) {
    if (all.length - at > rtspLimits.headBytes)
      throw new RtspFormatError('a message has no end of its headers');
    return { wanted: all.length - at + 1 };
  }
  const { startLine, headers } = readHead(all.toString('latin1', at, headEnd));
  const length = bodyLength(headers);
  const end = bodyStart + length;
  if (end > all.length) return { wanted: end - at };
  return {
    element: {
      type: 'message',
      message: { startLine, headers, body: Buffer.from(all.subarray(bodyStart, end)) },
    },
    end,
  };
}

/** CRLF CRLF, and the LF LF of cameras that take it less seriously. */
function endOfHead(all: Buffer, at: number): { headEnd: number | undefined; bodyStart: number } {
  const limit = Math.min(all.length, at + rtspLimits.headBytes);
  const window = all.subarray(at, limit);
  const strict = window.indexOf('\r\n\r\n');
  const loose = window.indexOf('\n\n');
  if (strict === -1 && loose === -1) return { headEnd: undefined, bodyStart: 0 };
  if (strict !== -1 && (loose === -1 || strict < loose))
    return { headEnd: at + strict, bodyStart: at + strict + 4 };
  return { headEnd: at + loose, bodyStart: at + loose + 2 };
}

function readHead(head: string): Pick<RtspMessage, 'startLine' | 'headers'> {
  const [startLine = '', ...lines] = head.split(/\r?\n/);
  if (lines.length > rtspLimits.headerLines) throw new RtspFormatError('a message has too many headers');
  if (!/^[\x20-\x7e]+$/.test(startLine))
    throw new RtspFormatError('a message begins with no request and no answer');
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const match = /^([A-Za-z0-9-]{1,64})[ \t]*:[ \t]*(.*)$/.exec(line);
    if (!match) throw new RtspFormatError('a header has no name');
    const name = (match[1] as string).toLowerCase();
    // What is neither ASCII nor a tab has no business in a header and would end up in a log or in a request.
    const value = (match[2] as string).replaceAll(/[^\t\x20-\x7e]/g, '').trim();
    headers.set(name, [...(headers.get(name) ?? []), value]);
  }
  return { startLine, headers };
}

function bodyLength(headers: RtspMessage['headers']): number {
  const lengths = new Set(headers.get('content-length') ?? ['0']);
  const [text = ''] = lengths;
  // Two lengths: somebody wants one end to see another message than the other.
  if (lengths.size > 1 || !/^\d{1,9}$/.test(text)) throw new RtspFormatError('a message has no clear length');
  const length = Number(text);
  if (length > rtspLimits.bodyBytes) throw new RtspFormatError('a message is too long');
  return length;
}
