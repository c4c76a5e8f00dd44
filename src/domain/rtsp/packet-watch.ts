// What RTP packets of video (RFC 3550) say about the stream before anything decodes them: whether its times run on, and
// whether the camera changed what describes its pictures (RFC 6184, RFC 7798). Recording goes on anew after either.

export type PacketWatch = Readonly<{
  /** `bytes`: a packet with its four bytes of interleaving. Undefined: as it should be, or nothing that can be judged. */
  see(bytes: Buffer, at: { clock: { monotonicMs(): number } }): 'jumped' | 'parameters' | undefined;
}>;

/** Pictures that are shown in another order than they are sent go back by some frames. */
export const maxBackMs = 2000;
/** More than passed here meanwhile. */
export const maxAheadMs = 5000;

const interleavingBytes = 4;
const headerBytes = 12;
const timeAt = interleavingBytes + 4;
const payloadAt = interleavingBytes + headerBytes;
/** Version 2, without padding, extension and contributing sources. */
const plainRtp = 0x80;
const maxParameterBytes = 1024;

/** The type of a sequence parameter set, and of the packet that carries several units; and how long a unit's header is. */
const units = {
  h264: { sequence: 7, aggregate: 24, headerBytes: 1, typeOf: (first: number) => first & 0x1f },
  hevc: { sequence: 33, aggregate: 48, headerBytes: 2, typeOf: (first: number) => (first >> 1) & 0x3f },
} as const;

export function createPacketWatch(track: { format: string | null; clockRate: number }): PacketWatch {
  const kind = units[track.format === 'hevc' ? 'hevc' : 'h264'];
  let last: { timestamp: number; atMs: number } | undefined;
  let sequence: Buffer | undefined;

  const hasJumped = (timestamp: number, clock: { monotonicMs(): number }): boolean => {
    const before = last;
    // Another packet of the same picture, as nearly all are.
    if (before?.timestamp === timestamp) return false;
    const atMs = clock.monotonicMs();
    last = { timestamp, atMs };
    if (before === undefined) return false;
    // Timestamps wrap at 32 bits, every 13 hours at 90 kHz.
    const stepMs = (((timestamp - before.timestamp) | 0) * 1000) / track.clockRate;
    return stepMs < -maxBackMs || stepMs > atMs - before.atMs + maxAheadMs;
  };
  const hasOtherParameters = (unit: Buffer): boolean => {
    if (unit.length === 0 || kind.typeOf(unit[0] as number) !== kind.sequence) return false;
    if (unit.length > maxParameterBytes) return false;
    if (sequence?.equals(unit)) return false;
    const isOther = sequence !== undefined;
    sequence = Buffer.from(unit);
    return isOther;
  };
  const mayDescribe = (first: number): boolean => {
    const type = kind.typeOf(first);
    return type === kind.sequence || type === kind.aggregate;
  };
  return {
    see(bytes, { clock }) {
      const isPlain = bytes.length > payloadAt && bytes[interleavingBytes] === plainRtp;
      if (isPlain && !mayDescribe(bytes[payloadAt] as number))
        return hasJumped(bytes.readUInt32BE(timeAt), clock) ? 'jumped' : undefined;
      const payload = payloadOf(bytes.subarray(interleavingBytes));
      if (payload === undefined) return undefined;
      if (hasJumped(bytes.readUInt32BE(timeAt), clock)) return 'jumped';
      const isAggregate = payload.length > 0 && kind.typeOf(payload[0] as number) === kind.aggregate;
      const all = isAggregate ? unitsIn(payload.subarray(kind.headerBytes)) : [payload];
      return all.some(hasOtherParameters) ? 'parameters' : undefined;
    },
  };
}

/** Undefined for what is no RTP packet of version 2, or shorter than it says. */
function payloadOf(packet: Buffer): Buffer | undefined {
  const first = packet[0];
  if (first === undefined || first >> 6 !== 2 || packet.length < headerBytes) return undefined;
  let start = headerBytes + (first & 0x0f) * 4;
  if (first & 0x10) {
    if (packet.length < start + 4) return undefined;
    start += 4 + packet.readUInt16BE(start + 2) * 4;
  }
  const padding = first & 0x20 ? (packet.at(-1) as number) : 0;
  const end = packet.length - padding;
  return start <= end ? packet.subarray(start, end) : undefined;
}

/** Units behind their lengths of two bytes. */
function unitsIn(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const end = at + 2 + bytes.readUInt16BE(at);
    if (end > bytes.length) break;
    found.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return found;
}
