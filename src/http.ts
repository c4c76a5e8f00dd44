// Health and metrics over HTTP, for those who watch. Three addresses, only to be read, nothing secret in them; no log-in, so by
// default on this machine only. It is a small target: bodies are not read, connections are few and short.

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { Clock } from './base/clock.ts';
import { errnoOf, messageOf } from './base/errors.ts';
import type { Log } from './base/log.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import type { HealthFacts } from './inspect/health/health-facts.ts';
import { readinessOf } from './inspect/health/readiness.ts';
import type { MetricSources } from './inspect/metrics.ts';

export type HttpParts = Readonly<{
  host: string;
  port: number;
  catalogue: Pick<Catalogue, 'lookout' | 'counts' | 'alerts' | 'waitingDeliveries'>;
  clock: Pick<Clock, 'now'>;
  log: Log;
  retryMs?: number;
}>;

export type HttpServer = AsyncDisposable & Readonly<{ port(): number | null }>;

const maxConnections = 50;
const requestTimeoutMs = 5000;
/** A port that is taken must not keep footage from being recorded: it is tried again. */
const standardRetryMs = 30_000;
/** Whoever asks more often gets what was true a moment ago. */
const freshMs = 1000;

type Answer = Readonly<{ status: number; type: string; body: string }>;

/** Resolves when it listens, or could not for the first time. */
export async function startHttp(parts: HttpParts): Promise<HttpServer> {
  const { host, port, log, retryMs = standardRetryMs } = parts;
  const answers = answersOf(parts);
  const server = createServer(
    {
      maxHeaderSize: 8192,
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      keepAliveTimeout: requestTimeoutMs,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => void answer(request, response, { answers, host }).catch(() => response.destroy()),
  );
  server.maxConnections = maxConnections;
  server.maxRequestsPerSocket = 1000;
  server.on('clientError', (_error, socket) => socket.destroy());
  let isClosed = false;
  let retry: NodeJS.Timeout | undefined;
  let hasFailed = false;
  const tryToListen = async () => {
    const problem = await listenOn(server, host, port);
    if (problem === undefined) log.info({ host, port: portOf(server) }, 'health is told');
    else if (!hasFailed) log.error({ host, port, error: problem }, 'health cannot be told');
    hasFailed = problem !== undefined;
    if (hasFailed && !isClosed) retry = setTimeout(() => void tryToListen(), retryMs).unref();
  };
  await tryToListen();
  return {
    port: () => portOf(server),
    async [Symbol.asyncDispose]() {
      isClosed = true;
      clearTimeout(retry);
      server.closeAllConnections();
      if (server.listening) await new Promise(resolve => server.close(resolve));
    },
  };
}

function listenOn(server: Server, host: string, port: number): Promise<string | undefined> {
  return new Promise(resolve => {
    const failed = (error: Error) => resolve(errnoOf(error) ?? messageOf(error));
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      server.on('error', () => {});
      resolve(undefined);
    });
  });
}

function portOf(server: Server): number | null {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : null;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { answers, host }: { answers: ReturnType<typeof answersOf>; host: string },
): Promise<void> {
  const { status, type, body } = await choose(request, answers, host);
  if (response.destroyed) return;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 && { allow: 'GET, HEAD' }),
    // What was sent with it is not read.
    ...(hasBody(request) && { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function choose(
  request: IncomingMessage,
  answers: ReturnType<typeof answersOf>,
  host: string,
): Promise<Answer> {
  if (!isOurName(request.headers.host, host)) return plain(421, 'This is not the name of this machine.');
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'Only GET and HEAD.');
  const path = request.url?.split('?', 1)[0] ?? '';
  const found = Object.hasOwn(answers, path) ? answers[path as keyof typeof answers] : undefined;
  if (found === undefined) return plain(404, 'There are /healthz, /readyz and /metrics.');
  try {
    return await found();
  } catch {
    return plain(503, 'The database cannot be read.');
  }
}

/**
 * A web page that somebody on this machine looks at could reach a port of this machine under a name of its own (DNS rebinding),
 * and read what it says. Such a name is none of these; an address cannot be rebound.
 */
export function isOurName(header: string | undefined, host: string): boolean {
  if (header === undefined) return false;
  const name = /^(\[[0-9a-fA-F:.%]+\]|[^:[\]]+)(?::\d{1,5})?$/.exec(header)?.[1]?.toLowerCase();
  if (name === undefined) return false;
  const bare = name.replace(/^\[|\]$/g, '');
  return (
    isIP(bare) !== 0 || bare === 'localhost' || [host, hostname()].some(each => each.toLowerCase() === bare)
  );
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function plain(status: number, text: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}

function answersOf({ catalogue, clock }: HttpParts) {
  const version = versionOfProgram();
  const facts = () => {
    const { facts: text } = catalogue.lookout(clock.now());
    return text === null ? undefined : (JSON.parse(text) as HealthFacts);
  };
  let fresh: { at: number; answer: Promise<Answer> } | undefined;
  const metrics = () => {
    const now = clock.now();
    if (fresh === undefined || Math.abs(now - fresh.at) >= freshMs) {
      const sources = {
        facts: facts(),
        counts: catalogue.counts(),
        alerts: catalogue.alerts(),
        waiting: catalogue.waitingDeliveries(),
        version,
      };
      fresh = { at: now, answer: tellMetrics(sources) };
    }
    return fresh.answer;
  };
  const json = (status: number, value: unknown): Answer => ({
    ...{ status, type: 'application/json', body: `${JSON.stringify(value)}\n` },
  });
  return {
    // That it answers says that it runs; that it can read, that its database is there.
    '/healthz': async () => {
      catalogue.lookout(clock.now());
      return json(200, { status: 'ok' });
    },
    '/readyz': async () => {
      const readiness = readinessOf(facts(), clock.now());
      return json(readiness.ready ? 200 : 503, readiness);
    },
    '/metrics': () => metrics(),
  } satisfies Record<string, () => Promise<Answer>>;
}

/** Its library is loaded with the first question: many installations are never asked. */
async function tellMetrics(sources: MetricSources): Promise<Answer> {
  const { formatMetrics, metricsContentType } = await import('./inspect/metrics.ts');
  return { status: 200, type: metricsContentType, body: await formatMetrics(sources) };
}

function versionOfProgram(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
