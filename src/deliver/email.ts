// A message as a mail, handed to one mail server.

import { readSecretFile } from '../access/secret-file.ts';
import { FailedError } from '../base/errors.ts';
import type { Settings } from '../settings/settings.ts';
import { type Channel, sendTimeoutMs } from './channel.ts';
import { readAuthority } from './webhook.ts';

/** Far more than any server has to say. */
const maxAnswerBytes = 65_536;

type EmailSettings = Settings['alerts']['email'] & Readonly<{ host: string; from: string }>;

/** The schema of the settings lets mail without TLS through for this machine only. */
export function emailChannel(settings: EmailSettings, timeoutMs = sendTimeoutMs): Channel {
  const { host, port, tls, user, passwordFile, from, to, caFile } = settings;
  return {
    name: 'email',
    async send(message, aborted) {
      const pass = passwordFile === null ? undefined : await readSecretFile(passwordFile);
      const ca = caFile === null ? undefined : await readAuthority(caFile);
      // Loaded with the first mail: most installations send none, and it would be memory for as long as they run.
      const { createTransport } = await import('nodemailer');
      const transport = createTransport({
        ...{
          host,
          port,
          secure: tls === 'implicit',
          requireTLS: tls === 'starttls',
          ignoreTLS: tls === 'none',
        },
        ...(user !== null && pass !== undefined && { auth: { user, pass } }),
        tls: { minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(ca && { ca }) },
        ...{ connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs },
        maxResponseSize: maxAnswerBytes,
        ...{ disableFileAccess: true, disableUrlAccess: true, logger: false },
      });
      const signal = AbortSignal.any([aborted, AbortSignal.timeout(timeoutMs)]);
      const sending = transport.sendMail({
        ...{ from, to: [...to], subject: message.subject, text: message.text },
        messageId: `<${message.id}@clipward>`,
        date: new Date(message.at),
        // Whoever answers by machine (out of office) leaves these alone: RFC 3834.
        headers: { 'Auto-Submitted': 'auto-generated' },
        attachments: [],
        // Ends the connection, too: a server that talks for ever would hold one for each try.
        ...{ signal },
      });
      try {
        await Promise.race([sending, rejectionOf(signal)]);
      } catch (error) {
        throw new FailedError(`the mail server did not take the message (${reasonOf(error, signal)})`, {
          cause: error,
        });
      } finally {
        sending.catch(() => {});
        transport.close();
      }
    },
  };
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  });
}

/** The server's code, never its text: it may repeat what it was sent. */
function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'no answer in time';
  const { code, originalCode, responseCode } = (error ?? {}) as Readonly<Record<string, unknown>>;
  // `originalCode`: OpenSSL's and the system's word for what the library calls ESOCKET whatever it is.
  const words = [code, originalCode, responseCode].filter(
    word => typeof word === 'string' || typeof word === 'number',
  );
  return words.length === 0 ? 'unknown' : [...new Set(words)].join(' ');
}
