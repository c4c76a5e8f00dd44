import t from 'tap';
import { createPacketWatch, maxAheadMs, maxBackMs } from '../../src/domain/rtsp/packet-watch.ts';
import { rtpPacket } from '../support/fake-camera.ts';

const slice = Buffer.from([0x41, 1, 2, 3]);

function watched(format: 'h264' | 'hevc' = 'h264') {
  const watch = createPacketWatch({ format, clockRate: 90_000 });
  return (timeMs: number, atMs: number, payload: Buffer = slice) =>
    watch.see(rtpPacket({ sequence: 0, timestamp: timeMs * 90, marker: true }, payload), {
      clock: { monotonicMs: () => atMs },
    });
}

t.test('a step is judged beside the time that passed', async t => {
  for (const [stepMs, passedMs, expected] of [
    [maxAheadMs, 0, undefined],
    [maxAheadMs + 1, 0, 'jumped'],
    [maxAheadMs + 1000, 1000, undefined],
    [-maxBackMs, 0, undefined],
    [-maxBackMs - 1, 0, 'jumped'],
  ] as const) {
    const see = watched();
    see(10_000, 0);
    t.equal(see(10_000 + stepMs, passedMs), expected, `${stepMs} ms in ${passedMs} ms`);
  }
});

t.test('times that wrap are no jump', async t => {
  const see = watched();
  see(2 ** 32 / 90 - 20, 0);
  t.equal(see(20, 40), undefined);
});

for (const [format, first, other, aggregate] of [
  ['h264', [0x67, 1], [0x67, 2], [0x78]],
  ['hevc', [0x42, 1, 1], [0x42, 1, 2], [0x60, 1]],
] as const)
  t.test(`${format}: other parameters are seen alone and among others, the same ones are not`, async t => {
    const see = watched(format);
    t.equal(see(0, 0, Buffer.from(first)), undefined);
    t.equal(see(0, 0, Buffer.from([...aggregate, 0, first.length, ...first])), undefined);
    t.equal(see(0, 0, Buffer.from([...aggregate, 0, other.length, ...other])), 'parameters');
    t.equal(see(0, 0, Buffer.from(first)), 'parameters');
  });

t.test('what is cut short says nothing', async t => {
  const { see } = createPacketWatch({ format: 'h264', clockRate: 90_000 });
  const whole = rtpPacket({ sequence: 0, timestamp: 0, marker: true }, Buffer.from([0x78, 0xff, 0xff, 0x67]));
  for (let length = 0; length <= whole.length; length++)
    t.equal(see(whole.subarray(0, length), { clock: { monotonicMs: () => 0 } }), undefined);
});

t.test('what describes the pictures is remembered, wherever the packet lay', async t => {
  const { see } = createPacketWatch({ format: 'h264', clockRate: 90_000 });
  const clock = { monotonicMs: () => 0 };
  const packet = (payload: readonly number[]) =>
    rtpPacket({ sequence: 0, timestamp: 0, marker: false }, Buffer.from(payload));
  const room = packet([0x67, 1, 2]);
  t.equal(see(room, { clock }), undefined);
  // As the next read from the camera overwrites it.
  packet([0x41, 9, 9]).copy(room);
  t.equal(see(packet([0x67, 1, 2]), { clock }), undefined, 'the same ones');
  t.equal(see(packet([0x67, 9, 9]), { clock }), 'parameters');
});

t.test('parameters are found behind contributing sources, an extension and before padding', async t => {
  const { see } = createPacketWatch({ format: 'h264', clockRate: 90_000 });
  const clock = { monotonicMs: () => 0 };
  const packet = (flags: number, head: readonly number[], payload: readonly number[]) => {
    const bytes = rtpPacket({ sequence: 0, timestamp: 0, marker: false }, Buffer.from([...head, ...payload]));
    bytes[4] = flags;
    return bytes;
  };
  t.equal(see(packet(0x80, [], [0x67, 1, 2]), { clock }), undefined);
  const sources = Array<number>(8).fill(0x41);
  const extension = [0xbe, 0xde, 0, 2, ...sources];
  t.equal(
    see(packet(0xb2, [...sources, ...extension], [0x67, 1, 2, 0, 2]), { clock }),
    undefined,
    'the same',
  );
  t.equal(see(packet(0x82, sources, [0x67, 1, 3]), { clock }), 'parameters');
  t.equal(see(packet(0x90, extension, [0x67, 1, 4]), { clock }), 'parameters');
  t.equal(see(packet(0xa0, [], [0x67, 1, 5, 0, 0, 3]), { clock }), 'parameters');
  t.equal(see(packet(0x80, [], [0x67, 1, 5]), { clock }), undefined, 'without the padding');
});
