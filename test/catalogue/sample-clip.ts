import type { Clip } from '../../src/catalogue/clip-row.ts';

/** A clip with every column filled, of which a test names only what it is about. */
export function sampleClip(id: string, facts: Partial<Clip> = {}): Clip {
  return {
    id,
    camera: 'front-door',
    originalPath: `2026/09/27/Den_00_${id}.mp4`,
    path: `clips/front-door/2026/09/27/${id}.mp4`,
    bytes: 1000,
    sha256: 'a'.repeat(64),
    kind: 'video',
    completeness: 'whole',
    completenessBasis: 'close-notify',
    timeZone: 'Europe/Berlin',
    claimedAt: Date.UTC(2026, 8, 27, 12, 3, 1),
    startAt: Date.UTC(2026, 8, 27, 12, 3, 1),
    timeSource: 'name',
    receivedAt: Date.UTC(2026, 8, 27, 12, 3, 30),
    durationMs: 12_000,
    width: 1920,
    height: 1080,
    codec: 'h264',
    thumbnail: `thumbnails/front-door/2026/09/27/${id}.jpg`,
    withdrawnAt: null,
    problem: null,
    event: null,
    supersededBy: null,
    clockOffsetMs: null,
    keptFrom: Date.UTC(2026, 8, 27, 12, 3, 30),
    ...facts,
  };
}

export function sampleReceipt(upload: string, receivedAt = Date.UTC(2026, 8, 27, 12, 3, 30)) {
  return { upload, receivedAt, body: '{"version":1}' };
}
