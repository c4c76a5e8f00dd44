import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

/** For what is only remembered: a state disk that is full must not cost a camera its log-in or its upload. */
export function noteDown(log: Log, work: () => void): void {
  try {
    work();
  } catch (error) {
    log.error({ error: messageOf(error) }, 'receiver memory cannot be used');
  }
}
