// Alerts and the messages on their way out. What an alert says it told and the message that tells it are one transaction (I6).

import { type Db, inTransaction } from '../base/sqlite.ts';
import type { Alert, AlertPlan } from '../domain/alerts.ts';

export type KnownAlerts = Readonly<{ alerts: readonly Alert[]; lastMessageAt: number | null }>;

export type NewMessage = Readonly<{ id: string; body: string; channels: readonly string[] }>;

export type Delivery = Readonly<{
  message: string;
  /** When the message was made. */
  at: number;
  body: string;
  /** Tries that failed. */
  attempts: number;
}>;

/** Nothing is put off for longer. */
export const maxRetryMs = 30 * 60_000;

export type Outbox = Readonly<{
  /** Those that last, and those whose end nobody was told yet. */
  alerts(): readonly Alert[];
  knownAlerts(): KnownAlerts;
  /** Asks `decide` about what is known then, and stores what it says, with the message that it makes, in one transaction. */
  settleAlerts(
    now: number,
    decide: (known: KnownAlerts) => Readonly<{ plan: AlertPlan; message: NewMessage | null }>,
  ): AlertPlan;
  /** The oldest of those that may be tried now. */
  dueDelivery(channel: string, now: number): Delivery | undefined;
  /** The others of this channel are due then, since it works. The same when it comes again after a kill. */
  deliveryDone(message: string, channel: string): void;
  deliveryFailed(message: string, channel: string, nextAt: number): void;
  deliveryGivenUp(message: string, channel: string): void;
  /** Messages that wait, by channel. */
  waitingDeliveries(): readonly Readonly<{ channel: string; waiting: number }>[];
  /** For channels that are not set any more: what waits for them goes. Answers how much that was. */
  dropDeliveriesExcept(channels: readonly string[]): number;
}>;

export function outboxQueries(db: Db): Outbox {
  const all = db.prepare<[], Alert>(`
    SELECT kind, subject, sentence, raised_at AS raisedAt, cleared_at AS clearedAt, told_at AS toldAt
    FROM alert ORDER BY raised_at, kind, subject`);
  const lastMessage = db.prepare<[], number | null>('SELECT last_message_at FROM lookout').pluck();
  const put = db.prepare<[Alert]>(`
    INSERT OR REPLACE INTO alert (kind, subject, sentence, raised_at, cleared_at, told_at)
    VALUES (@kind, @subject, @sentence, @raisedAt, @clearedAt, @toldAt)`);
  const remove = db.prepare<[Alert]>('DELETE FROM alert WHERE kind = @kind AND subject = @subject');
  const setLastMessage = db.prepare<[number]>('UPDATE lookout SET last_message_at = ?');
  const insertMessage = db.prepare<[string, number, string]>(
    'INSERT INTO message (id, at, body) VALUES (?, ?, ?)',
  );
  const insertDelivery = db.prepare<[string, string, number]>(
    'INSERT INTO delivery (message, channel, next_at) VALUES (?, ?, ?)',
  );
  // What is to wait longer than anything waits was put off by a clock that has been set back since.
  const due = db.prepare<[{ channel: string; now: number }], Delivery>(`
    SELECT message, at, body, attempts FROM delivery JOIN message ON message.id = delivery.message
    WHERE channel = @channel AND (next_at <= @now OR next_at > @now + ${2 * maxRetryMs}) ORDER BY at, message LIMIT 1`);
  const failed = db.prepare<[number, string, string]>(
    'UPDATE delivery SET attempts = attempts + 1, next_at = ? WHERE message = ? AND channel = ?',
  );
  const removeDelivery = db.prepare<[string, string]>(
    'DELETE FROM delivery WHERE message = ? AND channel = ?',
  );
  const hurry = db.prepare<[string]>('UPDATE delivery SET next_at = 0 WHERE channel = ?');
  const removeOthers = db.prepare<[string]>(
    'DELETE FROM delivery WHERE channel NOT IN (SELECT value FROM json_each(?))',
  );
  const removeDelivered = db.prepare<[]>(
    'DELETE FROM message WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.message = message.id)',
  );
  const waiting = db.prepare<[], { channel: string; waiting: number }>(
    'SELECT channel, count(*) AS waiting FROM delivery GROUP BY channel ORDER BY channel',
  );
  const count = db.prepare<[string, string]>(`
    INSERT INTO tally (name, label, value) VALUES (?, ?, 1)
    ON CONFLICT (name, label) DO UPDATE SET value = value + 1`);

  const known = (): KnownAlerts => ({ alerts: all.all(), lastMessageAt: lastMessage.get() ?? null });
  const end = (message: string, channel: string, tally: string) => {
    if (removeDelivery.run(message, channel).changes === 0) return;
    removeDelivered.run();
    count.run(tally, channel);
  };
  return {
    alerts: () => all.all(),
    knownAlerts: known,
    settleAlerts: (now, decide) =>
      inTransaction(db, () => {
        const { plan, message } = decide(known());
        for (const alert of plan.changed) put.run(alert);
        for (const alert of plan.forgotten) remove.run(alert);
        if (message !== null) {
          insertMessage.run(message.id, now, message.body);
          for (const channel of message.channels) insertDelivery.run(message.id, channel, now);
          setLastMessage.run(now);
        }
        return plan;
      }),
    dueDelivery: (channel, now) => due.get({ channel, now }),
    deliveryDone: (message, channel) =>
      inTransaction(db, () => {
        end(message, channel, 'messages-delivered');
        hurry.run(channel);
      }),
    deliveryFailed: (message, channel, nextAt) =>
      inTransaction(db, () => {
        failed.run(nextAt, message, channel);
        count.run('delivery-failures', channel);
      }),
    deliveryGivenUp: (message, channel) =>
      inTransaction(db, () => end(message, channel, 'messages-given-up')),
    waitingDeliveries: () => waiting.all(),
    dropDeliveriesExcept: channels =>
      inTransaction(db, () => {
        const { changes } = removeOthers.run(JSON.stringify(channels));
        removeDelivered.run();
        return changes;
      }),
  };
}
