// One command line, taken apart. Nothing of it is ever put into a reply or a log line.

export type CommandLine =
  | Readonly<{ kind: 'command'; verb: string; argument: string | null }>
  /** A verb that is none, or an argument that no command takes: the reply code says which. */
  | Readonly<{ kind: 'malformed'; verb: string | null; code: 500 | 501 | 553 }>
  /** Another protocol's first words: somebody makes a browser, a mail server or an SSH client talk to us (ALPACA). */
  | Readonly<{ kind: 'foreign' }>;

const foreignStart =
  /^(?:(?:GET|POST|HEAD|PUT|DELETE|PATCH|TRACE|CONNECT|OPTIONS|PROPFIND) |EHLO\b|HELO\b|MAIL FROM|RCPT TO|STARTTLS\b|SSH-|\*\d|[A-Za-z-]+: |\x16\x03)/i;

/** Commands whose argument is a name: a bad one is refused as a name (553), not as bad grammar (501). */
export const nameVerbs: ReadonlySet<string> = new Set([
  'STOR',
  'STOU',
  'APPE',
  'CWD',
  'XCWD',
  'MKD',
  'XMKD',
  'RMD',
  'XRMD',
  'DELE',
  'RNFR',
  'RNTO',
  'SIZE',
  'MDTM',
  'RETR',
]);

const controlCharacter = /[\0-\x1f\x7f]/;
const beyondAscii = /[\x80-\xff]/;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Parses a line without its CR LF (RFC 959 5.3: a verb of three or four letters, one space, the argument). */
export function parseCommandLine(line: Uint8Array): CommandLine {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  const text = bytes.toString('latin1');
  if (foreignStart.test(text)) return { kind: 'foreign' };
  const space = text.indexOf(' ');
  const verb = text.slice(0, space === -1 ? undefined : space).toUpperCase();
  if (!/^[A-Z]{3,4}$/.test(verb)) return { kind: 'malformed', verb: null, code: 500 };
  if (space === -1) return { kind: 'command', verb, argument: null };
  const rest = text.slice(space + 1);
  if (controlCharacter.test(rest)) return { kind: 'malformed', verb, code: 501 };
  try {
    const argument = beyondAscii.test(rest) ? strictUtf8.decode(bytes.subarray(space + 1)) : rest;
    return { kind: 'command', verb, argument: argument === '' ? null : argument };
  } catch {
    return { kind: 'malformed', verb, code: nameVerbs.has(verb) ? 553 : 501 };
  }
}

/** The first bytes of a connection that is to speak FTP in plain text but starts a TLS handshake. */
export function looksLikeTls(bytes: Uint8Array): boolean {
  return bytes[0] === 0x16 && (bytes.length < 2 || bytes[1] === 0x03);
}
