import type { ContainerScan } from './container-scan.ts';
import { fourCharacters, startHeaderWalk } from './header-walk.ts';

/** Written by ffmpeg and others where the size is put in at the end: cannot be told from a stream that has no size. */
const sizeNotKnown = 0xffffffff;

/**
 * AVI: one RIFF, or several (OpenDML, above 1 GiB), whose chunks add up to it, and all of them to the end, with frames
 * (`movi`) in the first. A RIFF of size 0 was never finished by its writer: cut.
 */
export function startAviScan(): ContainerScan {
  let endOfRiff = 0;
  let riffs = 0;
  let hasFrames = false;
  let unfinished = false;
  const riffHeader = 12;
  const walk = startHeaderWalk(riffHeader, (header, position) => {
    const size = header.getUint32(4, true);
    if (position === endOfRiff) {
      const isRiff = fourCharacters(header, 0) === 'RIFF';
      const form = fourCharacters(header, 8);
      if (!isRiff || form !== (riffs === 0 ? 'AVI ' : 'AVIX')) return 'malformed';
      unfinished = size === 0;
      // An odd size would need a padding byte that writers disagree about.
      if (unfinished || size === sizeNotKnown || size < 4 || size % 2 === 1) return 'malformed';
      riffs += 1;
      endOfRiff = position + 8 + size;
      return { skip: 0, nextHeader: endOfRiff === position + riffHeader ? riffHeader : 8 };
    }
    const isList = fourCharacters(header, 0) === 'LIST';
    if (isList && header.byteLength === 8 && size >= 4) return { more: 12 };
    if (isList && header.byteLength === 12 && fourCharacters(header, 8) === 'movi') hasFrames = true;
    const end = position + 8 + size + (size % 2);
    if (end > endOfRiff) return 'malformed';
    return { skip: end - position - header.byteLength, nextHeader: end === endOfRiff ? riffHeader : 8 };
  });
  return {
    push: walk.push,
    verdict() {
      if (unfinished) return 'cut';
      if (walk.malformed()) return 'unknown';
      return walk.atBoundary() && walk.position() === endOfRiff && hasFrames ? 'whole' : 'cut';
    },
  };
}
