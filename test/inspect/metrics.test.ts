import { join } from 'node:path';
import t from 'tap';
import { openReceiverCounts, readReceiverCounts } from '../../src/access/receiver-counts.ts';
import { openReceiverMemory } from '../../src/access/receiver-memory.ts';
import { silentLog } from '../../src/base/log.ts';
import type { SessionEvent } from '../../src/domain/session-event.ts';
import { createFilingTimes } from '../../src/inspect/health/filing-times.ts';
import { formatMetrics, metricDefinitions } from '../../src/inspect/metrics.ts';
import { sampleFacts } from './sample-facts.ts';

const at = Date.UTC(2026, 10, 21, 12);
const sources = {
  ...{ facts: sampleFacts(at), counts: [], alerts: [], waiting: [], version: '1.2.3' },
};
const linesOf = (text: string) => text.split('\n').filter(line => line !== '' && !line.startsWith('#'));

t.test('metrics tell what was seen, with units of Prometheus', async t => {
  const lines = linesOf(
    await formatMetrics({
      ...sources,
      counts: [
        { name: 'filings', label: 'filed', value: 7 },
        { name: 'stream-starts', label: 'den', value: 3 },
        { name: 'messages-delivered', label: 'email', value: 2 },
      ],
      alerts: [
        {
          ...{ kind: 'camera-silent', subject: 'den', sentence: '', raisedAt: 1, clearedAt: null, toldAt: 1 },
        },
        { kind: 'camera-silent', subject: 'attic', sentence: '', raisedAt: 1, clearedAt: 2, toldAt: 1 },
      ],
      waiting: [{ channel: 'webhook', waiting: 4 }],
    }),
  );
  for (const line of [
    'clipward_info{version="1.2.3"} 1',
    `clipward_looked_timestamp_seconds ${at / 1000}`,
    'clipward_role_running{role="receive"} 1',
    'clipward_uploads_total{completeness="whole"} 6',
    'clipward_upload_bytes_total 5000',
    'clipward_sessions_total{tls="TLSv1.3"} 4',
    'clipward_refusals_total{reason="login-password"} 3',
    'clipward_inbox_entries 2',
    'clipward_filings_total{result="filed"} 7',
    `clipward_camera_last_clip_timestamp_seconds{camera="den"} ${at / 1000 - 5}`,
    'clipward_camera_silent{camera="den"} 0',
    'clipward_camera_clock_offset_seconds{camera="den"} -1.5',
    'clipward_camera_recording{camera="den"} 1',
    'clipward_recording_coverage_ratio{camera="den"} 0.75',
    'clipward_recording_gap_seconds{camera="den",reason="unreachable"} 21600',
    'clipward_stream_starts_total{camera="den"} 3',
    'clipward_disk_days_left 12.5',
    `clipward_certificate_end_timestamp_seconds{certificate="server-rsa"} ${at / 1000 + 86_400}`,
    'clipward_alerts{kind="camera-silent"} 1',
    'clipward_alerts{kind="disk-failed"} 0',
    'clipward_messages_waiting{channel="webhook"} 4',
    'clipward_messages_delivered_total{channel="email"} 2',
  ])
    t.ok(lines.includes(line), line);
});

t.test('what is not known is absent, not zero', async t => {
  const facts = sampleFacts(at);
  const [camera] = facts.cameras;
  const text = await formatMetrics({
    ...sources,
    facts: {
      ...{ ...facts, diskDaysLeft: null, inboxWaiting: null, disk: { state: 'failed', error: 'EIO' } },
      cameras: [
        {
          ...{ camera: 'den', enabled: camera?.enabled ?? true, lastSignAt: null, silent: null },
          ...{ recording: null, clockOffsetMs: null },
        },
      ],
    },
  });
  for (const name of [
    ...['disk_days_left', 'inbox_entries', 'disk_free_bytes', 'camera_silent', 'camera_recording'],
    ...['camera_last_clip_timestamp_seconds', 'camera_clock_offset_seconds'],
  ])
    t.notMatch(text, new RegExp(`^clipward_${name}[ {]`, 'm'), name);
  t.match(text, /^clipward_disk_ok 0$/m);
  t.notMatch(
    await formatMetrics({ ...sources, facts: undefined }),
    /^clipward_disk_ok/m,
    'before the first look',
  );
});

t.test('every name is told once, as Prometheus wants names', async t => {
  const names = metricDefinitions.map(({ name }) => name);
  t.equal(new Set(names).size, names.length);
  for (const { name, type, help } of metricDefinitions) {
    t.match(name, /^clipward_[a-z_]+$/);
    t.equal(name.endsWith('_total'), type === 'counter', name);
    t.match(help, /\.$/);
  }
});

t.test('filing times are a histogram whose buckets add up', async t => {
  const times = createFilingTimes();
  const clock = { at: 0, monotonicMs: () => clock.at };
  const file = (ms: number) =>
    times.timed(clock, async () => {
      clock.at += ms;
    });
  for (const ms of [50, 51, 60_000, 60_001]) await file(ms);
  await t.rejects(
    times.timed(clock, () => Promise.reject(new Error('no'))),
    { message: 'no' },
  );
  const counts = times.take();
  t.same(times.take(), [], 'each is told once');
  const lines = linesOf(await formatMetrics({ ...sources, counts }));
  for (const line of [
    'clipward_filing_seconds_bucket{le="0.05"} 1',
    'clipward_filing_seconds_bucket{le="0.1"} 2',
    'clipward_filing_seconds_bucket{le="30"} 2',
    'clipward_filing_seconds_bucket{le="60"} 3',
    'clipward_filing_seconds_bucket{le="+Inf"} 4',
    'clipward_filing_seconds_sum 120.102',
    'clipward_filing_seconds_count 4',
    'clipward_filings_total{result="filed"} 4',
    'clipward_filings_total{result="failed"} 1',
  ])
    t.ok(lines.includes(line), line);
});

t.test(
  'the receiver counts what happens in sessions, over its restarts, and nothing that a client says',
  async t => {
    const stateDir = join(t.testdir(), 'state');
    const clock = { at: 1000, now: () => clock.at, monotonicMs: () => clock.at };
    t.equal(readReceiverCounts(stateDir), undefined, 'before it ever ran');
    (await openReceiverMemory({ stateDir, maxDirectoriesPerCamera: 1, clock }))[Symbol.dispose]();
    const events: SessionEvent[] = [
      { kind: 'logged-in', protocol: 'TLSv1.3', cipher: 'x', alpn: null, weakPassword: false },
      { kind: 'login-refused', user: 'evil"} 1\nclipward_disk_ok 0', why: 'password' },
      { kind: 'turned-away', reason: 'banned' },
      { kind: 'handshake-failed', error: 'anything' },
      { kind: 'plaintext-login' },
      { kind: 'command', verb: 'STOR', path: '/secret' },
      { kind: 'refused', verb: 'SITE', reply: 502, text: 'x', why: null },
      { kind: 'refused', verb: 'STOR', reply: 452, text: 'x', why: null },
      {
        ...{ kind: 'uploaded', path: '/secret', bytes: 700, completeness: 'whole', closeNotify: true },
        ...{ endedBy: null, reply: 226 },
      },
      {
        ...{ kind: 'uploaded', path: '/secret', bytes: 30, completeness: 'partial', closeNotify: false },
        ...{ endedBy: 'stalled', reply: 426 },
      },
    ];
    for (let run = 0; run < 2; run++) {
      const counts = openReceiverCounts({ stateDir, clock, log: silentLog() });
      for (const event of events) counts.observe(event);
      counts[Symbol.dispose]();
      clock.at += 1000;
    }
    t.same(readReceiverCounts(stateDir), {
      counts: [
        { name: 'refusals', label: 'connection-banned', value: 2 },
        { name: 'refusals', label: 'login-password', value: 2 },
        { name: 'refusals', label: 'plaintext-login', value: 2 },
        { name: 'refusals', label: 'reply-452', value: 2 },
        { name: 'refusals', label: 'tls-handshake', value: 2 },
        { name: 'refusals', label: 'upload-stalled', value: 2 },
        { name: 'sessions', label: 'TLSv1.3', value: 2 },
        { name: 'upload-bytes', label: '', value: 1460 },
        { name: 'uploads', label: 'partial', value: 2 },
        { name: 'uploads', label: 'whole', value: 2 },
      ],
      starts: [
        { at: 2000, endedAt: 2000 },
        { at: 1000, endedAt: 1000 },
      ],
    });
  },
);
