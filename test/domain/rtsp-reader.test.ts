import t from 'tap';
import {
  createRtspReader,
  type RtspElement,
  RtspFormatError,
  rtspLimits,
} from '../../src/domain/rtsp/rtsp-reader.ts';
import { seededRandom } from './seeded-random.ts';

const packet = Buffer.from([0x24, 3, 0, 2, 0x0d, 0x0a]);
const stream = Buffer.concat([
  Buffer.from('RTSP/1.0 200 OK\r\nCSeq: 1\r\nX: a\r\nx: b\r\nContent-Length: 4\r\n\r\nv=0\n'),
  packet,
  Buffer.from('\r\n\r\nOPTIONS rtsp://h/ RTSP/1.0\nCSeq: 2\n\n'),
  packet,
]);

function told(elements: readonly RtspElement[]) {
  return elements.map(each =>
    each.type === 'packet'
      ? `${each.channel}:${each.bytes.toString('hex')}`
      : `${each.message.startLine} ${JSON.stringify([...each.message.headers])} ${each.message.body}`,
  );
}

const request = Buffer.from('OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 2\r\n\r\n');
const expected = [
  'RTSP/1.0 200 OK [["cseq",["1"]],["x",["a","b"]],["content-length",["4"]]] v=0\n',
  '3:240300020d0a',
  'OPTIONS rtsp://h/ RTSP/1.0 [["cseq",["2"]]] ',
  '3:240300020d0a',
];

t.test(
  'messages and packets are the same in whatever pieces they come, into memory that is used again',
  async t => {
    t.strictSame(told(createRtspReader().push(stream)), expected);
    const random = seededRandom(3);
    const room = Buffer.alloc(20);
    for (let round = 0; round < 200; round++) {
      const reader = createRtspReader();
      const found: string[] = [];
      for (let at = 0; at < stream.length; ) {
        const end = Math.min(stream.length, at + (round === 0 ? 1 : 1 + random(20)));
        stream.copy(room, 0, at, end);
        found.push(...told(reader.push(room.subarray(0, end - at))));
        room.fill(0xff);
        at = end;
      }
      if (JSON.stringify(found) !== JSON.stringify(expected)) t.fail(`round ${round}`);
    }
    t.pass();
  },
);

t.test('so are packets as long as those of cameras, of which each read brings many and a part', async t => {
  const random = seededRandom(5);
  const all = Array.from({ length: 300 }, (_, index) => {
    if (index % 50 === 49) return { told: 'OPTIONS rtsp://h/ RTSP/1.0 [["cseq",["2"]]] ', bytes: request };
    const bytes = Buffer.alloc(4 + random(2000), index);
    bytes[0] = 0x24;
    bytes.writeUInt16BE(bytes.length - 4, 2);
    return { told: `${bytes[1]}:${bytes.toString('hex')}`, bytes };
  });
  const whole = Buffer.concat(all.map(({ bytes }) => bytes));
  const room = Buffer.alloc(64 * 1024);
  for (let round = 0; round < 30; round++) {
    const reader = createRtspReader();
    const found: string[] = [];
    for (let at = 0; at < whole.length; ) {
      const end = Math.min(whole.length, at + 1 + random(random(3) === 0 ? 6 : 20_000));
      whole.copy(room, 0, at, end);
      found.push(...told(reader.push(room.subarray(0, end - at))));
      room.fill(0xff);
      at = end;
    }
    t.equal(found.length, all.length);
    t.ok(
      found.every((each, index) => each === all[index]?.told),
      `round ${round}`,
    );
  }
});

t.test('what is complete is answered at once', async t => {
  const reader = createRtspReader();
  t.equal(reader.push(packet.subarray(0, 5)).length, 0);
  t.equal(reader.push(packet.subarray(5)).length, 1);
  t.equal(reader.push(Buffer.from([0x24, 0, 0, 0])).length, 1, 'a packet of nothing');
});

const refused = (text: string) => () => createRtspReader().push(Buffer.from(text, 'latin1'));
const answer = (headers: string, body = '') => `RTSP/1.0 200 OK\r\n${headers}\r\n\r\n${body}`;

t.test('headers may be so long, so many, and a body so long', async t => {
  const head = 'RTSP/1.0 200 OK\r\nX: ';
  const ofHeadBytes = (bytes: number) => `${head}${'a'.repeat(bytes - head.length - 4)}\r\n\r\n`;
  t.doesNotThrow(refused(ofHeadBytes(rtspLimits.headBytes - 1)));
  t.doesNotThrow(refused(ofHeadBytes(rtspLimits.headBytes)));
  t.throws(refused(ofHeadBytes(rtspLimits.headBytes + 1)), RtspFormatError);
  t.throws(refused('a'.repeat(rtspLimits.headBytes + 1)), RtspFormatError, 'also without an end');
  const lines = (count: number) => answer(Array(count).fill('X: a').join('\r\n'));
  t.doesNotThrow(refused(lines(rtspLimits.headerLines)));
  t.throws(refused(lines(rtspLimits.headerLines + 1)), RtspFormatError);
  t.doesNotThrow(refused(answer(`Content-Length: ${rtspLimits.bodyBytes}`)));
  t.throws(refused(answer(`Content-Length: ${rtspLimits.bodyBytes + 1}`)), RtspFormatError);
});

t.test('what has no clear meaning is refused', async t => {
  for (const text of [
    answer('Content-Length: 1\r\nContent-Length: 2'),
    answer('Content-Length: -1'),
    answer('Content-Length: 1e3'),
    answer('Content-Length: '),
    answer('no colon'),
    answer(' folded: line'),
    'RTSP/1.0 200 \u0001\r\n\r\n',
    '\u00ff\r\n\r\n',
  ])
    t.throws(refused(text), RtspFormatError, JSON.stringify(text));
  t.doesNotThrow(refused(answer('Content-Length: 0\r\nContent-Length: 0')));
});

t.test('control characters do not get through a header', async t => {
  const [found] = createRtspReader().push(Buffer.from(answer('Session: a\u0007b\u001b[1m\u009bc\r\nY: \tz')));
  if (found?.type !== 'message') throw new Error('a message was expected');
  t.strictSame(found.message.headers.get('session'), ['ab[1mc']);
});

t.test('whatever comes, it answers or throws its own error', async t => {
  const random = seededRandom(11);
  const alphabet = Buffer.from('RTSP/1.0 200 OK\r\n: $\u0000\u00ffContent-Length: 5', 'latin1');
  for (let round = 0; round < 3000; round++) {
    const reader = createRtspReader();
    const start = round % 2 ? stream.subarray(0, random(stream.length)) : Buffer.alloc(0);
    const noise = Buffer.from(
      Array.from({ length: random(200) }, () =>
        random(3) ? (alphabet[random(alphabet.length)] as number) : random(256),
      ),
    );
    try {
      for (const piece of [start, noise, noise]) reader.push(piece);
    } catch (error) {
      if (!(error instanceof RtspFormatError)) throw error;
    }
  }
  t.pass();
});
