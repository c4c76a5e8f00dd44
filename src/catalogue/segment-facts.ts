import { createHash } from 'node:crypto';
import type { FootageInit } from '../domain/footage/fragment-reader.ts';
import type { OpenSegment, Segment, SegmentEnd } from './footage.ts';
import { maxSegmentMs } from './footage.ts';

/** What a finished file becomes in the catalogue. */
export function segmentFrom(facts: {
  open: OpenSegment;
  init: FootageInit;
  file: Readonly<{ bytes: number; sha256: string }>;
  endAt: number;
  durationMs: number;
  endReason: SegmentEnd;
  keptFrom: number;
}): Segment {
  const { open, init, file, endReason, keptFrom } = facts;
  const { id, camera, path, startAt, run } = open;
  const video = init.tracks.find(({ kind }) => kind === 'video');
  const audio = init.tracks.find(({ kind }) => kind === 'audio');
  return {
    ...{ id, camera, path, startAt, run, ...file, endReason, keptFrom },
    endAt: Math.round(Math.min(Math.max(startAt, facts.endAt), startAt + maxSegmentMs)),
    durationMs: Math.max(0, Math.round(facts.durationMs)),
    codec: codecName(video?.format),
    audioCodec: audio === undefined ? null : codecName(audio.format),
    width: video?.width ?? null,
    height: video?.height ?? null,
    initSha256: createHash('sha256').update(init.bytes).digest('hex'),
  };
}

const names: Readonly<Record<string, string>> = {
  avc1: 'h264',
  avc3: 'h264',
  hvc1: 'hevc',
  hev1: 'hevc',
  mp4a: 'aac',
};

function codecName(format: string | undefined): string {
  return names[format ?? ''] ?? 'other';
}
