// /metrics in the form that Prometheus reads. Everything comes from the database: what was seen at the last look, and counts that
// outlive every restart. Labels are names of cameras, which a person gave, and words of ours; never anything that a client said.

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Count } from '../catalogue/lookout.ts';
import { type Alert, alertKinds } from '../domain/alerts.ts';
import { roles } from './daemon.ts';
import { filingBuckets } from './health/filing-times.ts';
import type { HealthFacts } from './health/health-facts.ts';

export type MetricSources = Readonly<{
  /** Undefined before the first look. */
  facts: HealthFacts | undefined;
  /** Of the catalogue. */
  counts: readonly Count[];
  alerts: readonly Alert[];
  waiting: readonly Readonly<{ channel: string; waiting: number }>[];
  version: string;
}>;

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number | null | undefined];
type Definition = Readonly<{
  name: string;
  help: string;
  type: 'gauge' | 'counter';
  samples(sources: MetricSources & Readonly<{ facts: HealthFacts }>): readonly Sample[];
}>;

const one = (value: number | null | undefined): readonly Sample[] => [[{}, value]];
const flag = (value: boolean | null) => (value === null ? null : Number(value));
const byLabel = (counts: readonly Count[], name: string, label: string): Sample[] =>
  counts.filter(count => count.name === name).map(count => [{ [label]: count.label }, count.value]);
const sumOf = (counts: readonly Count[], name: string) =>
  counts.filter(count => count.name === name).reduce((sum, { value }) => sum + value, 0);

const gauge = (name: string, help: string, samples: Definition['samples']): Definition => ({
  ...{ name: `clipward_${name}`, help, type: 'gauge', samples },
});
const counter = (name: string, help: string, samples: Definition['samples']): Definition => ({
  ...{ name: `clipward_${name}`, help, type: 'counter', samples },
});

/** docs/grafana-dashboard.json asks for them; a test compares. */
export const metricDefinitions: readonly Definition[] = [
  gauge('info', 'Always 1; which version answers.', ({ version }) => [[{ version }, 1]]),
  gauge('looked_timestamp_seconds', 'When the archive last looked at the installation.', ({ facts }) =>
    one(facts.at / 1000),
  ),
  gauge('role_running', 'Whether a process plays this role.', ({ facts }) =>
    roles.map(role => [{ role }, Number(facts.running.includes(role))]),
  ),
  counter('uploads_total', 'Uploads that arrived, by what their end proved.', ({ facts }) =>
    byLabel(facts.receiverCounts, 'uploads', 'completeness'),
  ),
  counter('upload_bytes_total', 'Bytes that were uploaded.', ({ facts }) =>
    one(sumOf(facts.receiverCounts, 'upload-bytes')),
  ),
  counter('sessions_total', 'Sessions that logged in, by the version of TLS.', ({ facts }) =>
    byLabel(facts.receiverCounts, 'sessions', 'tls'),
  ),
  counter('refusals_total', 'What was refused: connections, log-ins, uploads.', ({ facts }) =>
    byLabel(facts.receiverCounts, 'refusals', 'reason'),
  ),
  gauge('inbox_entries', 'Uploads that are not filed yet; counted up to 10000.', ({ facts }) =>
    one(facts.inboxWaiting),
  ),
  gauge('quarantined_entries', 'Uploads that could not be filed.', ({ facts }) => one(facts.quarantined)),
  counter('filings_total', 'Entries that were filed, and tries that failed.', ({ counts }) =>
    byLabel(counts, 'filings', 'result'),
  ),
  gauge('camera_enabled', 'Whether the camera may upload.', ({ facts }) =>
    facts.cameras.map(({ camera, enabled }) => [{ camera }, Number(enabled)]),
  ),
  gauge('camera_last_clip_timestamp_seconds', 'When the last clip of the camera arrived.', ({ facts }) =>
    facts.cameras.map(({ camera, lastSignAt }) => [
      { camera },
      lastSignAt === null ? null : lastSignAt / 1000,
    ]),
  ),
  gauge(
    'camera_silent',
    'Whether the camera is silent for longer than is its habit or was set.',
    ({ facts }) => facts.cameras.map(({ camera, silent }) => [{ camera }, flag(silent)]),
  ),
  gauge('camera_clock_offset_seconds', 'How far the clock of the camera is ahead.', ({ facts }) =>
    facts.cameras.map(({ camera, clockOffsetMs }) => [
      { camera },
      clockOffsetMs === null ? null : clockOffsetMs / 1000,
    ]),
  ),
  gauge('camera_recording', 'Whether the camera is recorded; absent when it is not to be.', ({ facts }) =>
    facts.cameras.map(({ camera, recording }) => [{ camera }, flag(recording)]),
  ),
  gauge('recording_coverage_ratio', 'What was recorded of what should have been, in 24 hours.', ({ facts }) =>
    facts.coverage.map(({ camera, share }) => [{ camera }, share]),
  ),
  gauge('recording_gap_seconds', 'What was not recorded in 24 hours, by reason.', ({ facts }) =>
    facts.coverage.flatMap(({ camera, missing }) =>
      missing.map(({ reason, ms }): Sample => [{ camera, reason }, ms / 1000]),
    ),
  ),
  counter('stream_starts_total', 'How often a stream was connected to, and ffmpeg started.', ({ counts }) =>
    byLabel(counts, 'stream-starts', 'camera'),
  ),
  gauge('disk_ok', 'Whether the disk of the media is there and can be used.', ({ facts }) =>
    one(Number(facts.disk.state === 'ours')),
  ),
  gauge('disk_free_bytes', 'Free on the disk of the media.', ({ facts }) =>
    facts.disk.state === 'failed' ? [] : one(facts.disk.freeBytes),
  ),
  gauge('disk_size_bytes', 'The size of that disk.', ({ facts }) =>
    facts.disk.state === 'failed' ? [] : one(facts.disk.totalBytes),
  ),
  gauge(
    'disk_days_left',
    'Days until retention has to make room; absent when nothing arrives.',
    ({ facts }) => one(facts.diskDaysLeft),
  ),
  gauge('media_bytes', 'What all media take.', ({ facts }) => one(facts.mediaBytes)),
  gauge('held_bytes', 'What of it is on hold.', ({ facts }) => one(facts.heldBytes)),
  gauge('retention_promises_unkept', 'Promises of retention that do not fit the disk.', ({ facts }) =>
    one(facts.unmetPromises),
  ),
  gauge('chain_sound', 'Whether the chain ends with its signed head.', ({ facts }) =>
    one(Number(facts.isChainSound)),
  ),
  gauge('certificate_end_timestamp_seconds', 'When the certificate ends.', ({ facts }) =>
    facts.certificates.map(({ name, endsAt }) => [{ certificate: name }, endsAt / 1000]),
  ),
  gauge('alerts', 'Alerts that last now, by kind.', ({ alerts }) =>
    alertKinds.map(kind => [
      { kind },
      alerts.filter(alert => alert.kind === kind && alert.clearedAt === null).length,
    ]),
  ),
  gauge('messages_waiting', 'Messages that wait for a channel.', ({ waiting }) =>
    waiting.map(each => [{ channel: each.channel }, each.waiting]),
  ),
  counter('messages_delivered_total', 'Messages that a channel took.', ({ counts }) =>
    byLabel(counts, 'messages-delivered', 'channel'),
  ),
  counter('messages_given_up_total', 'Messages that a channel did not take for three days.', ({ counts }) =>
    byLabel(counts, 'messages-given-up', 'channel'),
  ),
  counter('delivery_failures_total', 'Tries to send a message that failed.', ({ counts }) =>
    byLabel(counts, 'delivery-failures', 'channel'),
  ),
];

export const filingHistogram = 'clipward_filing_seconds';

/** What this process itself takes: prom-client's own. */
const ownMetrics = new Registry();
collectDefaultMetrics({ register: ownMetrics, prefix: 'clipward_outbound_' });

export async function formatMetrics(sources: MetricSources): Promise<string> {
  const registry = new Registry();
  const { facts } = sources;
  if (facts !== undefined) {
    for (const { name, help, type, samples } of metricDefinitions) {
      const found = samples({ ...sources, facts }).filter(
        (sample): sample is [Record<string, string>, number] => typeof sample[1] === 'number',
      );
      // One without labels would be told as 0.
      if (found.length === 0) continue;
      const labelNames = Object.keys(found[0]?.[0] ?? {});
      const options = { name, help, labelNames, registers: [registry] };
      if (type === 'gauge') {
        const metric = new Gauge(options);
        metric.reset();
        for (const [labels, value] of found) metric.set(labels, value);
      } else {
        const metric = new Counter(options);
        metric.reset();
        for (const [labels, value] of found) metric.inc(labels, value);
      }
    }
  }
  const parts = [await registry.metrics(), formatFilingTimes(sources.counts), await ownMetrics.metrics()];
  return `${parts.map(part => part.trim()).join('\n\n')}\n`;
}

export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE;

/** prom-client's own histograms count by themselves and cannot be told what was counted before. */
function formatFilingTimes(counts: readonly Count[]): string {
  const at = (label: string) =>
    counts.find(count => count.name === 'filing-seconds' && count.label === label)?.value ?? 0;
  let total = 0;
  const lines = [...filingBuckets.map(String), '+Inf'].map(limit => {
    total += at(limit);
    return `${filingHistogram}_bucket{le="${limit}"} ${total}`;
  });
  return [
    `# HELP ${filingHistogram} How long it took to file an entry.`,
    `# TYPE ${filingHistogram} histogram`,
    ...lines,
    `${filingHistogram}_sum ${sumOf(counts, 'filing-seconds-sum')}`,
    `${filingHistogram}_count ${total}`,
  ].join('\n');
}
