// What the exports of footage and events have in common: what they work with, progress, Ctrl-C, and what is printed.

import { systemClock } from '../base/clock.ts';
import { FailedError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { damages, type ExportFacts } from '../inspect/export/export-facts.ts';
import type { ExportParts } from '../inspect/export/parts.ts';
import { missingLines } from '../inspect/export/sentences.ts';
import { manifestPath } from '../inspect/export/write-export.ts';
import type { Settings } from '../settings/settings.ts';
import type { Desk } from './desk.ts';
import { openProgressLine } from './progress-line.ts';
import { formatBytes, formatFacts } from './table.ts';

/** Runs an export that Ctrl-C ends with nothing left behind. */
export async function runExport<T>(
  { settings, catalogue, timeZone }: { settings: Settings; catalogue: Catalogue; timeZone: string },
  work: (parts: ExportParts, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const onSignal = () => ending.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  using line = openProgressLine();
  try {
    // Loaded here: the receiver's process, which this program also is, has no decoder in it.
    const { openMedia } = await import('../media/media.ts');
    const parts: ExportParts = {
      ...{ dataDir: settings.dataDir, catalogue, timeZone, clock: systemClock },
      media: await openMedia({ log: silentLog() }),
      onProgress: ({ bytes, ofBytes, phase }) =>
        line.show(() =>
          phase === 'finishing'
            ? 'writing its tables'
            : `${((100 * bytes) / ofBytes).toFixed(0)} % (${formatBytes(bytes)} of ${formatBytes(ofBytes)})`,
        ),
    };
    return await work(parts, ending.signal);
  } catch (error) {
    if (!ending.signal.aborted) throw error;
    throw new FailedError('Stopped; nothing was written.', { cause: error });
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}

export function printExport(
  desk: Desk,
  facts: ExportFacts,
  { isJson, more = [] }: { isJson: boolean; more?: ReadonlyArray<readonly [name: string, value: string]> },
): void {
  const manifest = manifestPath(facts.file);
  if (isJson) desk.print(JSON.stringify({ ...facts, manifest, ...Object.fromEntries(more) }, null, 2));
  else desk.print(formatFacts([...shownFacts(facts), ['manifest', manifest], ...more]));
  const missing = missingLines(facts);
  if (!isJson && missing.length > 0) desk.print(`\nmissing:\n${missing.map(text => `  ${text}`).join('\n')}`);
  if (!facts.missing.some(({ reason }) => damages.has(reason))) return;
  desk.remark(
    'clipward: files of this footage are not as they were recorded, and were left out: clipward verify shows them all.',
  );
  desk.setExitCode(1);
}

function shownFacts(facts: ExportFacts): ReadonlyArray<readonly [name: string, value: string]> {
  const { width, height, codec, audioCodec, missing } = facts;
  const missingMs = missing.reduce(
    (sum, { startAt, endAt }) => sum + Date.parse(endAt) - Date.parse(startAt),
    0,
  );
  return [
    ['camera', facts.camera],
    ...(facts.eventId === null ? [] : ([['event', facts.eventId]] as const)),
    ['from', facts.startAt],
    ['to', facts.endAt],
    ['seconds', (facts.durationMs / 1000).toFixed(1)],
    ['video', `${width ?? '?'}x${height ?? '?'} ${codec ?? '?'}, ${audioCodec ?? 'no sound'}`],
    ...silenceFact(facts),
    ['missing', missing.length === 0 ? 'nothing' : `${(missingMs / 1000).toFixed(1)} s`],
    ['wrote', facts.file],
    ['bytes', String(facts.bytes)],
    ['sha256', facts.sha256],
  ];
}

function silenceFact({ pieces }: ExportFacts): ReadonlyArray<readonly [name: string, value: string]> {
  const silenced = pieces.filter(piece => piece.silenced);
  const ms = silenced.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return silenced.length === 0
    ? []
    : [['silence', `${(ms / 1000).toFixed(1)} s were recorded without sound`]];
}
