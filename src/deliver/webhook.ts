// A message as JSON by HTTPS. Nothing is followed and nothing is believed: what answers with 2xx has taken it.

import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { readSecretFile } from '../access/secret-file.ts';
import { errnoOf, FailedError } from '../base/errors.ts';
import type { Settings } from '../settings/settings.ts';
import { type Channel, type OutgoingMessage, sendTimeoutMs } from './channel.ts';

type WebhookSettings = Settings['alerts']['webhook'] & Readonly<{ url: string }>;

/** The schema of the settings lets plain HTTP through for this machine only. */
export function webhookChannel(settings: WebhookSettings, timeoutMs = sendTimeoutMs): Channel {
  return {
    name: 'webhook',
    async send(message, aborted) {
      const { secretHeader, secretFile, caFile } = settings;
      const headers = secretFile === null ? {} : { [secretHeader]: await readSecretFile(secretFile) };
      const ca = caFile === null ? undefined : await readAuthority(caFile);
      const signal = AbortSignal.any([aborted, AbortSignal.timeout(timeoutMs)]);
      const status = await post({ url: new URL(settings.url), message, headers, ca, signal }).catch(error => {
        throw new FailedError(`the webhook cannot be reached (${reasonOf(error, signal)})`, { cause: error });
      });
      if (status < 200 || status > 299) throw new FailedError(`the webhook answered with ${status}`);
    },
  };
}

export async function readAuthority(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(error => {
    throw new FailedError(
      `${file} cannot be read (${errnoOf(error)}): put the authority's certificate there.`,
      {
        cause: error,
      },
    );
  });
}

/** Its own connection each time: minutes or days lie between two messages. Answers the status. */
function post(options: {
  url: URL;
  message: OutgoingMessage;
  headers: Record<string, string>;
  ca: string | undefined;
  signal: AbortSignal;
}): Promise<number> {
  const { url, message, headers, ca, signal } = options;
  const body = Buffer.from(JSON.stringify(message));
  const isSecure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const request = (isSecure ? requestSecure : requestPlain)(
      url,
      {
        method: 'POST',
        agent: false,
        signal,
        headers: {
          ...headers,
          'content-type': 'application/json',
          'content-length': body.length,
          'idempotency-key': message.id,
          'user-agent': 'clipward',
        },
        ...(isSecure && { minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(ca && { ca }) }),
      },
      (response: IncomingMessage) => {
        // What it says besides is of no use, and may have no end.
        response.destroy();
        resolve(response.statusCode ?? 0);
      },
    );
    // Node hands over the connection and says nothing more, nor would the signal.
    request.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', reject);
    // Whatever else it may end with: nobody waits for ever. Does nothing after one of the others.
    request.on('close', () => reject(new FailedError('the connection was closed without an answer')));
    request.end(body);
  });
}

/** OpenSSL's and the system's words; the address may hold a token and is not repeated. */
function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted)
    return (signal.reason as Error | undefined)?.name === 'TimeoutError' ? 'no answer in time' : 'stopped';
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'connection failed';
}
