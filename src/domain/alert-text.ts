// What a message about alerts says: to a program as fields, to a person as lines of text.

import type { AlertKind, AlertNews } from './alerts.ts';
import { formatInstant } from './time-zone.ts';

/** docs/alerts.md shows it. Times are ISO 8601 with offset. */
export type MessageBody = Readonly<{
  version: 1;
  at: string;
  /** The name of the machine. */
  from: string;
  isTest: boolean;
  subject: string;
  text: string;
  alerts: readonly Readonly<{
    state: AlertNews['state'];
    kind: AlertKind;
    subject: string;
    sentence: string;
    raisedAt: string;
    clearedAt: string | null;
  }>[];
  /** How many there are beyond those in `alerts`. */
  more: number;
}>;

/** Nobody reads more; the others are counted. */
export const maxAlertsInMessage = 100;

type Teller = Readonly<{ from: string; timeZone: string; now: number }>;

export function messageOf(news: readonly AlertNews[], { from, timeZone, now }: Teller): MessageBody {
  // What is wrong comes before what is right again.
  const sorted = [...news].sort((one, other) => ranks[one.state] - ranks[other.state]);
  const shown = sorted.slice(0, maxAlertsInMessage).map(({ raisedAt, clearedAt, ...each }) => ({
    ...each,
    raisedAt: formatInstant(raisedAt, timeZone),
    clearedAt: clearedAt === null ? null : formatInstant(clearedAt, timeZone),
  }));
  const more = sorted.length - shown.length;
  const lines = shown.map(lineOf);
  return {
    ...{ version: 1, at: formatInstant(now, timeZone), from, isTest: false },
    subject: subjectOf(sorted, from),
    text: [...lines, ...(more === 0 ? [] : [`And ${more} more: clipward status.`])].join('\n'),
    ...{ alerts: shown, more },
  };
}

export function testMessage({ from, timeZone, now }: Teller): MessageBody {
  return {
    ...{ version: 1, at: formatInstant(now, timeZone), from, isTest: true },
    subject: `Clipward on ${from}: a test`,
    text: 'Somebody ran clipward doctor --test-alert. Alerts would come this way.',
    ...{ alerts: [], more: 0 },
  };
}

const ranks: Readonly<Record<AlertNews['state'], number>> = { raised: 0, lasting: 1, cleared: 2 };

function subjectOf(news: readonly AlertNews[], from: string): string {
  const wrong = news.filter(({ state }) => state !== 'cleared');
  if (wrong.length === 0) return `Clipward on ${from}: right again`;
  const [first] = wrong;
  if (wrong.length > 1 || first === undefined) return `Clipward on ${from}: ${wrong.length} alerts`;
  return `Clipward on ${from}: ${first.kind}${first.subject === '' ? '' : ` ${first.subject}`}`;
}

function lineOf({ state, sentence, raisedAt, clearedAt }: MessageBody['alerts'][number]): string {
  if (state === 'cleared') return `Right again since ${clearedAt}: ${sentence} (noticed ${raisedAt})`;
  return state === 'lasting'
    ? `Still: ${sentence} (noticed ${raisedAt})`
    : `${sentence} (noticed ${raisedAt})`;
}
