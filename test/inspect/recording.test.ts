// Whether a camera is recorded as it should be, from the rows that a recorder writes.

import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { recording as recordingCheck } from '../../src/inspect/checks/recording.ts';
import { confinementFound, recordingTools } from '../../src/inspect/checks/recording-tools.ts';
import {
  flapping,
  type RecordedCamera,
  recordingAlarmMs,
  recordingAlarms,
  recordingFacts,
} from '../../src/inspect/recording.ts';
import { sampleOpenSegment, sampleSegment } from '../catalogue/footage-rows.ts';

const noon = Date.UTC(2026, 10, 21, 12);
const hourMs = 3_600_000;
const den: RecordedCamera = {
  name: 'den',
  enabled: true,
  timeZone: 'Europe/Berlin',
  rtspUrl: 'rtsp://h/',
  record: 'on',
};

function ground(test: Test) {
  const catalogue = openCatalogue({ file: join(test.testdir(), 'catalogue.db') });
  test.teardown(() => catalogue[Symbol.dispose]());
  const sources = (now: number, isEnabled = true) => ({
    ...{ catalogue, isEnabled },
    ...{ isRecorderRunning: true, now },
  });
  return {
    catalogue,
    facts: (now: number, camera = den, isEnabled = true) => recordingFacts(camera, sources(now, isEnabled)),
    alarms: (now: number, camera = den, isRecorderRunning = true) =>
      recordingAlarms([camera], { ...sources(now), isRecorderRunning }),
    check: (now: number, camera = den, isRecorderRunning = true) =>
      recordingCheck(
        () => [camera],
        () => ({ ...sources(now), isRecorderRunning }),
      ).run(),
  };
}

t.test('a camera that a live recorder writes a segment of is recorded', t => {
  const { catalogue, facts, alarms, check } = ground(t);
  catalogue.beatRecorder(noon);
  catalogue.addOpenSegment(sampleOpenSegment('s1', { startAt: noon - 30_000, endAt: noon - 4000 }));
  t.strictSame(facts(noon), { recording: true, gap: null, coverage24h: 1 });
  t.strictSame(alarms(noon), []);
  t.match(check(noon), { level: 'pass', text: /now are \(1\)$/ });
  const killed = { catalogue, isEnabled: true, isRecorderRunning: false, now: noon };
  t.equal(recordingFacts(den, killed).recording, false, 'its last sign of life may be a moment old');
  t.end();
});

t.test(
  'a camera of which nothing is known yet is not recorded, and no alarm before the recorder has looked',
  t => {
    const { catalogue, facts, alarms, check } = ground(t);
    t.strictSame(facts(noon), { recording: false, gap: null, coverage24h: null });
    catalogue.beatRecorder(noon);
    t.strictSame(alarms(noon), []);
    t.match(check(noon), { level: 'warn', text: /less than a minute: den \(unknown\)$/ });
    t.strictSame(
      recordingFacts(den, { catalogue: undefined, isEnabled: true, isRecorderRunning: true, now: noon }),
      { recording: false, gap: null, coverage24h: null },
      'before the first start',
    );
    t.end();
  },
);

t.test('whoever is not asked for is not missing', t => {
  const { catalogue, facts, alarms, check } = ground(t);
  catalogue.beginGap('den', noon - hourMs, 'unreachable');
  catalogue.beatRecorder(noon);
  const others: [string, RecordedCamera][] = [
    ['no stream', { ...den, rtspUrl: null }],
    ['disabled', { ...den, enabled: false }],
    ['off', { ...den, record: 'off' }],
    ['outside its hours', { ...den, record: '14:00-12:59' }],
  ];
  for (const [why, camera] of others) {
    t.match(facts(noon, camera), { recording: null, gap: null, coverage24h: 0 }, why);
    t.strictSame(alarms(noon, camera), [], why);
    t.strictSame(alarms(noon, camera, false), [], why);
    t.match(check(noon, camera), { level: /pass|skip/ }, why);
  }
  t.equal(facts(noon, den, false).recording, null, 'record.enabled: false');
  t.equal(facts(noon, { ...den, record: '13:00-13:01' }).recording, false, 'noon is 13:00 in Berlin');
  t.equal(facts(noon, { ...den, record: '12:59-13:00' }).recording, null);
  t.end();
});

t.test('an alarm comes when more than a minute is missing, whatever reasons it has', t => {
  const { catalogue, facts, alarms, check } = ground(t);
  catalogue.addOpenSegment(sampleOpenSegment('s1', { startAt: noon - 60_000 }));
  catalogue.fileSegment(sampleSegment('s1', { startAt: noon - 60_000, endAt: noon }), { gap: 'stalled' });
  catalogue.beginGap('den', noon + 20_000, 'unreachable');
  catalogue.beginGap('den', noon + 40_000, 'refused');
  catalogue.beatRecorder(noon + recordingAlarmMs);
  t.match(facts(noon + recordingAlarmMs), {
    recording: false,
    gap: { reason: 'refused', since: '2026-11-21T13:00:40.000+01:00' },
  });
  for (const late of [-1, 0]) t.strictSame(alarms(noon + recordingAlarmMs + late), []);
  const [sentence, ...more] = alarms(noon + recordingAlarmMs + 1);
  t.strictSame(more, []);
  t.match(sentence, /^Camera den .*2026-11-21T13:00:00\.000\+01:00 \(refused\): .*password.*\.$/);
  t.match(check(noon + recordingAlarmMs + 1), { level: 'fail', text: sentence, remedy: /./ });
  t.match(check(noon + recordingAlarmMs), { level: 'warn', text: /less than a minute: den \(refused\)$/ });
  t.end();
});

t.test('an alarm comes for a camera of which hardly anything is recorded, though no gap is long', t => {
  const everyMs = 30_000;
  /** As many gaps; of each half minute so much is recorded. */
  const flaps = (name: string, gaps: number, recordedMs: number) => {
    const { catalogue, alarms } = ground(t);
    for (let gap = gaps; gap > 0; gap--) {
      const startAt = noon - gap * everyMs;
      catalogue.addOpenSegment(sampleOpenSegment(`${name}${gap}`, { startAt }));
      catalogue.fileSegment(sampleSegment(`${name}${gap}`, { startAt, endAt: startAt + recordedMs }), {
        gap: 'restart',
      });
    }
    catalogue.beatRecorder(noon);
    return alarms(noon);
  };
  t.match(flaps('a', flapping.minGaps, 1000), [/^Camera den .*less than half .*\(restart\): .*\.$/]);
  t.strictSame(flaps('b', flapping.minGaps - 1, 1000), []);
  t.strictSame(flaps('c', flapping.minGaps, everyMs / 2), []);
  t.equal(flaps('d', flapping.minGaps, everyMs / 2 - 1).length, 1);
  t.end();
});

t.test('time in which nothing was wanted is not missing', t => {
  const { catalogue, facts, alarms } = ground(t);
  catalogue.beginGap('den', noon - 10 * hourMs, 'off');
  catalogue.beginGap('den', noon - 30_000, 'restart');
  catalogue.beginGap('den', noon - 20_000, 'unreachable');
  catalogue.beatRecorder(noon + 40_000);
  t.strictSame(alarms(noon + 30_000), [], 'a minute since it was wanted');
  t.equal(alarms(noon + 30_001).length, 1);
  t.equal(facts(noon).coverage24h, 0, 'of half a minute that was wanted');
  t.end();
});

t.test('time that is off is not counted against the coverage, and more than a day ago nothing is', t => {
  const { catalogue, facts } = ground(t);
  catalogue.beginGap('den', noon - 30 * hourMs, 'unreachable');
  catalogue.addOpenSegment(sampleOpenSegment('s1', { startAt: noon - 24 * hourMs }));
  for (let hour = 24; hour > 23; hour--)
    catalogue.fileSegment(
      sampleSegment('s1', { startAt: noon - hour * hourMs, endAt: noon - (hour - 1) * hourMs }),
      { gap: 'off' },
    );
  catalogue.beginGap('den', noon - 3 * hourMs, 'unreachable');
  catalogue.beatRecorder(noon);
  t.equal(facts(noon).coverage24h, 0.25, 'one hour of four');
  catalogue.beginGap('den', noon, 'off');
  catalogue.beatRecorder(noon + 26 * hourMs);
  t.equal(facts(noon + 26 * hourMs, { ...den, record: 'off' }).coverage24h, null, 'all of the day is off');
  t.end();
});

t.test('no recorder is an alarm for those that should be recorded, at once', t => {
  const { catalogue, facts, alarms, check } = ground(t);
  catalogue.beatRecorder(noon);
  catalogue.addOpenSegment(sampleOpenSegment('s1', { startAt: noon - 30_000 }));
  t.match(alarms(noon + 1, den, false), [/^No recorder runs, and den should be recorded: .*serve\.$/]);
  t.match(check(noon + 1, den, false), { level: 'warn' });
  t.equal(facts(noon + 15_000).recording, true, 'the last sign of life is not old');
  t.match(facts(noon + 15_001), { recording: false, gap: { reason: 'unknown' } });
  t.strictSame(alarms(noon + 15_001), [], 'a thread that hangs is told after a minute');
  t.match(alarms(noon + 61_001), [/unknown/]);
  t.end();
});

t.test('what nobody can know is missing where it was wanted, and not where it was off', t => {
  const { catalogue, facts } = ground(t);
  catalogue.beginGap('den', noon - 2 * hourMs, 'unreachable');
  catalogue.addOpenSegment(sampleOpenSegment('s1', { startAt: noon - hourMs }));
  catalogue.fileSegment(sampleSegment('s1', { startAt: noon - hourMs, endAt: noon }), { gap: 'off' });
  catalogue.beatRecorder(noon);
  const later = noon + 2 * hourMs;
  t.equal(facts(later).coverage24h, 0.25);
  t.equal(facts(later, { ...den, record: 'off' }).coverage24h, 0.5);
  t.end();
});

t.test('a camera that flaps a few times is told as missing by its gaps alone, one by one', t => {
  const { catalogue, alarms } = ground(t);
  const minutes = flapping.minGaps - 1;
  for (let minute = 0; minute < minutes; minute++) {
    const startAt = noon + minute * 60_000;
    catalogue.addOpenSegment(sampleOpenSegment(`s${minute}`, { startAt }));
    catalogue.fileSegment(sampleSegment(`s${minute}`, { startAt, endAt: startAt + 1000 }), {
      gap: 'stalled',
    });
  }
  catalogue.beatRecorder(noon + minutes * 60_000);
  t.strictSame(alarms(noon + minutes * 60_000), []);
  t.match(alarms(noon + minutes * 60_000 + 1001), [/13:03:01/]);
  t.end();
});

t.test('doctor starts ffmpeg as the recorder does, and says what is missing', async t => {
  t.match(await recordingTools().run(), { level: /pass|warn/, text: /records/ });
  t.match(await recordingTools({ searchPath: t.testdir() }).run(), {
    level: 'fail',
    text: /setpriv|ffmpeg|prlimit/,
  });
});

t.test('doctor says how far the ffmpeg that records is locked in, and what is missing', async t => {
  const tools = t.testdir();
  for (const name of ['setpriv', 'prlimit', 'ffmpeg']) symlinkSync(`/usr/bin/${name}`, join(tools, name));
  t.match(await recordingTools({ searchPath: tools }).run(), {
    level: 'warn',
    text: /sees the files of its user, and may use the network/,
    remedy: /bubblewrap.*Landlock.*perl/,
  });
  symlinkSync('/usr/bin/perl', join(tools, 'perl'));
  const withPerl = await recordingTools({ searchPath: tools }).run();
  t.match(withPerl.text, /and (has no socket but TCP over IPv4|connects to our port only)/);
  t.notMatch(withPerl.remedy ?? '', /perl/);
  symlinkSync('/usr/bin/bwrap', join(tools, 'bwrap'));
  t.notMatch(await recordingTools({ searchPath: tools, isInUnit: true }).run(), { text: /bubblewrap/ });
  t.match(confinementFound('bubblewrap', 'own-port'), { level: 'pass', text: /bubblewrap.*our port only/ });
  t.match(confinementFound('landlock', 'tcp'), { level: 'pass', text: /Landlock.*no socket but TCP/ });
  t.match(confinementFound('bubblewrap', 'any'), { level: 'warn', remedy: /^Install perl/ });
  t.match(confinementFound('none', 'own-port'), { level: 'warn', remedy: /^Install bubblewrap/ });
});
