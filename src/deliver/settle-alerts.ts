// From what is wrong to alerts, and from alerts to messages in the outbox. Nothing is sent here.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { randomId } from '../base/random-id.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { NewMessage } from '../catalogue/outbox.ts';
import { messageOf } from '../domain/alert-text.ts';
import { type AlertKind, type AlertPlan, type Condition, planAlerts } from '../domain/alerts.ts';
import { isRecordedAt, parseRecordSchedule } from '../domain/footage/record-schedule.ts';
import type { Settings } from '../settings/settings.ts';
import { channelsOf } from './channel-names.ts';

/** `covers`: of which alerts `conditions` says whether they last. Throws what SQLite throws. */
export type SettleAlerts = (
  conditions: readonly Condition[],
  covers: (kind: AlertKind, subject: string) => boolean,
) => void;

export function alertSettler(parts: {
  catalogue: Pick<Catalogue, 'knownAlerts' | 'settleAlerts'>;
  settings: Settings['alerts'];
  /** The name of this machine, and its zone. */
  from: string;
  timeZone: string;
  clock: Pick<Clock, 'now'>;
  log: Log;
}): SettleAlerts {
  const { catalogue, settings, from, clock, log } = parts;
  const timeZone = settings.timeZone ?? parts.timeZone;
  const quietHours = settings.quietHours === null ? undefined : parseRecordSchedule(settings.quietHours);
  const rules = {
    ...settings,
    isQuietAt: (at: number) => quietHours !== undefined && isRecordedAt(quietHours, at, timeZone),
  };
  const channels = channelsOf(settings);
  return (conditions, covers) => {
    const now = clock.now();
    const ask = { conditions, covers, canTell: channels.length > 0, now, rules };
    const planOf = ({ alerts, lastMessageAt }: ReturnType<Catalogue['knownAlerts']>) =>
      planAlerts({ ...ask, known: alerts, lastMessageAt });
    // Most of the time nothing has changed, and nobody need wait for the writer's turn.
    const likely = planOf(catalogue.knownAlerts());
    if (likely.changed.length === 0 && likely.forgotten.length === 0) return;
    const plan = catalogue.settleAlerts(now, known => {
      const decided = planOf(known);
      return { plan: decided, message: newMessage(decided) };
    });
    for (const { kind, subject, sentence } of plan.raised)
      log.warn({ kind, ...(subject !== '' && { subject }), sentence }, 'alert raised');
    for (const { kind, subject, sentence } of plan.cleared)
      log.info({ kind, ...(subject !== '' && { subject }), sentence }, 'alert cleared');

    function newMessage({ news }: AlertPlan): NewMessage | null {
      if (news.length === 0) return null;
      const body = JSON.stringify(messageOf(news, { from, timeZone, now }));
      return { id: randomId(), body, channels };
    }
  };
}
