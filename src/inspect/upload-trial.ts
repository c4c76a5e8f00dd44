// An upload as a camera makes it, from this machine to the receiver that runs on it, and the proof that nothing is taken in
// plain text: neither a user name, nor data. The receiver throws away what comes with a pass (access/check-pass.ts).

import { randomBytes } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { errnoOf, FailedError, messageOf } from '../base/errors.ts';
import { checkVisitor } from '../domain/camera-name.ts';
import { connectClient, type FtpsClient, type Reply, secure } from './ftps-client.ts';

export type TriedListener = Readonly<{ name: 'explicit' | 'implicit'; host: string; port: number }>;

/** `step`: where it went wrong. */
export type UploadTrial = Readonly<{ protocol: string }> | Readonly<{ step: TrialStep; problem: string }>;

export type TrialStep = 'connect' | 'greeting' | 'plaintext' | 'tls' | 'log-in' | 'data' | 'upload';

const trialBytes = 1024;

/** Never rejects; what is not done within `timeoutMs` is a problem of the step that it stands at. */
export async function tryUpload(
  listener: TriedListener,
  password: string,
  timeoutMs: number,
): Promise<UploadTrial> {
  const signal = AbortSignal.timeout(timeoutMs);
  const place = { host: listener.host, port: listener.port };
  let step: TrialStep = 'connect';
  const at = (next: TrialStep) => {
    step = next;
  };
  try {
    using plain = await connectClient(place, signal);
    await (listener.name === 'explicit' ? refusesPlainLogin(plain, at) : refusesPlainWords(plain, at));
    at('connect');
    using client = await connectClient(place, signal);
    return { protocol: await upload(client, listener.name, password, at) };
  } catch (error) {
    if (signal.aborted) return { step, problem: `no answer within ${timeoutMs / 1000} s` };
    if (errnoOf(error) === 'ECONNREFUSED') return { step, problem: 'nothing listens there' };
    return { step, problem: errnoOf(error) ?? messageOf(error) };
  }
}

/** Where a listener can be reached from this machine, and what it then sees as our address. `::` takes IPv4, too. */
export function waysTo(host: string): readonly Readonly<{ host: string; from: string }>[] {
  const hosts = host === '::' ? ['127.0.0.1', '::1'] : [host === '0.0.0.0' ? '127.0.0.1' : host];
  return hosts.map(each => ({ host: each, from: isIPv4(each) ? '127.0.0.1' : '::1' }));
}

type At = (step: TrialStep) => void;

async function refusesPlainLogin(client: FtpsClient, at: At): Promise<void> {
  at('greeting');
  expectCode(await client.reply(), 220);
  at('plaintext');
  mustRefuse(await client.command(`USER ${checkVisitor}`), 'a user name in plain text was taken');
}

/** Before the handshake a server on the implicit port has no words, so that any that come are in plain text. */
async function refusesPlainWords(client: FtpsClient, at: At): Promise<void> {
  at('plaintext');
  const answer = Buffer.from(await client.provoke(`USER ${checkVisitor}\r\n`)).toString('latin1');
  if (/^\d{3}[ -]/.test(answer)) throw new FailedError('it answers in plain text');
}

async function upload(
  client: FtpsClient,
  listener: TriedListener['name'],
  password: string,
  at: At,
): Promise<string> {
  if (listener === 'explicit') {
    at('greeting');
    expectCode(await client.reply(), 220);
    at('tls');
    expectCode(await client.command('AUTH TLS'), 234);
  }
  at('tls');
  const { protocol } = await client.startTls();
  if (listener === 'implicit') {
    at('greeting');
    expectCode(await client.reply(), 220);
  }
  at('log-in');
  expectCode(await client.command(`USER ${checkVisitor}`), 331);
  expectCode(await client.command(`PASS ${password}`), 230);
  at('plaintext');
  await client.command('PBSZ 0');
  mustRefuse(await client.command('PROT C'), 'data in plain text was agreed to');
  expectCode(await client.command('PROT P'), 200);
  mustRefuse(await store(client, at, 'plain'), 'data in plain text was taken');
  at('upload');
  expectCode(await store(client, at, 'tls'), 226);
  client.command('QUIT').catch(() => {});
  return protocol;
}

/** STOR, the bytes, and the last reply. */
async function store(client: FtpsClient, at: At, kind: 'plain' | 'tls'): Promise<Reply> {
  at('data');
  const { text } = expectCode(await client.command('EPSV'), 229);
  const port = Number(/\(\|\|\|(\d{1,5})\|\)/.exec(text)?.[1]);
  if (!(port > 0 && port < 65_536)) throw new FailedError(`no port is named: ${text}`);
  const data = await client.openData(port);
  try {
    at('upload');
    expectCode(await client.command('STOR doctor.bin'), 150);
    if (kind === 'plain') at('plaintext');
    const bytes = randomBytes(trialBytes);
    if (kind === 'plain') data.end(bytes);
    else (await secure(data)).end(bytes);
    return await client.reply();
  } finally {
    data.destroy();
  }
}

function expectCode(reply: Reply, code: number): Reply {
  if (reply.code === code) return reply;
  throw new FailedError(`the answer was ${reply.code} ${reply.text}`);
}

function mustRefuse({ code }: Reply, otherwise: string): void {
  if (code < 400) throw new FailedError(otherwise);
}
