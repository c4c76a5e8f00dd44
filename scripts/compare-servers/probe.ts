// What a probe is, and the steps that many of them share.

import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import {
  connectExplicit,
  endUpload,
  type FtpsClient,
  loginExplicit,
  type Reply,
} from '../../test/support/ftps-client.ts';
import { account } from '../../test/support/receiver.ts';
import type { Server } from './peers.ts';

export type Probe = {
  name: string;
  /** What may be seen, the strictest first; ours must not be further down than any other's. */
  outcomes: readonly string[];
  run(server: Server, ground: Ground): Promise<string>;
};

export type Ground = {
  /** Logged in, closed after the probe. */
  login(tls?: ConnectionOptions): Promise<FtpsClient>;
  /** TLS is up, nobody is logged in. */
  secured(tls?: ConnectionOptions): Promise<FtpsClient>;
  /** Greeted in plain text. */
  plain(localAddress?: string): Promise<FtpsClient>;
};

export function openGround(server: Server): Ground & { close(): void } {
  const clients: FtpsClient[] = [];
  const keep = (client: FtpsClient) => {
    clients.push(client);
    return client;
  };
  const secured = async (tls: ConnectionOptions = {}) => {
    const client = keep(await connectExplicit(server.port, { tls }));
    await client.command('AUTH TLS');
    await client.startTls();
    return client;
  };
  return {
    login: async (tls = {}) => keep(await loginExplicit(server.port, account, { tls })),
    secured,
    plain: async localAddress =>
      keep(await connectExplicit(server.port, localAddress === undefined ? {} : { localAddress })),
    close() {
      for (const client of clients) client.close();
    },
  };
}

export const isRefused = (code: number | 'closed') => code === 'closed' || code >= 400;

/** `closed` before anything else is said, `open` while the limit passes. */
export async function closesWithin(client: FtpsClient, limitMs: number): Promise<boolean> {
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>(resolve => {
    deadline = setTimeout(() => resolve(false), limitMs);
  });
  client.socket.resume();
  const isClosed = await Promise.race([client.closed.then(() => true), late]);
  clearTimeout(deadline);
  return isClosed;
}

/** All replies until none comes for a while; the codes, then `closed` if it was. */
export async function repliesUntilSilence(client: FtpsClient, silenceMs = 1500): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (;;) {
    let deadline: NodeJS.Timeout | undefined;
    const silence = new Promise<undefined>(resolve => {
      deadline = setTimeout(() => resolve(undefined), silenceMs);
    });
    const next = client.reply().catch(() => undefined);
    const reply = await Promise.race([next, silence]);
    clearTimeout(deadline);
    if (reply === undefined) return replies;
    replies.push(reply);
  }
}

export async function store(client: FtpsClient, path: string, bytes: Uint8Array | string): Promise<number> {
  return (await client.upload(path, Buffer.from(bytes))).code;
}

/** STOR with another verb or ending; the last code, or that of the refusal. */
export async function transfer(
  client: FtpsClient,
  line: string,
  bytes: string | Uint8Array,
  ending: 'close-notify' | 'fin',
) {
  const raw = await client.openData();
  const first = await client.command(line);
  if (first.code >= 300) {
    raw.destroy();
    return first.code;
  }
  const tls = await client.secureData(raw);
  await endUpload({ raw, tls }, Buffer.from(bytes), ending);
  const last = await client.reply();
  raw.destroy();
  return last?.code ?? 421;
}

/** What a listing or a download sends; the code when it is refused. */
export async function fetched(client: FtpsClient, line: string): Promise<{ code: number; text: string }> {
  const raw = await client.openData();
  const first = await client.command(line);
  if (first.code >= 300) {
    raw.destroy();
    return { code: first.code, text: '' };
  }
  const tls = await client.secureData(raw);
  let text = '';
  tls.on('data', chunk => {
    text += chunk;
  });
  await once(tls, 'close');
  return { code: (await client.reply())?.code ?? 421, text };
}

export async function rawConnection(port: number, localAddress?: string): Promise<Socket> {
  const raw = connectTcp({
    port,
    host: '127.0.0.1',
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  raw.on('error', () => {});
  await new Promise(resolve => {
    raw.once('connect', resolve);
    raw.once('close', resolve);
  });
  return raw;
}
