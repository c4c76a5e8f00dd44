// Segments as they are filed by the recorder, found by others, and left by a recorder that is dead.

import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { sampleOpenSegment, sampleSegment } from './footage-rows.ts';

const camera = 'den';
const noon = Date.UTC(2026, 10, 21, 12);
const minute = 60_000;

function opened(test: Test) {
  const chain = { archiveId: 'a', sign: () => 'c2lnbmVk', now: () => noon };
  const catalogue = openCatalogue({ file: join(test.testdir(), 'catalogue.db'), chain });
  test.teardown(() => catalogue[Symbol.dispose]());
  return { catalogue, gaps: (now: number) => catalogue.gaps({ camera, from: 0, to: 9e15, now }) };
}

t.test('a segment that is being written is filed by its recorder, and by nobody who finds it', async t => {
  const { catalogue, gaps } = opened(t);
  catalogue.addOpenSegment(sampleOpenSegment('s1', { startAt: noon }));
  const segment = sampleSegment('s1', { startAt: noon });
  t.equal(catalogue.takeInSegment(segment), false);
  t.equal(catalogue.segment(segment.id), undefined);
  catalogue.fileSegment(segment, { gap: 'stalled' });
  t.match(catalogue.segment(segment.id), { startAt: noon });
  t.strictSame(catalogue.openSegments(), []);
  t.equal(catalogue.takeInSegment(segment), false, 'nor twice');
  const found = sampleSegment('s2', { startAt: noon - 10 * minute });
  t.equal(catalogue.takeInSegment(found), true, 'one that nobody knew is');
  catalogue.beatRecorder(noon + 2 * minute);
  t.strictSame(gaps(noon + 2 * minute), [
    { startAt: noon + minute, endAt: noon + 2 * minute, reason: 'stalled' },
  ]);
});

t.test('what is filed a second time changes nothing of what came after the first', async t => {
  const { catalogue, gaps } = opened(t);
  const now = noon + 5 * minute;
  catalogue.addOpenSegment(sampleOpenSegment('s1', { startAt: noon }));
  const segment = sampleSegment('s1', { startAt: noon });
  catalogue.fileSegment(segment, { gap: 'stalled' });
  catalogue.addOpenSegment(sampleOpenSegment('s2', { startAt: noon + 2 * minute }));
  catalogue.beatRecorder(now);
  const before = { gaps: gaps(now), open: catalogue.openSegments() };
  catalogue.fileSegment(segment, { gap: 'unreachable' });
  catalogue.fileSegment(segment, { open: sampleOpenSegment('s3', { startAt: noon + minute }) });
  t.strictSame({ gaps: gaps(now), open: catalogue.openSegments() }, before);
});

t.test('of the time since a recorder died nobody knows', async t => {
  const { catalogue, gaps } = opened(t);
  catalogue.addOpenSegment(sampleOpenSegment('s1', { startAt: noon }));
  catalogue.renewOpenSegment({
    ...{ camera, id: 's1'.padEnd(26, '0'), endAt: noon + minute },
    writtenAt: noon + minute,
  });
  catalogue.beatRecorder(noon + minute);
  t.strictSame(gaps(noon + minute + 15_000), [], 'it may still be alive');
  const now = noon + minute + 15_001;
  t.strictSame(gaps(now), [{ startAt: noon + minute, endAt: now, reason: 'unknown' }]);
  t.equal(catalogue.isRecording(camera, now), false);
  t.match(catalogue.coverage({ camera, from: noon, to: now, now }), {
    ...{ recordedMs: minute, missingMs: 15_001 },
  });
});

t.test('a segment that nobody writes any more is not being recorded, though the recorder lives', async t => {
  const { catalogue } = opened(t);
  catalogue.addOpenSegment(sampleOpenSegment('s1', { startAt: noon }));
  for (const [quietMs, isRecording] of [
    [90_000, true],
    [90_001, false],
  ] as const) {
    const now = noon + quietMs;
    catalogue.beatRecorder(now);
    t.equal(catalogue.isRecording(camera, now), isRecording);
    const { recordedMs } = catalogue.coverage({ camera, from: noon, to: now, now });
    t.equal(recordedMs, isRecording ? quietMs : 0);
  }
});

t.test('what lasted when a recorder died ends there', async t => {
  const { catalogue, gaps } = opened(t);
  catalogue.beginGap(camera, noon, 'off');
  catalogue.beatRecorder(noon + minute);
  const now = noon + 10 * minute;
  t.strictSame(gaps(now), [
    { startAt: noon, endAt: noon + minute, reason: 'off' },
    { startAt: noon + minute, endAt: now, reason: 'unknown' },
  ]);
  catalogue.resumeCamera(camera, now);
  catalogue.beatRecorder(now);
  t.strictSame(gaps(now + 1), [
    { startAt: noon, endAt: noon + minute, reason: 'off' },
    { startAt: noon + minute, endAt: now + 1, reason: 'restart' },
  ]);
});
