import type { ContainerScan } from './container-scan.ts';

const marker = { startOfImage: 0xd8, endOfImage: 0xd9, startOfScan: 0xda } as const;

/**
 * JPEG (ITU T.81, annex B): segments are followed from the first marker to the end marker, so that the end marker of a
 * thumbnail inside a segment is not taken for the picture's. After the end marker may follow zeros (cameras that
 * write whole blocks) or another picture (multi-picture files), which then has to be whole as well; anything else is
 * a trailer whose length nobody states: unknown.
 */
export function startJpegScan(): ContainerScan {
  let state: State = 'marker';
  let owed = 0;
  let lengthSoFar = -1;
  let afterLength: State = 'marker';

  /** Takes the byte behind an 0xff, outside of a scan's coded data. */
  const onMarker = (code: number): State => {
    if (code === 0xff) return 'code';
    if (code === marker.startOfImage) return 'marker';
    if (code === marker.endOfImage) return 'ended';
    if (code === 0x01 || isRestart(code)) return 'marker';
    if (code === 0x00) return 'malformed';
    afterLength = code === marker.startOfScan ? 'coded' : 'marker';
    lengthSoFar = -1;
    return 'length';
  };

  const onByte = (byte: number): State => {
    switch (state) {
      case 'marker':
        return byte === 0xff ? 'code' : 'malformed';
      case 'code':
        return onMarker(byte);
      case 'length':
        if (lengthSoFar < 0) {
          lengthSoFar = byte;
          return 'length';
        }
        // The length counts its own two bytes.
        owed = lengthSoFar * 256 + byte - 2;
        return owed < 0 ? 'malformed' : afterLength;
      case 'coded':
        return byte === 0xff ? 'coded-ff' : 'coded';
      case 'coded-ff':
        if (byte === 0x00 || isRestart(byte)) return 'coded';
        return byte === 0xff ? 'coded-ff' : onMarker(byte);
      case 'ended':
        return byte === 0xff ? 'after-ff' : byte === 0 ? 'padding' : 'malformed';
      case 'after-ff':
        return byte === marker.startOfImage ? 'marker' : 'malformed';
      case 'padding':
        return byte === 0 ? 'padding' : 'malformed';
      case 'malformed':
        return 'malformed';
    }
  };

  return {
    push(bytes) {
      let at = 0;
      while (at < bytes.length && state !== 'malformed') {
        if (owed > 0) {
          const skipped = Math.min(owed, bytes.length - at);
          owed -= skipped;
          at += skipped;
        } else if (state === 'coded') {
          const found = bytes.indexOf(0xff, at);
          at = found < 0 ? bytes.length : found + 1;
          if (found >= 0) state = 'coded-ff';
        } else {
          state = onByte(bytes[at] as number);
          at += 1;
        }
      }
    },
    verdict() {
      if (state === 'malformed' || state === 'after-ff') return 'unknown';
      return state === 'ended' || state === 'padding' ? 'whole' : 'cut';
    },
  };
}

type State =
  | 'marker'
  | 'code'
  | 'length'
  | 'coded'
  | 'coded-ff'
  | 'ended'
  | 'after-ff'
  | 'padding'
  | 'malformed';

function isRestart(code: number): boolean {
  return code >= 0xd0 && code <= 0xd7;
}
