import t from 'tap';
import { createUnitJoiner, maxJoinedBytes } from '../../src/domain/rtsp/join-units.ts';
import { rtpPacket } from '../support/fake-camera.ts';
import { seededRandom } from './seeded-random.ts';

type Format = 'h264' | 'hevc';
/** Of a length that no piece has, so that what is in another place is seen. */
const pattern = Buffer.from(Array.from({ length: 251 }, (_, at) => at));
const headerBytes = { h264: 1, hevc: 2 } as const;

/** A unit as a camera sends it: whole, or in pieces of `room` bytes. */
function payloadsOf(format: Format, unit: Buffer, room: number): Buffer[] {
  if (unit.length <= room) return [unit];
  const [first = 0, second = 0] = unit;
  const header = format === 'h264' ? [(first & 0xe0) | 28] : [(first & 0x81) | (49 << 1), second];
  const type = format === 'h264' ? first & 0x1f : (first >> 1) & 0x3f;
  const all: Buffer[] = [];
  for (let at = headerBytes[format]; at < unit.length; at += room) {
    const flags = (at === headerBytes[format] ? 0x80 : 0) | (at + room >= unit.length ? 0x40 : 0) | type;
    all.push(Buffer.concat([Buffer.from([...header, flags]), unit.subarray(at, at + room)]));
  }
  return all;
}

/** What a decoder makes of packets: units, of which those without an end or a beginning are told as they are. */
function unitsOf(format: Format, packets: readonly Buffer[]): { bytes: Buffer; marker: boolean }[] {
  const units: { bytes: Buffer; marker: boolean }[] = [];
  const bytesOfHeader = headerBytes[format];
  for (const packet of packets) {
    const payload = packet.subarray(16);
    const marker = ((packet[5] as number) & 0x80) !== 0;
    const [first = 0, second = 0, third = 0] = payload;
    const isPiece = format === 'h264' ? (first & 0x1f) === 28 : ((first >> 1) & 0x3f) === 49;
    if (!isPiece) {
      units.push({ bytes: payload, marker });
      continue;
    }
    const flags = format === 'h264' ? second : third;
    const header =
      format === 'h264'
        ? [(first & 0xe0) | (flags & 0x1f)]
        : [(first & 0x81) | ((flags & 0x3f) << 1), second];
    const media = payload.subarray(bytesOfHeader + 1);
    const last = units.at(-1);
    if (flags & 0x80 || !last) units.push({ bytes: Buffer.concat([Buffer.from(header), media]), marker });
    else units[units.length - 1] = { bytes: Buffer.concat([last.bytes, media]), marker };
  }
  return units;
}

function joined(format: Format, packets: readonly Buffer[]): Buffer[] {
  const passed: Buffer[] = [];
  const joiner = createUnitJoiner({ format }, packet => void passed.push(Buffer.from(packet)));
  for (const packet of packets) joiner.push(Buffer.from(packet));
  return passed;
}

const numbersOf = (packets: readonly Buffer[]) => packets.map(packet => packet.readUInt16BE(6));
const unitOf = (format: Format, bytes: number) =>
  Buffer.concat([Buffer.from(format === 'h264' ? [0x65] : [0x26, 0x01]), Buffer.alloc(bytes, pattern)]);

function packetsOf(payloads: readonly Buffer[], from = 0, timestamp = 9000): Buffer[] {
  return payloads.map((payload, index) =>
    rtpPacket({ sequence: from + index, timestamp, marker: index === payloads.length - 1 }, payload),
  );
}

for (const format of ['h264', 'hevc'] as const) {
  t.test(`${format}: a unit that begins anew is not put behind one that has no end`, async t => {
    const payloads = payloadsOf(format, unitOf(format, 900), 400);
    const broken = payloads.slice(0, 2);
    const passed = joined(format, packetsOf([...broken, ...payloads]));
    t.equal(passed.length, 2);
    t.same(unitsOf(format, passed).at(-1)?.bytes, unitOf(format, 900));
    t.same(
      unitsOf(format, passed),
      unitsOf(format, packetsOf([...broken, ...payloads])).map((unit, index) => ({
        ...unit,
        marker: index === 1,
      })),
    );
  });

  t.test(`${format}: the pieces of a unit become that unit in one packet`, async t => {
    const unit = unitOf(format, 5000);
    const passed = joined(format, packetsOf(payloadsOf(format, unit, 1400), 7));
    t.equal(passed.length, 1);
    const [packet] = passed as [Buffer];
    t.same(packet.subarray(16), unit);
    t.equal(packet.readUInt16BE(2), packet.length - 4, 'its length is told');
    t.equal(packet.readUInt16BE(6), 7, 'with the number of the first');
    t.equal(packet.readUInt32BE(8), 9000);
    t.ok((packet[5] as number) & 0x80, 'with the mark of the last');
  });

  t.test(`${format}: a packet holds as much as it may and no more`, async t => {
    const piece = maxJoinedBytes / 2;
    const overhead = 16 + headerBytes[format] + 1;
    for (const [more, packets] of [
      [0, 1],
      [1, 2],
    ] as const) {
      const unit = unitOf(format, maxJoinedBytes - overhead + more);
      const passed = joined(format, packetsOf(payloadsOf(format, unit, piece)));
      t.equal(passed.length, packets, `${more} bytes more`);
      t.ok(passed.every(packet => packet.length <= maxJoinedBytes));
      t.same(unitsOf(format, passed), [{ bytes: unit, marker: true }]);
    }
  });

  t.test(`${format}: pieces of which one is missing are not put together`, async t => {
    const packets = packetsOf(payloadsOf(format, unitOf(format, 5000), 1000), 0xfffd);
    const passed = joined(format, packets.toSpliced(2, 1));
    t.same(
      numbersOf(passed),
      [0xfffd, 0xffff],
      'two that were joined, one that is missing, two that were joined',
    );
    t.same(unitsOf(format, passed), unitsOf(format, packets.toSpliced(2, 1)));
  });

  t.test(`${format}: whatever comes in whatever pieces, a decoder sees the same units`, async t => {
    const random = seededRandom(format === 'h264' ? 264 : 265);
    for (let round = 0; round < 200; round++) {
      const payloads: Buffer[] = [];
      const stamps: number[] = [];
      for (let unit = 0; unit < 6; unit++) {
        const bytes = unitOf(format, 1 + random(random(10) === 0 ? 150_000 : 6000));
        const made = payloadsOf(format, bytes, 200 + random(1300));
        payloads.push(...made);
        for (const _ of made) stamps.push(unit >> 1);
      }
      const packets = payloads.map((payload, index) =>
        rtpPacket(
          {
            sequence: 65_500 + index,
            timestamp: stamps[index] as number,
            marker: stamps[index] !== stamps[index + 1],
          },
          payload,
        ),
      );
      const passed = joined(format, packets);
      t.same(unitsOf(format, passed), unitsOf(format, packets), `round ${round}`);
      const numbers = numbersOf(passed);
      t.same(
        numbers,
        numbers.map((_, index) => (65_500 + index) & 0xffff),
        'numbers without a gap',
      );
    }
  });
}

t.test(
  'a unit that never ends is passed on when another begins, and when its time or source is another',
  async t => {
    const pieces = payloadsOf('h264', unitOf('h264', 3000), 1000).slice(0, 2);
    const other = rtpPacket({ sequence: 2, timestamp: 12_600, marker: false }, pieces[1] as Buffer);
    const passed = joined('h264', [...packetsOf(pieces), other, ...packetsOf([Buffer.from([0x41, 1])], 3)]);
    t.same(numbersOf(passed), [0, 1, 2]);
    t.same(
      passed.map(packet => packet.readUInt32BE(8)),
      [9000, 12_600, 9000],
    );
    t.equal((passed[0] as Buffer)[17], 0x85, 'it has a beginning and no end');
  },
);

t.test('what has padding, an extension or other sources is passed on as it is', async t => {
  for (const flags of [0xa0, 0x90, 0x81, 0x40]) {
    const packets = packetsOf(payloadsOf('h264', unitOf('h264', 3000), 1000));
    for (const packet of packets) packet[4] = flags;
    t.same(joined('h264', packets), packets, flags.toString(16));
  }
});

t.test('what is shorter than a packet is not passed on, and a piece without media is', async t => {
  const whole = rtpPacket({ sequence: 0, timestamp: 0, marker: true }, Buffer.from([0x7c, 0x85]));
  for (let length = 0; length <= whole.length; length++)
    t.equal(joined('h264', [whole.subarray(0, length), whole]).length, length < 16 ? 0 : 1, `${length}`);
});
