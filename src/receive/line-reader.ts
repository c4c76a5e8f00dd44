// Frames the control connection: bytes in, command lines out. RFC 959 5.3.1 ends a line with CR LF; a lone CR or LF is
// part of the line (and refused as a control character later), so that what one reader takes for one command is never
// two for another. Telnet sequences (RFC 959 4.1.3, IAC IP DM before ABOR) are dropped.

const cr = 0x0d;
const lf = 0x0a;
const iac = 0xff;

export type LineReader = {
  /**
   * Takes the next bytes and answers the lines that they complete, each without its CR LF. `tooLong` is set once a line,
   * finished or not, exceeds the limit; nothing behind it is answered then, and the reader is of no further use.
   */
  push(bytes: Uint8Array): { lines: Uint8Array[]; tooLong: boolean };
  /** Bytes of an unfinished line. */
  pendingBytes(): number;
};

export function createLineReader(maxLineBytes: number): LineReader {
  const line = Buffer.alloc(maxLineBytes + 1);
  let length = 0;
  let telnet: 'none' | 'command' | 'option' = 'none';

  return {
    push(bytes) {
      const lines: Uint8Array[] = [];
      for (const byte of bytes) {
        if (telnet === 'option') {
          telnet = 'none';
          continue;
        }
        if (telnet === 'command') {
          telnet = byte >= 0xfb && byte <= 0xfe ? 'option' : 'none';
          // DM comes as urgent data, which the kernel takes out of the stream: then the byte is the next line's.
          if (byte >= 0xf0) continue;
        }
        if (byte === iac) {
          telnet = 'command';
        } else if (byte === lf && length > 0 && line[length - 1] === cr) {
          lines.push(Uint8Array.prototype.slice.call(line, 0, length - 1));
          length = 0;
        } else if (length > maxLineBytes || (length === maxLineBytes && byte !== cr)) {
          return { lines, tooLong: true };
        } else {
          line[length++] = byte;
        }
      }
      return { lines, tooLong: false };
    },
    // A Telnet sequence that was begun is something, too: its rest would be taken from what comes next.
    pendingBytes: () => length + (telnet === 'none' ? 0 : 1),
  };
}
