import type { Segment } from '../../src/catalogue/footage.ts';

const minute = 60_000;

/** A segment as the recorder files it; `facts` override what a test is about. */
export function sampleSegment(id: string, startAt: number, facts: Partial<Segment> = {}): Segment {
  const camera = facts.camera ?? 'front-door';
  return {
    ...{ id, camera, path: `footage/${camera}/${id}.mp4`, startAt, endAt: startAt + minute },
    ...{ durationMs: minute, bytes: 1000, sha256: '0'.repeat(64), codec: 'h264', audioCodec: null },
    ...{ width: 1920, height: 1080, run: 'r'.padEnd(26, '0'), initSha256: '1'.repeat(64) },
    ...{ endReason: 'rotated', keptFrom: startAt + minute },
    ...facts,
  };
}
