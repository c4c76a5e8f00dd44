// What is told to people who are not looking, and when. An alert is raised while something is wrong and cleared when it is
// right again; what happened since the last message goes out as one, so that a switch that takes forty cameras along is one
// message and not forty.

export const alertKinds = [
  'camera-silent',
  'recording-stopped',
  'disk-missing',
  'disk-failed',
  'disk-nearly-full',
  'retention-unkept',
  'certificate-ends',
  'camera-banned',
  'crash-loop',
  'role-stopped',
  'chain-broken',
] as const;
export type AlertKind = (typeof alertKinds)[number];

/** Something that is wrong now. `subject`: a camera, role or certificate; '' for the installation. */
export type Condition = Readonly<{ kind: AlertKind; subject: string; sentence: string }>;

/** Instants are epoch milliseconds. */
export type Alert = Condition &
  Readonly<{ raisedAt: number; clearedAt: number | null; toldAt: number | null }>;

/** `lasting`: told before, and told again because it still lasts. */
export type AlertNews = Condition &
  Readonly<{ state: 'raised' | 'lasting' | 'cleared'; raisedAt: number; clearedAt: number | null }>;

export type AlertRules = Readonly<{
  /** What lasts is told again after this; null: never. */
  repeatMs: number | null;
  /** The first news waits so long for others. */
  gatherMs: number;
  /** Between two messages. */
  minIntervalMs: number;
  isQuietAt(epochMs: number): boolean;
}>;

export type AlertPlan = Readonly<{
  /** For the log. */
  raised: readonly Alert[];
  cleared: readonly Alert[];
  /** As they are to be stored. */
  changed: readonly Alert[];
  forgotten: readonly Alert[];
  /** Empty: there is nothing to tell now. */
  news: readonly AlertNews[];
}>;

/**
 * What becomes of the alerts, given what is wrong now. Of what `covers` denies nothing is known, and it stays as it is.
 * `canTell` false: there is no channel, so that what ends is forgotten.
 */
export function planAlerts(options: {
  known: readonly Alert[];
  conditions: readonly Condition[];
  covers(kind: AlertKind, subject: string): boolean;
  canTell: boolean;
  lastMessageAt: number | null;
  now: number;
  rules: AlertRules;
}): AlertPlan {
  const { known, covers, canTell, now } = options;
  const wrong = new Map(options.conditions.map(condition => [keyOf(condition), condition]));
  const raised: Alert[] = [];
  const cleared: Alert[] = [];
  const after = new Map<string, Alert>();
  for (const alert of known) {
    const condition = wrong.get(keyOf(alert));
    if (condition !== undefined) {
      // Back before its end was told: to the reader it never ended.
      after.set(keyOf(alert), { ...alert, sentence: condition.sentence, clearedAt: null });
    } else if (covers(alert.kind, alert.subject) && alert.clearedAt === null) {
      const ended = { ...alert, clearedAt: now };
      cleared.push(ended);
      after.set(keyOf(alert), ended);
    } else after.set(keyOf(alert), alert);
  }
  for (const [key, condition] of wrong) {
    if (after.has(key)) continue;
    const alert = { ...condition, raisedAt: now, clearedAt: null, toldAt: null };
    raised.push(alert);
    after.set(key, alert);
  }
  const news = canTell && isTimeToTell([...after.values()], options) ? newsOf(after.values(), options) : [];
  const told = new Set(news.map(keyOf));
  const isOver = (alert: Alert) => alert.clearedAt !== null && (!canTell || told.has(keyOf(alert)));
  const before = new Map(known.map(alert => [keyOf(alert), alert]));
  const kept = [...after].map(
    ([key, alert]) => [key, told.has(key) ? { ...alert, toldAt: now } : alert] as const,
  );
  return {
    raised,
    cleared,
    news,
    changed: kept.flatMap(([key, alert]) => (isOver(alert) || isSame(alert, before.get(key)) ? [] : [alert])),
    forgotten: kept.flatMap(([, alert]) => (isOver(alert) ? [alert] : [])),
  };
}

function isTimeToTell(
  alerts: readonly Alert[],
  { now, lastMessageAt, rules }: Parameters<typeof planAlerts>[0],
) {
  if (rules.isQuietAt(now)) return false;
  if (lastMessageAt !== null && elapsed(lastMessageAt, now) < rules.minIntervalMs) return false;
  const waits = alerts.flatMap(alert => {
    if (alert.clearedAt !== null)
      return [elapsed(alert.toldAt === null ? alert.raisedAt : alert.clearedAt, now)];
    return alert.toldAt === null ? [elapsed(alert.raisedAt, now)] : [];
  });
  return (
    waits.some(waitMs => waitMs >= rules.gatherMs) || alerts.some(alert => isToRepeat(alert, now, rules))
  );
}

function newsOf(alerts: Iterable<Alert>, { now, rules }: Parameters<typeof planAlerts>[0]): AlertNews[] {
  return [...alerts].flatMap((alert): AlertNews[] => {
    const { kind, subject, sentence, raisedAt, clearedAt, toldAt } = alert;
    const facts = { kind, subject, sentence, raisedAt, clearedAt };
    if (clearedAt !== null) return [{ state: 'cleared', ...facts }];
    if (toldAt === null) return [{ state: 'raised', ...facts }];
    return isToRepeat(alert, now, rules) ? [{ state: 'lasting', ...facts }] : [];
  });
}

function isToRepeat({ toldAt, clearedAt }: Alert, now: number, { repeatMs }: AlertRules): boolean {
  return clearedAt === null && toldAt !== null && repeatMs !== null && elapsed(toldAt, now) >= repeatMs;
}

/** A clock that was set back must not silence anything: what seems to come from the future was long ago. */
function elapsed(since: number, now: number): number {
  return since > now ? Number.POSITIVE_INFINITY : now - since;
}

function keyOf({ kind, subject }: Pick<Condition, 'kind' | 'subject'>): string {
  return `${kind} ${subject}`;
}

function isSame(one: Alert, other: Alert | undefined): boolean {
  return (
    other !== undefined &&
    one.sentence === other.sentence &&
    one.clearedAt === other.clearedAt &&
    one.toldAt === other.toldAt
  );
}
