// clipward verify: that nothing has changed since it was received.

import { join } from 'node:path';
import type { Command } from 'commander';
import { readPublicKeys } from '../access/signing-key.ts';
import { readArchiveId, requireMarker } from '../archive/marker.ts';
import { readStored } from '../archive/read-stored.ts';
import { systemClock } from '../base/clock.ts';
import { FailedError, SettingsError, UsageError } from '../base/errors.ts';
import { holdLock } from '../base/sqlite.ts';
import { catalogueFile, openCatalogue } from '../catalogue/catalogue.ts';
import { parseHead } from '../domain/chain.ts';
import { counted } from '../domain/counted.ts';
import { parseWhen } from '../inspect/instants.ts';
import { verifyFacts } from '../inspect/verify/facts.ts';
import { type Progress, verify } from '../inspect/verify/verify.ts';
import type { Settings } from '../settings/settings.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { openProgressLine } from './progress-line.ts';
import { escapeForTerminal, formatBytes, formatFacts } from './table.ts';

type Options = { camera?: string; since?: string; until?: string; expect?: string; resume?: boolean };

export function registerVerifyCommand(program: Command, desk: Desk): void {
  const command = program
    .command('verify')
    .description('read clips again and show that nothing has changed since they were received')
    .option('--camera <name>', 'only clips of this camera')
    .option('--since <time>', 'only clips received at or after this time: ISO 8601, or how long ago (2h, 3d)')
    .option('--until <time>', 'only clips received before this time')
    .option(
      '--expect <head>',
      'a head noted earlier (from the log, or printed by verify) that must be in the chain',
    )
    .option('--resume', 'go on with the verify that was interrupted')
    .action(async (options: Options, self: Command) => {
      const request = parseRequest(options);
      const settings = desk.settings(self);
      const outcome = await run(settings, request, desk);
      if (outcome === undefined) return desk.setExitCode(1);
      desk.print(desk.wantsJson(self) ? JSON.stringify(outcome, null, 2) : formatOutcome(outcome));
      if (!outcome.good) desk.setExitCode(1);
    });
  withCommonOptions(command, { json: true });
}

type Request = Parameters<typeof verify>[1];
type Outcome = ReturnType<typeof verifyFacts>;

function parseRequest({ camera, since, until, expect, resume }: Options): Request {
  const narrowed = camera !== undefined || since !== undefined || until !== undefined;
  if (resume && narrowed)
    throw new UsageError(
      '--resume goes on with what was asked for then: leave --camera, --since and --until out.',
    );
  const now = systemClock.now();
  const expected = expect === undefined ? undefined : parseHead(expect.trim());
  if (expect !== undefined && expected === undefined)
    throw new UsageError(
      `--expect ${JSON.stringify(expect)} is no head: expected a number, a hyphen and 64 hexadecimal digits, as verify prints them.`,
    );
  return {
    camera,
    since: since === undefined ? undefined : parseWhen(since, '--since', now),
    until: until === undefined ? undefined : parseWhen(until, '--until', now),
    expect: expected,
    resume,
  };
}

/** Undefined when it was interrupted. */
async function run(settings: Settings, request: Request, desk: Desk): Promise<Outcome | undefined> {
  const { dataDir, stateDir } = settings;
  const archiveId = await readArchiveId(stateDir);
  const keys = await readPublicKeys(stateDir);
  using _alone = onlyOne(stateDir);
  using catalogue = openCatalogue({ file: catalogueFile(stateDir), readOnly: true });
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  using line = openProgressLine();
  const startedAt = systemClock.now();
  try {
    const report = await verify(
      {
        stateDir,
        archiveId,
        catalogue,
        publicKeys: [...(keys.current ? [keys.current] : []), ...keys.earlier],
        read: (clip, signal) => readStored(dataDir, clip, signal),
        requireMarker: () => requireMarker({ dataDir, archiveId }),
        clock: systemClock,
        onProgress: progress => line.show(() => textOf(progress)),
        onRemark: desk.remark,
      },
      request,
      interrupted.signal,
    );
    return verifyFacts({ report, archiveId, keys, startedAt, finishedAt: systemClock.now() });
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    line[Symbol.dispose]();
    desk.remark('Stopped. What was read is remembered: clipward verify --resume goes on from here.');
    return undefined;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
  }
}

/** Two would write over each other's progress. */
function onlyOne(stateDir: string): Disposable {
  try {
    return holdLock(
      join(stateDir, 'verify.lock'),
      'Another clipward verify is running: wait until it has ended.',
    );
  } catch (error) {
    if (error instanceof SettingsError) throw new FailedError(error.message, { cause: error });
    throw error;
  }
}

function textOf(progress: Progress): string {
  if (progress.phase === 'chain') return `chain: entry ${progress.done} of ${progress.of}`;
  const { bytes, ofBytes, files, ofFiles } = progress;
  const percent = ofBytes === 0 ? 100 : Math.min(100, (100 * bytes) / ofBytes);
  return `media: ${percent.toFixed(1)} % (${formatBytes(bytes)} of ${formatBytes(ofBytes)}, ${files} of ${counted(ofFiles, 'file')})`;
}

function formatOutcome(outcome: Outcome): string {
  const { chain, media, findings, findingCount } = outcome;
  const lines = findings.flatMap(({ code, number, camera, id, path, text, remedy }) => {
    const what = [camera, id ?? (number === null ? null : `entry ${number}`), path].filter(
      each => each !== null,
    );
    return [
      `RED   ${code}${what.length === 0 ? '' : `  ${what.map(each => escapeForTerminal(each)).join('  ')}`}`,
      `      ${escapeForTerminal(text)}`,
      `      ${escapeForTerminal(remedy)}`,
    ];
  });
  if (findingCount > findings.length) lines.push(`RED   and ${findingCount - findings.length} more`);
  const gone = Object.entries(chain.gone);
  const range = Object.entries(outcome.selection).filter(([, value]) => value !== null);
  const facts = formatFacts([
    ['result', outcome.good ? 'nothing has changed' : counted(findingCount, 'finding')],
    ...(range.length === 0
      ? []
      : ([['only', range.map(([name, value]) => `${name} ${value}`).join(', ')]] as const)),
    [
      'chain',
      `${counted(chain.entries, 'entry', 'entries')} of ${counted(chain.days, 'day')}, ${chain.kept} taken in`,
    ],
    ...(gone.length === 0
      ? []
      : ([['deleted', gone.map(([reason, count]) => `${count} (${reason})`).join(', ')]] as const)),
    ['read again', readAgain(media)],
    ...(media.goneMeanwhile === 0
      ? []
      : ([['deleted meanwhile', `${counted(media.goneMeanwhile, 'file')}, by retention`]] as const)),
    ...outcome.earlierKeys.map(
      ({ fingerprint, days }) => ['earlier key', `${fingerprint} signed ${counted(days, 'day')}`] as const,
    ),
    ['signing key', outcome.keyFingerprint ?? 'none yet'],
    ['head', outcome.head ?? 'none yet'],
  ]);
  return [...lines, ...(lines.length === 0 ? [] : ['']), facts].join('\n');
}

function readAgain({ clips, segments, bytes }: Outcome['media']): string {
  const footage = segments === 0 ? [] : [`${counted(segments, 'segment')} of footage`];
  return [counted(clips, 'clip'), ...footage, formatBytes(bytes)].join(', ');
}
