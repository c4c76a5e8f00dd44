import type { ContainerScan } from './container-scan.ts';
import { startHeaderWalk } from './header-walk.ts';

/** The EBML header, then the segment that holds everything, with `Void` as padding (RFC 9559, RFC 8794). */
const ebmlHeaderId = 0x1a45dfa3;
const segmentId = 0x18538067;
const voidId = 0xec;

/**
 * Matroska and WebM: top elements that add up to the end, one of them the segment. A segment of unknown size, which is
 * also what a recorder leaves that was cut off, has no end of its own: unknown.
 */
export function startMatroskaScan(): ContainerScan {
  let hasSegment = false;
  const walk = startHeaderWalk(2, header => {
    const idBytes = lengthOfNumber(header.getUint8(0));
    if (idBytes > 4) return 'malformed';
    if (header.byteLength <= idBytes) return { more: idBytes + 1 };
    const sizeBytes = lengthOfNumber(header.getUint8(idBytes));
    if (sizeBytes > 8) return 'malformed';
    if (header.byteLength < idBytes + sizeBytes) return { more: idBytes + sizeBytes };
    const id = bigEndian(header, 0, idBytes);
    const size = bigEndian(header, idBytes, sizeBytes) & ((1n << BigInt(7 * sizeBytes)) - 1n);
    const isUnknown = size === (1n << BigInt(7 * sizeBytes)) - 1n;
    if (isUnknown || ![ebmlHeaderId, segmentId, voidId].includes(Number(id))) return 'malformed';
    if (Number(id) === segmentId) hasSegment = true;
    return { skip: Number(size), nextHeader: 2 };
  });
  return {
    push: walk.push,
    verdict() {
      if (walk.malformed()) return 'unknown';
      return walk.atBoundary() && hasSegment ? 'whole' : 'cut';
    },
  };
}

/** A number's length is the position of the first bit that is set; 9 when none is. */
function lengthOfNumber(firstByte: number): number {
  return Math.clz32(firstByte) - 24 + 1;
}

function bigEndian(header: DataView, at: number, bytes: number): bigint {
  let value = 0n;
  for (let index = at; index < at + bytes; index += 1) value = (value << 8n) | BigInt(header.getUint8(index));
  return value;
}
