import t from 'tap';
import { createPictureHolder, maxPictureBytes } from '../../src/domain/rtsp/hold-pictures.ts';
import { rtpPacket } from '../support/fake-camera.ts';
import { seededRandom } from './seeded-random.ts';

const slice = { h264: [0x41], hevc: [0x02, 0x01] } as const;
const delimiter = { h264: [0x09], hevc: [0x46, 0x01] } as const;
type Format = keyof typeof slice;
const formats = ['h264', 'hevc'] as const;

function held(format: Format) {
  const passed: Buffer[] = [];
  const holder = createPictureHolder({ format }, packet => void passed.push(Buffer.from(packet)));
  return { passed, push: (...packets: Buffer[]) => packets.forEach(holder.push) };
}

let sequence = 0;
const packet = (timestamp: number, marker: boolean, head: readonly number[], bytes = 100) =>
  rtpPacket(
    { sequence: sequence++, timestamp, marker },
    Buffer.concat([Buffer.from(head), Buffer.alloc(bytes, sequence)]),
  );

for (const format of formats) {
  t.test(`${format}: a picture is passed on when its last packet has come`, async t => {
    const { passed, push } = held(format);
    const packets = [
      packet(1, false, delimiter[format]),
      packet(1, false, slice[format]),
      packet(1, true, slice[format]),
    ] as const;
    push(packets[0], packets[1]);
    t.same(passed, []);
    push(packets[2]);
    t.same(passed, packets);
  });

  t.test(`${format}: without marks, a picture is passed on when the next begins`, async t => {
    const { passed, push } = held(format);
    const packets = [packet(1, false, slice[format]), packet(1, false, slice[format])];
    push(...packets);
    t.same(passed, []);
    push(packet(2, false, slice[format]));
    t.same(passed, packets);
  });

  t.test(`${format}: a mark before anything of the picture is none`, async t => {
    const { passed, push } = held(format);
    const packets = [packet(1, true, delimiter[format]), packet(1, false, slice[format])];
    push(...packets);
    t.same(passed, []);
    const last = packet(1, true, slice[format]);
    push(last);
    t.same(passed, [...packets, last]);
  });

  t.test(`${format}: whatever comes, whole pictures are passed on in their order`, async t => {
    const random = seededRandom(format === 'h264' ? 64 : 65);
    for (let round = 0; round < 200; round++) {
      const marks = random(2) === 0;
      const pictures = Array.from({ length: 5 }, (_, picture) =>
        [...Array(1 + random(6)).keys()].map(index =>
          packet(
            picture,
            false,
            index === 0 ? delimiter[format] : slice[format],
            random(random(8) ? 1500 : 60_000),
          ),
        ),
      );
      for (const [picture, packets] of pictures.entries())
        packets.push(packet(picture, marks, slice[format]));
      const all = pictures.flat();
      const cut = random(all.length + 1);
      const { passed, push } = held(format);
      push(...all.slice(0, cut));
      let whole = 0;
      let expected = 0;
      for (const packets of pictures) {
        whole += packets.length;
        if (marks ? whole <= cut : whole < cut) expected = whole;
      }
      t.same(passed, all.slice(0, expected), `round ${round}`);
    }
  });
}

t.test('so much of a picture is held, and no more', async t => {
  const overhead = 17;
  const bytes = maxPictureBytes / 128;
  const others = Array.from({ length: 127 }, () => packet(1, false, slice.h264, bytes - overhead));
  for (const [more, count] of [
    [-1, 0],
    [0, 0],
    [1, 128],
  ] as const) {
    const { passed, push } = held('h264');
    push(...others, packet(1, false, slice.h264, bytes - overhead + more));
    t.equal(passed.length, count, `${more} bytes more`);
  }
});

t.test('a packet without media is held as any other', async t => {
  const { passed, push } = held('h264');
  const empty = rtpPacket({ sequence: 0, timestamp: 1, marker: false }, Buffer.alloc(0));
  push(empty);
  t.same(passed, []);
  const next = packet(2, true, slice.h264);
  push(next);
  t.same(passed, [empty, next]);
});
