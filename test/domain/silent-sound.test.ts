import { execFileSync } from 'node:child_process';
import t from 'tap';
import { createFragmentReader, type FootageInit } from '../../src/domain/footage/fragment-reader.ts';
import { type SilentSound, silentFragment, silentSoundFor } from '../../src/domain/footage/silent-sound.ts';

/** Sound alone, as the recorder's ffmpeg writes it. */
function tone({ rate, channels, seconds = 1 }: { rate: number; channels: number; seconds?: number }) {
  const bytes = execFileSync('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', `sine=sample_rate=${rate}:duration=${seconds}`],
    ...['-ac', `${channels}`, '-c:a', 'aac', '-movflags', '+empty_moov+default_base_moof'],
    ...['-frag_duration', '1000000', '-f', 'mp4', 'pipe:1'],
  ]);
  const [first] = createFragmentReader().push(bytes);
  if (first === undefined || !('init' in first)) throw new Error('a description was expected');
  return { init: first.init, bytes };
}

function decoded(input: Buffer, channels: number): Int16Array {
  const raw = execFileSync(
    'ffmpeg',
    ['-nostdin', '-v', 'error', '-xerror', '-i', 'pipe:0', '-ac', `${channels}`, '-f', 's16le', 'pipe:1'],
    { input, maxBuffer: 2 ** 28, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  return new Int16Array(raw.buffer, raw.byteOffset, raw.length / 2);
}

for (const rate of [8000, 16_000, 44_100, 48_000])
  for (const channels of [1, 2])
    t.test(`silence at ${rate} Hz on ${channels} is decoded as that, and as long as was asked`, async t => {
      const { init } = tone({ rate, channels });
      const sound = silentSoundFor(init) as SilentSound;
      t.equal(sound.timescale, rate);
      const made = silentFragment(sound, 0n, BigInt(rate * 3));
      const packets = Math.floor((rate * 3) / 1024);
      t.equal(made?.endAt, BigInt(packets * 1024));
      const samples = decoded(Buffer.concat([init.bytes, made?.bytes ?? Buffer.alloc(0)]), channels);
      t.ok(samples.every(sample => sample === 0));
      // A decoder may leave the first packet out, which primes it.
      t.ok(Math.abs(samples.length / channels - packets * 1024) <= 1024, `${samples.length}`);
    });

t.test('it goes on where it is told, behind sound, and is read as a fragment', async t => {
  const { init, bytes } = tone({ rate: 16_000, channels: 1 });
  const parts = createFragmentReader().push(bytes);
  const last = parts.findLast(part => 'fragment' in part)?.fragment;
  const [times] = last?.tracks ?? [];
  const end = (times?.baseTime ?? 0n) + (times?.duration ?? 0n);
  const made = silentFragment(silentSoundFor(init) as SilentSound, end, end + 32_000n);
  const [, silent] = createFragmentReader().push(Buffer.concat([init.bytes, made?.bytes ?? Buffer.alloc(0)]));
  if (silent === undefined || !('fragment' in silent)) throw new Error('a fragment was expected');
  t.match(silent.fragment.tracks, [{ baseTime: end, duration: 31n * 1024n }]);
  t.equal(made?.endAt, end + 31n * 1024n);
  const samples = decoded(Buffer.concat([bytes, made?.bytes ?? Buffer.alloc(0)]), 1);
  const loudest = (from: number, to: number) =>
    samples.subarray(from, to).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  t.ok(loudest(4000, 14_000) > 1000, 'the tone');
  t.equal(loudest(20_000, 40_000), 0, 'the silence');
});

t.test('less than a packet is left, and no more than an hour is made at once', async t => {
  const sound = silentSoundFor(tone({ rate: 8000, channels: 1 }).init) as SilentSound;
  t.equal(silentFragment(sound, 0n, 1023n), undefined);
  t.equal(silentFragment(sound, 5000n, 5000n), undefined);
  t.equal(silentFragment(sound, 5000n, 0n), undefined);
  t.equal(silentFragment(sound, 0n, 1024n)?.endAt, 1024n);
  const most = silentFragment(sound, 0n, 1n << 62n);
  t.ok((most?.endAt ?? 0n) >= 3600n * 96_000n);
  t.ok((most?.bytes.length ?? 0) < 4_000_000);
});

t.test('sound that is not what cameras have is not continued', async t => {
  const { init } = tone({ rate: 48_000, channels: 1 });
  t.ok(silentSoundFor(init));
  t.equal(silentSoundFor(tone({ rate: 48_000, channels: 6 }).init), undefined, 'six channels');
  // ffmpeg: AAC-LC, 48 kHz, one channel, and that there is no SBR.
  const at = init.bytes.indexOf(Buffer.from('118856e500', 'hex'));
  t.ok(at > 0);
  const changed = (config: string): FootageInit => {
    const bytes = Buffer.from(init.bytes);
    Buffer.from(config, 'hex').copy(bytes, at);
    return { ...init, bytes };
  };
  t.ok(silentSoundFor(changed('118856e500')));
  for (const [config, what] of [
    ['118856e580', 'SBR'],
    ['298856e500', 'HE-AAC by its type'],
    ['118c56e500', 'packets of 960 samples'],
    ['118a56e500', 'a core coder'],
    ['140856e500', 'another rate than its times'],
    ['118056e500', 'channels that are described elsewhere'],
  ] as const)
    t.equal(silentSoundFor(changed(config)), undefined, what);
  const bytes = Buffer.from(init.bytes);
  bytes.write('free', bytes.indexOf('esds'));
  t.equal(silentSoundFor({ ...init, bytes }), undefined, 'without a description');
  const video = { ...init, tracks: init.tracks.map(track => ({ ...track, kind: 'video' as const })) };
  t.equal(silentSoundFor(video), undefined, 'without sound');
});
