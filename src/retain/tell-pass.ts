// What the log says about retention: what was deleted, each time; what cannot be done or kept, when it changes.

import { messageOf, TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Unmet } from '../domain/retention-plan.ts';
import { unmetSentence } from '../domain/retention-sentence.ts';
import type { Stuck } from './finish-garbage.ts';
import type { RetentionPass } from './run-retention.ts';

export type Teller = Readonly<{
  pass(pass: RetentionPass, durationMs: number): void;
  failure(error: unknown): void;
}>;

export function startTelling(log: Log): Teller {
  const told = { failure: '', unmet: new Set<string>(), stuck: new Map<string, string>() };

  const tellUnmet = ({ unmet, isComplete }: Pick<RetentionPass, 'unmet' | 'isComplete'>) => {
    for (const each of unmet)
      if (!told.unmet.has(keyOf(each)))
        log.warn({ promise: each.promise, sentence: unmetSentence(each) }, 'retention cannot keep a promise');
    // The missing bytes change all the time; which promise it is does not.
    const now = new Set(unmet.map(keyOf));
    // What is short in the end is not known yet.
    if (!isComplete) {
      told.unmet = new Set([...told.unmet, ...now]);
      return;
    }
    for (const key of told.unmet)
      if (!now.has(key)) log.info({ promise: key }, 'retention keeps a promise again');
    told.unmet = now;
  };
  const tellStuck = (stuck: readonly Stuck[]) => {
    const now = new Map<string, string>();
    for (const [camera, files] of Map.groupBy(stuck, each => each.camera)) {
      const [{ path, reason }] = files as [Stuck];
      now.set(camera, `${files.length} ${reason}`);
      if (told.stuck.get(camera) !== now.get(camera))
        log.warn({ camera, files: files.length, path, error: reason }, 'media cannot be deleted');
    }
    told.stuck = now;
  };
  return {
    pass(pass, durationMs) {
      if (!pass.isMade) return;
      told.failure = '';
      const { deleted, finished, spared } = pass;
      if (deleted.length > 0 || finished > 0)
        log.info({ deleted, finished, spared, durationMs: Math.round(durationMs) }, 'media deleted');
      tellStuck(pass.stuck);
      tellUnmet(pass);
    },
    failure(error) {
      const text = messageOf(error);
      if (text === told.failure) return;
      told.failure = text;
      // A stack only for what nobody foresaw.
      const facts = error instanceof TransientError ? {} : { err: error };
      log.error({ error: text, ...facts }, 'retention pass failed');
    },
  };
}

function keyOf(unmet: Unmet): string {
  return unmet.promise === 'camera-bytes' ? `${unmet.promise} ${unmet.camera}` : unmet.promise;
}
