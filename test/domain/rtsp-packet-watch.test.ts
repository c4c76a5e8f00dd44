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
