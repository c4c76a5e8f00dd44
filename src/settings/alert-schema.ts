// The settings about alerts. What a person could send somewhere else by a slip (a password over a line that others read, a
// secret in a file that is shown) is refused here.

import { z } from 'zod';
import { parseRecordSchedule } from '../domain/footage/record-schedule.ts';
import { isTimeZone } from '../domain/time-zone.ts';
import { hour, minute, oneOf, port, section, text, whole } from './setting-words.ts';

/** One line: these become headers, addresses and arguments. */
const line = (rule: string, isRight: (value: string) => boolean, description: string) =>
  z
    .string({ error: rule })
    .refine(value => value.length <= 2000 && !/\p{Cc}/u.test(value) && isRight(value), { error: rule })
    .describe(description);

const secretFile = (what: string) =>
  text(`The file whose first line is ${what}. Relative to secrets in stateDir; nobody else may read it.`)
    .nullable()
    .default(null);

const authorityFile = (whom: string) =>
  text(
    `A file with the certificate, in PEM, that ${whom} is checked against; null: the authorities that the system knows. Relative to this file.`,
  )
    .nullable()
    .default(null);

const webhook = section(
  {
    url: line(
      'an address that begins with https://, or with http:// for this machine, without a user, a password or a # in it',
      isWebhookAddress,
      'Where alerts are sent as JSON; null: nowhere. It is checked by its certificate, and redirects are not followed.',
    )
      .nullable()
      .default(null),
    secretHeader: line(
      'a name of a header',
      name => /^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(name) && !ownHeaders.has(name.toLowerCase()),
      'The header in which the secret is sent.',
    ).default('Authorization'),
    secretFile: secretFile('sent in secretHeader, as it is (`Bearer abc`); null: no secret'),
    caFile: authorityFile('the webhook'),
  },
  'Alerts as JSON over HTTPS.',
).prefault({});

const address = (description: string) =>
  line('an address of mail such as cameras@example.org', isMailAddress, description);

const email = section(
  {
    host: line(
      'a name or an address of a machine',
      name => /^[A-Za-z0-9.:-]+$/.test(name),
      'The mail server that takes alerts; null: none.',
    )
      .nullable()
      .default(null),
    port: port('Its port.').default(587),
    tls: oneOf(
      ['starttls', 'implicit', 'none'],
      'How it is encrypted. `starttls`: before anything is sent, or nothing is sent. `implicit`: from the first byte (port 465). `none`: for a mail server on this machine only.',
    ).default('starttls'),
    user: line('a user name', name => name !== '', 'Whom to log in as; null: no log-in.')
      .nullable()
      .default(null),
    passwordFile: secretFile('the password'),
    from: address('The sender.').nullable().default(null),
    to: z
      .array(address('A receiver.'), { error: 'a list of addresses of mail' })
      .max(50, 'not more than 50 addresses')
      .describe('The receivers.')
      .default([]),
    caFile: authorityFile('the mail server'),
  },
  'Alerts by mail.',
).prefault({});

const command = section(
  {
    program: line(
      'the path of a program, from the root',
      path => path.startsWith('/'),
      'A program that is run with each message, as JSON on its standard input; null: none. No shell takes part, and it gets none of our environment.',
    )
      .nullable()
      .default(null),
    arguments: z
      .array(
        line('a text', () => true, 'An argument.'),
        { error: 'a list of texts' },
      )
      .max(100, 'not more than 100 texts')
      .describe('What it is called with. Others can see that, so no secrets.')
      .default([]),
    timeoutMs: whole(
      100,
      10 * minute,
      'How long it may take, in milliseconds; then it is killed, and tried again.',
    ).default(30_000),
  },
  'Alerts to a program on this machine.',
).prefault({});

export const alertsSection = section(
  {
    repeatMs: whole(
      minute,
      366 * 24 * hour,
      'What lasts is told again after this, in milliseconds; null: never.',
    )
      .nullable()
      .default(24 * hour),
    minIntervalMs: whole(
      0,
      24 * hour,
      'The shortest time between two messages, in milliseconds; what happens in between comes as one.',
    ).default(5 * minute),
    gatherMs: whole(
      0,
      hour,
      'How long the first news waits for others, in milliseconds: one fault often has many signs.',
    ).default(45_000),
    quietHours: line(
      'hours of the day such as 22:00-07:00',
      hours => parseRecordSchedule(hours)?.kind === 'hours',
      'Hours of the day in which nothing is sent, such as 22:00-07:00; what happened comes afterwards as one message. null: none.',
    )
      .nullable()
      .default(null),
    timeZone: line(
      'a time zone such as Europe/Berlin',
      isTimeZone,
      'The zone of the quiet hours and of the times in messages; null: that of the machine.',
    )
      .nullable()
      .default(null),
    recordingStoppedAfterMs: whole(
      30_000,
      24 * hour,
      'How long a camera that is to be recorded may not be, in milliseconds.',
    ).default(2 * minute),
    certificateDays: whole(
      1,
      365,
      'How many days before its end a certificate is told. Those that clipward makes are renewed before.',
    ).default(14),
    webhook,
    email,
    command,
  },
  'What is told to people who are not looking, and how. Without a webhook, mail or command alerts are in `clipward status`, the log and the metrics only.',
)
  .check(context => {
    const { email } = context.value;
    const refuse = (key: string, message: string, input: unknown) =>
      context.issues.push({ code: 'custom', path: ['email', key], message, input });
    if (email.host !== null && email.from === null)
      refuse('from', 'an address, since email.host is set', null);
    if (email.host !== null && email.to.length === 0)
      refuse('to', 'a list with an address, since email.host is set', []);
    if (email.tls === 'none' && email.host !== null && !isLoopback(email.host))
      refuse('tls', 'starttls or implicit for a server on another machine', 'none');
    if ((email.user === null) !== (email.passwordFile === null))
      refuse('passwordFile', 'set together with email.user', email.passwordFile);
  })
  .prefault({});

const ownHeaders = new Set([
  ...['host', 'connection', 'content-length', 'content-type', 'transfer-encoding', 'upgrade', 'expect', 'te'],
  ...['trailer', 'idempotency-key', 'user-agent'],
]);

function isWebhookAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hash, hostname } = new URL(text);
  if (username !== '' || password !== '' || hash !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

function isLoopback(host: string): boolean {
  return (
    host === 'localhost' ||
    host === '::1' ||
    host === '[::1]' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
  );
}

function isMailAddress(text: string): boolean {
  return /^[^\s@<>(),;:"\\[\]]+@[A-Za-z0-9.-]+$/.test(text);
}
