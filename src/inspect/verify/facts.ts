import type { PublicKey } from '../../access/signing-key.ts';
import type { VerifyReport } from './verify.ts';

/** What verify found, as scripts see it (docs/json.md). Times are ISO 8601 in UTC. */
export function verifyFacts(facts: {
  report: VerifyReport;
  archiveId: string;
  keys: Readonly<{ current: PublicKey | undefined; earlier: readonly PublicKey[] }>;
  startedAt: number;
  finishedAt: number;
}) {
  const { report, archiveId, keys, startedAt, finishedAt } = facts;
  const { chain, media, selection } = report;
  const instant = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString());
  return {
    good: report.findingCount === 0,
    archiveId,
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: new Date(finishedAt).toISOString(),
    resumed: report.resumed,
    selection: {
      camera: selection.camera ?? null,
      since: instant(selection.since),
      until: instant(selection.until),
    },
    head: report.head,
    headDay: report.headDay,
    keyFingerprint: keys.current?.fingerprint ?? null,
    earlierKeys: keys.earlier.map(({ fingerprint }) => ({
      fingerprint,
      days: chain.daysOfKey.get(fingerprint) ?? 0,
    })),
    chain: {
      entries: chain.entries,
      days: chain.days,
      kept: chain.kept,
      gone: Object.fromEntries(chain.goneByReason),
    },
    media: {
      ...{ clips: media.clips, segments: media.segments, bytes: media.bytes },
      goneMeanwhile: media.goneMeanwhile,
    },
    findingCount: report.findingCount,
    findings: report.findings,
  };
}
