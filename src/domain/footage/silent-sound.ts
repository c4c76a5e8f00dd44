// Silence as AAC, for a time of which there are pictures and no sound: so both can lie in one file with footage that has sound,
// and nothing that was recorded is encoded anew. A hole would not do: there are players that go on with the next sound.

import type { FootageInit } from './fragment-reader.ts';
import { readAacDescription, sampleEntries } from './sample-entry.ts';

export type SilentSound = Readonly<{
  trackId: number;
  /** Samples in a second, which are the track's units of time. */
  timescale: number;
  packet: Buffer;
}>;

/** Samples in a packet of AAC. */
const packetSamples = 1024;
/** In one fragment: an hour and more at any rate. */
const maxPackets = 400_000;

/**
 * For the sound of `init`; undefined when there is none, or it is not what cameras have: AAC-LC with one or two channels and
 * packets of 1024 samples, timed in samples.
 */
export function silentSoundFor(init: FootageInit): SilentSound | undefined {
  const index = init.tracks.findIndex(({ kind }) => kind === 'audio');
  const track = init.tracks[index];
  const esds = sampleEntries(init)[index]?.boxes?.find(({ type }) => type === 'esds');
  const config = esds && readAacDescription(init.bytes, esds)?.config;
  if (track === undefined || config === undefined) return undefined;
  const channels = channelsOfLc(config, track.timescale);
  return channels === undefined
    ? undefined
    : { trackId: track.id, timescale: track.timescale, packet: silentPacket(channels) };
}

/** ISO/IEC 14496-3, table 1.18. */
const rates = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350,
];

/**
 * AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1): five bits of object type, four of rate, four of channels, then a bit for
 * packets of 960 samples and two for what is no AAC-LC. What may follow says that there is more, or that there is not.
 */
function channelsOfLc(config: Buffer, rate: number): 1 | 2 | undefined {
  if (config.length < 2) return undefined;
  const head = config.readUInt16BE(0);
  const channels = (head >> 3) & 0xf;
  if (head >> 11 !== 2 || rates[(head >> 7) & 0xf] !== rate || (head & 0x7) !== 0) return undefined;
  return !saysMore(config) && (channels === 1 || channels === 2) ? channels : undefined;
}

/** The sign for SBR, and behind it that there is some (the same, table 1.15). */
function saysMore(config: Buffer): boolean {
  if (config.length < 5) return false;
  const sign = config.readUInt16BE(2) >> 5;
  return sign === 0x2b7 && ((config[4] ?? 0) & 0x80) !== 0;
}

/**
 * A packet without a single band (ISO/IEC 14496-3, 4.4.2): its lines are all zero, whatever the rate. Bit by bit: element, its
 * number; of two channels, that they share their window. The window: reserved, sequence, shape, no bands, no prediction; of two
 * channels, no middle and side. Each channel: gain, then neither pulses, nor noise shaping, nor gain control. The end.
 */
function silentPacket(channels: 1 | 2): Buffer {
  const window = `0${'00'}0${'000000'}0`;
  const gain = '00000000';
  const nothing = '000';
  const one = `${'000'}${'0000'}${gain}${window}${nothing}`;
  const two = `${'001'}${'0000'}1${window}${'00'}${gain}${nothing}${gain}${nothing}`;
  const bits = `${channels === 1 ? one : two}${'111'}`;
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0');
  return Buffer.from(padded.match(/.{8}/g)?.map(byte => Number.parseInt(byte, 2)) ?? []);
}

/**
 * As many packets as fit from one time to another, both in samples, but not more than an hour of them, as a fragment that ends
 * at `endAt`; undefined when there is no room for one.
 */
export function silentFragment(
  { trackId, packet }: SilentSound,
  from: bigint,
  until: bigint,
): { bytes: Buffer; endAt: bigint } | undefined {
  const packets = Math.min(Number((until - from) / BigInt(packetSamples)), maxPackets);
  if (packets < 1) return undefined;
  const traf = (dataAt: number) =>
    box(
      'traf',
      // Data relative to the fragment; a duration and a size for all of them.
      box('tfhd', u32(0x02_00_18, trackId, packetSamples, packet.length)),
      box('tfdt', u32(0x01_00_00_00), u64(from)),
      box('trun', u32(0x1, packets, dataAt)),
    );
  const moof = (dataAt: number) => box('moof', box('mfhd', u32(0, 0)), traf(dataAt));
  const dataAt = moof(0).length + 8;
  const media = box('mdat', Buffer.alloc(packets * packet.length, packet));
  return { bytes: Buffer.concat([moof(dataAt), media]), endAt: from + BigInt(packets * packetSamples) };
}

function box(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(body.length + 8), Buffer.from(type, 'latin1'), body]);
}

function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}
