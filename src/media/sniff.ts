// What a file seems to be, by its first bytes alone. The answer chooses the one demuxer that may open it, so a file that
// is several things at once is read as the one that its start says, and its name says nothing.

export const sniffBytes = 4096;

export type Container =
  | 'mp4'
  | 'mov'
  | 'matroska'
  | 'avi'
  | 'mpegts'
  | 'dav'
  | 'h264'
  | 'hevc'
  | 'jpeg'
  | 'png'
  | 'text'
  | 'empty'
  | 'unknown';

export type Sniffed = Readonly<{
  container: Container;
  /** For the stored file, without a dot. */
  extension: string;
}>;

const extensions: Readonly<Record<Container, string>> = {
  mp4: 'mp4',
  mov: 'mov',
  matroska: 'mkv',
  avi: 'avi',
  mpegts: 'ts',
  dav: 'dav',
  h264: 'h264',
  hevc: 'h265',
  jpeg: 'jpg',
  png: 'png',
  text: 'txt',
  empty: 'bin',
  unknown: 'bin',
};

/** `head` is the start of the file, up to `sniffBytes`; all of it when the file is shorter. */
export function sniff(head: Uint8Array): Sniffed {
  const container = containerOf(Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, sniffBytes)));
  return { container, extension: extensions[container] };
}

function containerOf(head: Buffer): Container {
  if (head.length === 0) return 'empty';
  const at = (offset: number, magic: string) =>
    head.toString('latin1', offset, offset + magic.length) === magic;
  if (at(0, '\xff\xd8\xff')) return 'jpeg';
  if (at(0, '\x89PNG\r\n\x1a\n')) return 'png';
  if (at(0, '\x1aE\xdf\xa3')) return 'matroska';
  if (at(0, 'RIFF') && at(8, 'AVI ')) return 'avi';
  if (at(0, 'DHAV')) return 'dav';
  if (at(4, 'ftyp')) return at(8, 'qt  ') ? 'mov' : 'mp4';
  // QuickTime before ftyp existed, and MP4 from the middle of a fragmented stream.
  if (['moov', 'mdat', 'wide', 'free', 'skip', 'pnot'].some(type => at(4, type))) return 'mov';
  if (['styp', 'moof', 'sidx', 'emsg'].some(type => at(4, type))) return 'mp4';
  if (isTransportStream(head)) return 'mpegts';
  return elementaryStream(head) ?? (isText(head) ? 'text' : 'unknown');
}

/** A sync byte every 188 bytes, or every 192 with a timestamp before it (m2ts); as often as there are bytes, at least twice. */
function isTransportStream(head: Buffer): boolean {
  return [
    { first: 0, step: 188 },
    { first: 4, step: 192 },
  ].some(({ first, step }) => {
    if (head.length <= first + step) return false;
    for (let offset = first; offset < head.length; offset += step) if (head[offset] !== 0x47) return false;
    return true;
  });
}

/** Annex B: a start code, and among the first units a sequence header that belongs to one of the two only. */
function elementaryStream(head: Buffer): 'h264' | 'hevc' | undefined {
  const startCode = Buffer.from([0, 0, 1]);
  const first = head.indexOf(startCode);
  if (first !== 0 && !(first === 1 && head[0] === 0)) return undefined;
  for (let offset = first; offset !== -1; offset = head.indexOf(startCode, offset + 3)) {
    const [header = 0xff, second = 0xff] = head.subarray(offset + 3, offset + 5);
    // H.265 (7.3.1.2): video parameter set, type 32, layer 0, temporal id 0.
    if (header === 0x40 && second === 0x01) return 'hevc';
    // H.264 (7.3.1): forbidden bit 0, sequence parameter set, type 7.
    if ((header & 0x9f) === 7) return 'h264';
  }
  return undefined;
}

/** UTF-8 without control characters but tab, line feed and carriage return. */
function isText(head: Buffer): boolean {
  if (head.some(byte => byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 13)) return false;
  try {
    // As a stream: the last character may be cut in two.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}
