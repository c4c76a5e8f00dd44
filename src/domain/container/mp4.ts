import type { ContainerScan } from './container-scan.ts';
import { fourCharacters, startHeaderWalk } from './header-walk.ts';

/** What an MP4 or QuickTime file can begin with; older QuickTime files have no `ftyp`. */
export const firstMp4Boxes = ['ftyp', 'styp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pnot'];

/**
 * MP4 and QuickTime (ISO 14496-12): boxes that add up to the end, with the index (`moov`) and media (`mdat`) among them.
 *
 * A fragmented file that stops between two fragments adds up as well, so it is whole only when it closes with the index
 * of its fragments (`mfra`), and unknown otherwise. A box of size 0 lasts to the end of the file, wherever that is:
 * unknown.
 */
export function startMp4Scan(): ContainerScan {
  const seen = { moov: false, mdat: false, moof: false };
  let last = '';
  const walk = startHeaderWalk(8, header => {
    const type = fourCharacters(header, 4);
    const isLarge = header.getUint32(0) === 1;
    if (!/^[\u0020-\u007e\u00a9]{4}$/.test(type)) return 'malformed';
    if (isLarge && header.byteLength === 8) return { more: 16 };
    const size = isLarge ? Number(header.getBigUint64(8)) : header.getUint32(0);
    if (type === 'moov' || type === 'mdat' || type === 'moof') seen[type] = true;
    last = type;
    // Negative for a box smaller than its own header, which the walk takes for what it is.
    return { skip: size - header.byteLength, nextHeader: 8 };
  });
  return {
    push: walk.push,
    verdict() {
      if (walk.malformed()) return 'unknown';
      if (!walk.atBoundary() || !seen.moov) return 'cut';
      if (seen.moof) return last === 'mfra' ? 'whole' : 'unknown';
      return seen.mdat ? 'whole' : 'cut';
    },
  };
}
