import type { ContainerScan } from './container-scan.ts';
import { fourCharacters, startHeaderWalk } from './header-walk.ts';

export const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** PNG (W3C, section 5): chunks that add up to `IEND`. What follows it is not PNG: unknown. */
export function startPngScan(): ContainerScan {
  let ended = false;
  const walk = startHeaderWalk(8, (header, position) => {
    if (position === 0) return { skip: 0, nextHeader: 8 };
    const bytes = header.getUint32(0);
    if (ended || bytes > 0x7fffffff) return 'malformed';
    ended = fourCharacters(header, 4) === 'IEND';
    // Four bytes of checksum follow the data of every chunk.
    return { skip: bytes + 4, nextHeader: 8 };
  });
  return {
    push: walk.push,
    verdict() {
      if (walk.malformed()) return 'unknown';
      if (walk.atBoundary()) return ended ? 'whole' : 'cut';
      return ended && walk.inHeader() ? 'unknown' : 'cut';
    },
  };
}
