import type { AccountReader } from '../access/accounts.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { promiseSentence } from '../domain/retention-sentence.ts';
import type { Settings } from '../settings/settings.ts';
import { type Space, spaceOf } from './checks/free-disk.ts';
import { type OutlookSources, readOutlook } from './retention-report.ts';

/** A rate changes over days, so this is often enough. */
const standardLookIntervalMs = 3_600_000;
/** A busy hour on the first day would be told as a broken promise; plan and status show it all the same. */
const leastMeasuredDays = 1;

/**
 * Says in the log, at the start and then each hour, which days that were asked for do not fit at the present rate, and when
 * too much is on hold: once, until it is right again.
 */
export function startPromiseWarnings(parts: {
  catalogue: OutlookSources['catalogue'];
  accounts: Pick<AccountReader, 'cameras'>;
  settings: Pick<Settings, 'dataDir'> & OutlookSources['settings'];
  clock: Clock;
  log: Log;
  measure?: (path: string) => Promise<Space>;
  lookIntervalMs?: number;
}): Disposable {
  const { catalogue, accounts, settings, clock, log, measure = spaceOf } = parts;
  let isClosed = false;
  let told = { promises: new Set<string>(), isHeld: false };

  const look = async () => {
    const disk = await measure(settings.dataDir);
    if (isClosed) return;
    const outlook = readOutlook({ catalogue, cameras: accounts.cameras(), settings, now: clock.now(), disk });
    const now = { promises: new Set<string>(), isHeld: outlook.warnings.length > 0 };
    for (const forecast of outlook.forecast) {
      const { camera, media, measuredDays, askedDays } = forecast;
      const sentence = promiseSentence(forecast);
      if (sentence === undefined || measuredDays < leastMeasuredDays) continue;
      const key = `${camera} ${media}`;
      now.promises.add(key);
      if (!told.promises.has(key))
        log.warn(
          { camera, media, askedDays, fitDays: forecast.fitDays, sentence },
          'days asked for do not fit',
        );
    }
    if (now.isHeld && !told.isHeld)
      log.warn({ heldBytes: outlook.heldBytes, mediaBytes: outlook.mediaBytes }, 'more than half is on hold');
    told = now;
  };
  const tryLook = () => {
    look().catch(error => {
      if (!isClosed) log.warn({ error: messageOf(error) }, 'room for clips cannot be foretold');
    });
  };
  tryLook();
  const timer = setInterval(tryLook, parts.lookIntervalMs ?? standardLookIntervalMs).unref();
  return {
    [Symbol.dispose]() {
      isClosed = true;
      clearInterval(timer);
    },
  };
}
