// A bare FTPS client for tests: every step of the dialogue by hand, so that it can be done in the wrong order, cut short,
// or not at all. Real clients are in interop tests.

import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';

export type Reply = { code: number; text: string; lines: string[] };

/** How an upload ends: as TLS demands, with a bare FIN, or with a reset. */
export type Ending = 'close-notify' | 'fin' | 'reset';

export type DataEnd = { raw: Socket; tls: TLSSocket };

export type ConnectOptions = { host?: string; localAddress?: string; tls?: ConnectionOptions };

const replyTimeoutMs = 20_000;

export class FtpsClient {
  raw: Socket;
  socket: Socket | TLSSocket;
  tlsOptions: ConnectionOptions;
  /** The newest session that the server offered on the control connection. */
  session: Buffer | undefined;
  closed: Promise<void>;
  private text = '';
  private waiting: (() => void)[] = [];
  private isClosed = false;

  constructor(raw: Socket, tlsOptions: ConnectionOptions = {}) {
    this.raw = raw;
    this.socket = raw;
    this.tlsOptions = { rejectUnauthorized: false, ...tlsOptions };
    this.closed = new Promise(resolve => raw.once('close', () => resolve()));
    raw.on('error', () => {});
    void this.closed.then(() => {
      this.isClosed = true;
      this.wake();
    });
  }

  listen(): void {
    this.socket.on('data', chunk => {
      this.text += chunk.toString('utf8');
      this.wake();
    });
  }

  private wake(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** The next whole reply; undefined when the connection closed before one came. */
  async reply(): Promise<Reply | undefined> {
    const deadline = AbortSignal.timeout(replyTimeoutMs);
    for (;;) {
      const match = /^(\d{3}) ([^\r]*)\r\n|^(\d{3})-[\s\S]*?\r\n\3 ([^\r]*)\r\n/.exec(this.text);
      if (match) {
        this.text = this.text.slice(match[0].length);
        return {
          code: Number(match[1] ?? match[3]),
          text: (match[2] ?? match[4]) as string,
          lines: match[0].trimEnd().split('\r\n'),
        };
      }
      if (this.isClosed) return undefined;
      if (deadline.aborted) throw new Error(`no reply in time, so far: ${JSON.stringify(this.text)}`);
      await new Promise<void>(resolve => {
        this.waiting.push(resolve);
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  send(line: string | Uint8Array): void {
    this.socket.write(typeof line === 'string' ? `${line}\r\n` : line);
  }

  async command(line: string): Promise<Reply> {
    this.send(line);
    const reply = await this.reply();
    if (reply === undefined) throw new Error(`connection closed after ${line.split(' ')[0]}`);
    return reply;
  }

  /** The code alone, or `closed`. */
  async code(line: string): Promise<number | 'closed'> {
    this.send(line);
    return (await this.reply())?.code ?? 'closed';
  }

  async startTls(): Promise<void> {
    this.raw.removeAllListeners('data');
    const socket = connectTls({ socket: this.raw, ...this.tlsOptions });
    socket.on('session', session => {
      this.session = session;
    });
    socket.on('error', () => {});
    await secured(socket);
    this.socket = socket;
    this.listen();
  }

  async login(user: string, password: string): Promise<Reply> {
    await this.command(`USER ${user}`);
    return this.command(`PASS ${password}`);
  }

  /** PASV or EPSV, and the TCP connection to the port that it names, from the address of the control connection. */
  async openData(mode: 'PASV' | 'EPSV' = 'EPSV', localAddress = this.raw.localAddress): Promise<Socket> {
    const { code, text } = await this.command(mode);
    const numbers = /\((\d+,\d+,\d+,\d+),(\d+),(\d+)\)|\(\|\|\|(\d+)\|\)/.exec(text);
    if (!numbers) throw new Error(`${mode} answered ${code} ${text}`);
    const port = numbers[4] ? Number(numbers[4]) : Number(numbers[2]) * 256 + Number(numbers[3]);
    const host = this.raw.remoteAddress as string;
    const raw = connectTcp({ port, host, ...(localAddress === undefined ? {} : { localAddress }) });
    raw.on('error', () => {});
    await Promise.race([
      once(raw, 'connect'),
      once(raw, 'close').then(() => Promise.reject(new Error('data connection refused'))),
    ]);
    return raw;
  }

  async secureData(raw: Socket, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connectTls({ socket: raw, ...this.tlsOptions, ...options });
    socket.on('error', () => {});
    await secured(socket);
    return socket;
  }

  /** A whole STOR; answers the last reply. */
  async upload(
    path: string,
    bytes: Uint8Array,
    options: {
      mode?: 'PASV' | 'EPSV';
      handshake?: 'before' | 'after';
      ending?: Ending;
      tls?: ConnectionOptions;
      /** Called when the data connection is secured; what it resolves to is waited for before the bytes are sent. */
      beforeBytes?: () => Promise<unknown>;
    } = {},
  ): Promise<Reply> {
    const raw = await this.openData(options.mode);
    let tls: TLSSocket;
    if (options.handshake === 'before') {
      tls = await this.secureData(raw, options.tls);
      const first = await this.command(`STOR ${path}`);
      if (first.code !== 150) return first;
    } else {
      const first = await this.command(`STOR ${path}`);
      if (first.code !== 150) return first;
      tls = await this.secureData(raw, options.tls);
    }
    await options.beforeBytes?.();
    await endUpload({ raw, tls }, bytes, options.ending ?? 'close-notify');
    const last = await this.reply();
    raw.destroy();
    if (last === undefined) throw new Error('connection closed during STOR');
    return last;
  }

  close(): void {
    this.socket.destroy();
    this.raw.destroy();
  }
}

/** Sends the bytes and ends the connection in the given way; resolves when the kernel has taken it all. */
export async function endUpload({ raw, tls }: DataEnd, bytes: Uint8Array, ending: Ending): Promise<void> {
  if (bytes.length > 0) await new Promise<void>(resolve => tls.write(bytes, () => resolve()));
  if (ending === 'close-notify') await new Promise<void>(resolve => tls.end(() => resolve()));
  else if (ending === 'fin') raw.end();
  else raw.resetAndDestroy();
}

/** Connects to the explicit listener and reads its greeting. */
export async function connectExplicit(port: number, options: ConnectOptions = {}) {
  const client = await connectPlain(port, options);
  const greeting = await client.reply();
  if (greeting?.code !== 220) throw new Error(`greeted with ${greeting?.code ?? 'a closed connection'}`);
  return client;
}

/** Connects by TCP and reads nothing yet. */
export async function connectPlain(port: number, options: ConnectOptions = {}) {
  const { host = '127.0.0.1', localAddress, tls } = options;
  const raw = connectTcp({
    host,
    port,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  const client = new FtpsClient(raw, tls);
  client.listen();
  await once(raw, 'connect');
  return client;
}

/** Explicit, with TLS up, logged in, PBSZ and PROT given. */
export async function loginExplicit(
  port: number,
  account: { user: string; password: string },
  options: ConnectOptions = {},
): Promise<FtpsClient> {
  const client = await connectExplicit(port, options);
  await client.command('AUTH TLS');
  await client.startTls();
  const reply = await client.login(account.user, account.password);
  if (reply.code !== 230) throw new Error(`log in answered ${reply.code}`);
  await client.command('PBSZ 0');
  await client.command('PROT P');
  return client;
}

/** Implicit, greeted. */
export async function connectImplicit(port: number, options: ConnectOptions = {}) {
  const { host = '127.0.0.1', localAddress, tls } = options;
  const raw = connectTcp({
    host,
    port,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  const client = new FtpsClient(raw, tls);
  await once(raw, 'connect');
  await client.startTls();
  const greeting = await client.reply();
  if (greeting?.code !== 220) throw new Error(`greeted with ${greeting?.code ?? 'a closed connection'}`);
  return client;
}

/** Implicit, logged in; data connections are protected from the start there. */
export async function loginImplicit(
  port: number,
  account: { user: string; password: string },
  options: ConnectOptions = {},
): Promise<FtpsClient> {
  const client = await connectImplicit(port, options);
  const reply = await client.login(account.user, account.password);
  if (reply.code !== 230) throw new Error(`log in answered ${reply.code}`);
  return client;
}

function secured(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed during the handshake')));
  });
}
