// When is an upload complete? FTP has no length: the end of the data is a close, and a close can be forged by anyone
// on the way, or be a camera that lost its power. So an upload counts as whole only when the end itself is proven.

import type { Completeness, CompletenessBasis } from './clip.ts';
import { startAviScan } from './container/avi.ts';
import type { ContainerScan, ContainerVerdict } from './container/container-scan.ts';
import { startJpegScan } from './container/jpeg.ts';
import { startMatroskaScan } from './container/matroska.ts';
import { firstMp4Boxes, startMp4Scan } from './container/mp4.ts';
import { pngSignature, startPngScan } from './container/png.ts';

export type { ContainerScan, ContainerVerdict } from './container/container-scan.ts';

export type CompletenessJudgement = Readonly<{
  completeness: Completeness;
  basis: CompletenessBasis;
  /** 426 asks the client to try again; what arrived is kept all the same. */
  reply: 226 | 426;
}>;

/**
 * Judges an upload whose data connection has ended:
 *
 * - `closeNotify`: the end was a TLS close_notify. A reset or a plain FIN is none.
 * - `container`: what startContainerScan found.
 * - `repeat`: the same camera sent the same bytes under the same name before, and they were not acknowledged. This is
 *   how a format without an end of its own gets through from a client that never sends close_notify. It does not help
 *   a file that says itself that it was cut, which would be answered 226 while bytes are known to be missing.
 * - `truncation`: `strict` takes nothing but close_notify, repeated or not.
 *
 * No bytes at all need close_notify: a link that twice died before the first byte sent "the same" twice, and a 226
 * would lose the clip.
 */
export function judgeCompleteness(facts: {
  closeNotify: boolean;
  container: ContainerVerdict;
  truncation: 'container' | 'strict';
  repeat: boolean;
  bytes: number;
}): CompletenessJudgement {
  if (facts.closeNotify) return { completeness: 'whole', basis: 'close-notify', reply: 226 };
  if (facts.truncation === 'container') {
    if (facts.container === 'whole') return { completeness: 'whole', basis: 'container', reply: 226 };
    if (facts.container === 'unknown' && facts.repeat && facts.bytes > 0)
      return { completeness: 'unproven', basis: 'repeat', reply: 226 };
  }
  return { completeness: 'partial', basis: 'none', reply: 426 };
}

/** Enough to tell the formats apart. */
const signatureBytes = 12;

/** Starts reading an upload: what it is comes from its first bytes, never from its name. */
export function startContainerScan(): ContainerScan {
  const head = new Uint8Array(signatureBytes);
  let headBytes = 0;
  let scan: ContainerScan | undefined;
  return {
    push(bytes) {
      if (scan) return scan.push(bytes);
      const taken = Math.min(signatureBytes - headBytes, bytes.length);
      head.set(bytes.subarray(0, taken), headBytes);
      headBytes += taken;
      if (headBytes < signatureBytes) return;
      scan = scanFor(head);
      scan.push(head);
      scan.push(bytes.subarray(taken));
    },
    verdict() {
      if (scan) return scan.verdict();
      const short = head.subarray(0, headBytes);
      const shortScan = scanFor(short);
      shortScan.push(short);
      return shortScan.verdict();
    },
  };
}

function scanFor(head: Uint8Array): ContainerScan {
  const text = String.fromCharCode(...head);
  const begins = (...signature: number[]) => signature.every((byte, index) => head[index] === byte);
  if (begins(0xff, 0xd8, 0xff)) return startJpegScan();
  if (begins(...pngSignature)) return startPngScan();
  if (begins(0x1a, 0x45, 0xdf, 0xa3)) return startMatroskaScan();
  if (text.startsWith('RIFF') && text.startsWith('AVI ', 8)) return startAviScan();
  if (firstMp4Boxes.includes(text.slice(4, 8))) return startMp4Scan();
  return { push() {}, verdict: () => 'unknown' };
}
