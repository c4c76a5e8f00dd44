// Command lines for the fuzzer: those of real dialogues, changed a little or beyond recognition.

import { account } from '../support/receiver.ts';
import type { Random } from './random.ts';

/** In every argument that is made up here: it must never come back, except where a reply quotes a virtual path. */
export const marker = 'ZQJX';

const verbs =
  'USER PASS ACCT CWD XCWD CDUP XCUP SMNT QUIT REIN PORT PASV TYPE STRU MODE RETR STOR STOU APPE ALLO REST RNFR RNTO ABOR DELE RMD XRMD MKD XMKD PWD XPWD LIST NLST SITE SYST STAT HELP NOOP AUTH ADAT PROT PBSZ CCC MIC CONF ENC FEAT OPTS EPRT EPSV LANG MDTM MLSD MLST SIZE MFMT HOST CLNT XSHA256 AVBL COMB CSID DSIZ MFCT RANG THMB TRUN XCRC constructor toString __proto__ hasOwnProperty'.split(
    ' ',
  );

/** Half of what is sent is of these, so that sessions get somewhere. */
const dialogue = [
  'PWD',
  'SYST',
  'FEAT',
  'NOOP',
  'TYPE I',
  'TYPE A',
  'OPTS UTF8 ON',
  'CWD /',
  `CWD ${marker}`,
  `MKD ${marker}`,
  `MKD ${marker}/a/b`,
  'CDUP',
  'PBSZ 0',
  'PROT P',
  'PROT C',
  'REST 0',
  'ALLO 1000',
  'STAT',
  'MODE S',
  'STRU F',
  `SIZE ${marker}.mp4`,
  `MDTM ${marker}.mp4`,
  `DELE ${marker}.mp4`,
  `RMD ${marker}`,
  `RNFR ${marker}`,
  `RNTO ${marker}2`,
  'MLST',
  `STOR ${marker}.mp4`,
  'LIST -al',
  'ABOR',
  'HELP',
];
/** Each of these costs a port, or a wait of the receiver. */
const costly = ['PASV', 'EPSV', 'EPSV 1', 'EPSV 2', 'EPSV ALL', 'LIST', 'NLST', 'MLSD', `STOR ${marker}`];
const closing = [
  'QUIT',
  'GET / HTTP/1.1',
  'EHLO mail.example',
  'SSH-2.0-x',
  'Host: example',
  'AUTH TLS',
  'AUTH SSL',
];
const pieces = [
  '../',
  '/',
  '\\',
  'a',
  'é',
  '录',
  '"',
  '%2e',
  '*',
  '{',
  '-R ',
  ' ',
  '.',
  '\t',
  '\0',
  '\x1b[2J',
  '\x7f',
  '\r',
  '\n',
  '$(id)',
  '%s%n',
  '-1',
  '99999999999999999999',
  '127,0,0,1,0,21',
  '|1|127.0.0.1|21|',
  '\u202e',
  '\u2028',
  '\ufeff',
];
const telnet = [
  [0xff, 0xf4, 0xff, 0xf2],
  [0xff, 0xfb, 0x01],
  [0xff, 0xff],
  [0xff],
  [0xff, 0xf0],
  [0xff, 0xfa, 0x18, 0x01, 0xff, 0xf0],
];

/** One line with its end; `maxLineBytes` is what the receiver takes. */
export function makeLine(random: Random, maxLineBytes: number): Buffer {
  const roll = random.below(1000);
  if (roll < 520) return ended(random, Buffer.from(random.pick(dialogue)));
  if (roll < 535) return ended(random, Buffer.from(random.pick(costly)));
  if (roll < 539) return ended(random, Buffer.from(random.pick(closing)));
  if (roll < 543) return longLine(random, maxLineBytes);
  if (roll < 640) return ended(random, mutated(random, Buffer.from(random.pick(dialogue))));
  if (roll < 660)
    return Buffer.concat([Buffer.from(random.pick(telnet)), ended(random, Buffer.from('ABOR'))]);
  if (roll < 680) return ended(random, random.bytes(random.below(200)));
  if (roll < 686) return ended(random, Buffer.from(loginLine(random)));
  return ended(random, composed(random));
}

function loginLine(random: Random): string {
  return random.pick([
    `USER ${account.user}`,
    `PASS ${marker}`,
    'USER anonymous',
    `USER ${marker}`,
    `PASS ${marker}\t`,
    'PASS',
    'USER',
    `ACCT ${marker}`,
  ]);
}

function composed(random: Random): Buffer {
  const verb = random.pick(verbs);
  const spelled = random.oneIn(5)
    ? [...verb].map(letter => (random.oneIn(2) ? letter.toLowerCase() : letter)).join('')
    : verb;
  const count = random.below(6);
  const argument = Array.from({ length: count }, () => random.pick(pieces)).join('');
  const gap = random.pick([' ', ' ', ' ', ' ', '', '  ', '\t']);
  return Buffer.from(count === 0 ? spelled : `${spelled}${gap}${marker}${argument}`);
}

function mutated(random: Random, line: Buffer): Buffer {
  let bytes = line;
  for (let change = 0; change <= random.below(3); change++) {
    const at = random.below(bytes.length + 1);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (random.below(5)) {
      case 0:
        bytes = Buffer.concat([head, random.bytes(1), tail.subarray(1)]);
        break;
      case 1:
        bytes = Buffer.concat([head, random.bytes(1 + random.below(4)), tail]);
        break;
      case 2:
        bytes = Buffer.concat([head, tail.subarray(1)]);
        break;
      case 3:
        bytes = Buffer.concat([head, Buffer.from(random.pick(pieces)), tail]);
        break;
      default:
        bytes = Buffer.concat([bytes, tail]);
    }
  }
  return bytes;
}

/** Just below, at and just above the limit, and well above it. */
function longLine(random: Random, maxLineBytes: number): Buffer {
  const length = maxLineBytes + random.pick([-1, 0, 0, -2, 1, 1000]);
  const start = `${random.pick(['CWD', 'MKD', 'STOR', 'USER', 'NOOP', 'OPTS'])} `;
  return ended(
    random,
    Buffer.from(start + random.pick(['x', 'é', '/', 'a/', '../']).repeat(length)).subarray(0, length),
  );
}

/** CR LF almost always; a wrong end makes this line and the next one a single line. */
function ended(random: Random, line: Buffer): Buffer {
  const end = random.oneIn(40) ? random.pick(['\n', '\r', '\r\r\n', '\n\r\n', '\r\n\r\n', '']) : '\r\n';
  return Buffer.concat([line, Buffer.from(end)]);
}
