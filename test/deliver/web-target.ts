// A real HTTPS server with a certificate of its own authority, that answers as it is told and remembers what it got.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';

/** A certificate for 127.0.0.1 that is its own authority, in files below the directory. */
export function makeCertificate(directory: string, name = 'target') {
  const [keyFile, certFile] = [join(directory, `${name}.key`), join(directory, `${name}.crt`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
  ];
  execFileSync('openssl', [...made, ...subject, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' });
  return { certFile, key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') };
}

export type Got = { headers: IncomingHttpHeaders; body: Record<string, unknown>; url: string };

export async function startWebTarget(
  tls: { key: string; cert: string },
  answer: RequestListener = (_request, response) => void response.end(),
  atPort = 0,
) {
  const got: Got[] = [];
  const waiting = new Set<() => void>();
  const server = createServer(tls, (request, response) => {
    void bodyOf(request).then(body => {
      got.push({ headers: request.headers, body: JSON.parse(body), url: request.url ?? '' });
      answer(request, response);
      for (const wake of waiting) wake();
    });
  });
  server.listen(atPort, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `https://127.0.0.1:${port}/hook?token=abc`,
    got,
    /** Resolves when that many requests have come. */
    requests: (count: number) =>
      new Promise<Got>(resolve => {
        const look = () => {
          if (got.length < count) return;
          waiting.delete(look);
          resolve(got[count - 1] as Got);
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}
