// Carries messages from the outbox to their targets. Each channel works for itself, so that a target that is dead holds up
// nobody. A message is sent until it was taken, which may be once more than needed: between the send and the row that says so
// the process may be killed, and the other side tells by the id.

import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { type Delivery, maxRetryMs } from '../catalogue/outbox.ts';
import type { MessageBody } from '../domain/alert-text.ts';
import type { Channel } from './channel.ts';

const standardPollMs = 1000;
const firstRetryMs = 10_000;
/** How long a channel rests when the catalogue could not note what became of a message. */
const unnotedPauseMs = 60_000;
/** A mail server may be down over a weekend. Older news help nobody, and what still lasts is told anew. */
export const giveUpAfterMs = 3 * 24 * 3_600_000;
/** A clock that jumps a day ahead gives nothing up that was hardly tried. */
const leastAttempts = 10;

export type DeliverParts = Readonly<{
  catalogue: Pick<
    Catalogue,
    'dueDelivery' | 'deliveryDone' | 'deliveryFailed' | 'deliveryGivenUp' | 'dropDeliveriesExcept'
  >;
  channels: readonly Channel[];
  clock: Clock;
  log: Log;
  /** From 0 to 1. */
  random(): number;
  pollMs?: number;
}>;

/** Disposing it breaks off what is being sent; it is sent again at the next start. */
export function startDeliver(parts: DeliverParts): AsyncDisposable {
  const { channels, pollMs = standardPollMs } = parts;
  const closing = new AbortController();
  // Rows of a channel that was taken out of the settings would lie there for ever.
  noteDown(parts, () => {
    const dropped = parts.catalogue.dropDeliveriesExcept(channels.map(({ name }) => name));
    if (dropped > 0) parts.log.warn({ messages: dropped }, 'messages of a channel that is gone were dropped');
  });
  const works = channels.map(
    (channel): Work => ({ channel, isRunning: false, pausedUntilMs: 0, sent: new Set() }),
  );
  const running = new Set<Promise<void>>();
  const look = () => {
    for (const work of works.filter(({ isRunning }) => !isRunning)) {
      work.isRunning = true;
      const done = empty(work, parts, closing.signal).finally(() => {
        work.isRunning = false;
        running.delete(done);
      });
      running.add(done);
    }
  };
  const timer = setInterval(look, pollMs).unref();
  look();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      closing.abort();
      await Promise.all(running);
    },
  };
}

/** What of a channel must not depend on a catalogue that can be written. */
type Work = {
  readonly channel: Channel;
  isRunning: boolean;
  pausedUntilMs: number;
  readonly sent: Set<string>;
};

/** Sends what is due, one after the other. */
async function empty(work: Work, parts: DeliverParts, signal: AbortSignal): Promise<void> {
  const { catalogue, clock } = parts;
  while (!signal.aborted && clock.monotonicMs() >= work.pausedUntilMs) {
    const [delivery] = attempt(parts, () => [catalogue.dueDelivery(work.channel.name, clock.now())]) ?? [];
    if (delivery === undefined) return;
    const isNoted = await deliver(work, delivery, parts, signal);
    // What was not noted is still due, and must not be sent again and again.
    if (isNoted === undefined) work.pausedUntilMs = clock.monotonicMs() + unnotedPauseMs;
  }
}

/** Undefined: the catalogue does not know what became of it. */
async function deliver(
  { channel, sent }: Work,
  delivery: Delivery,
  parts: DeliverParts,
  signal: AbortSignal,
): Promise<true | undefined> {
  const { catalogue, clock, log, random } = parts;
  const { message, attempts } = delivery;
  const facts = { channel: channel.name, message, attempts: attempts + 1 };
  try {
    const body = JSON.parse(delivery.body) as MessageBody;
    if (!sent.has(message)) await channel.send({ id: message, ...body }, signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    const now = clock.now();
    if (now - delivery.at > giveUpAfterMs && attempts + 1 >= leastAttempts) {
      log.error({ ...facts, error: messageOf(error) }, 'message given up');
      return noteDown(parts, () => catalogue.deliveryGivenUp(message, channel.name));
    }
    if (attempts === 0) log.warn({ ...facts, error: messageOf(error) }, 'message not delivered');
    else log.debug({ ...facts, error: messageOf(error) }, 'message not delivered');
    const delayMs = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(attempts, 20)) * (0.5 + random() / 2);
    return noteDown(parts, () => catalogue.deliveryFailed(message, channel.name, now + Math.round(delayMs)));
  }
  if (!sent.has(message)) log.info(facts, 'message delivered');
  sent.add(message);
  const isNoted = noteDown(parts, () => catalogue.deliveryDone(message, channel.name));
  if (isNoted) sent.delete(message);
  return isNoted;
}

function noteDown(parts: DeliverParts, work: () => void): true | undefined {
  return attempt(parts, () => {
    work();
    return true;
  });
}

/** Undefined where it failed: a catalogue that is busy, or whose disk is full. */
function attempt<T>({ log }: DeliverParts, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    log.error({ error: messageOf(error) }, 'outbox cannot be used');
    return undefined;
  }
}
