import type { OpenSegment, Segment } from '../../src/catalogue/footage.ts';

/** A minute of footage. */
export function sampleSegment(id: string, more: Partial<Segment> & Pick<Segment, 'startAt'>): Segment {
  const camera = more.camera ?? 'den';
  const endAt = more.endAt ?? more.startAt + 60_000;
  return {
    ...{ id: id.padEnd(26, '0'), camera, endAt, durationMs: endAt - more.startAt },
    path: `footage/${camera}/2026/11/21/02/${id.padEnd(26, '0')}.mp4`,
    ...{ bytes: 1000, sha256: 'a'.repeat(64), codec: 'h264', audioCodec: 'aac', width: 1920, height: 1080 },
    ...{ run: 'run', initSha256: 'b'.repeat(64), endReason: 'rotated', keptFrom: endAt },
    ...more,
  };
}

export function sampleOpenSegment(
  id: string,
  { startAt, endAt = startAt, camera = 'den' }: { startAt: number; endAt?: number; camera?: string },
): OpenSegment {
  const path = `footage/${camera}/2026/11/21/02/${id.padEnd(26, '0')}.mp4`;
  return { camera, id: id.padEnd(26, '0'), run: 'run', path, startAt, endAt, writtenAt: endAt };
}
