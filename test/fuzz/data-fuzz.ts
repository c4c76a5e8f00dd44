// One logged-in session that does to its data connections what it should not. Whatever that was, the session must answer
// afterwards, unless the client cut it off itself.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type FtpsClient, loginExplicit, loginImplicit, type Reply } from '../support/ftps-client.ts';
import { account } from '../support/receiver.ts';
import { marker } from './command-lines.ts';
import type { Random } from './random.ts';
import type { Victim } from './victim.ts';

type Ports = Pick<Victim, 'explicitPort' | 'implicitPort'>;
/** Answers true when it cut the control connection. */
type Attack = (client: FtpsClient, random: Random, ports: Ports) => Promise<boolean | undefined>;

const attacksPerSession = 4;
const maxUploadBytes = 600_000;
const connectTimeoutMs = 5000;
const stranger = '127.0.0.77';
/** The start of a TLS 1.2 ClientHello, well formed as far as it goes. */
const helloStart = Buffer.from('16030100a5010000a10303', 'hex');

export async function fuzzData(ports: Ports, random: Random): Promise<void> {
  if (random.oneIn(8)) return void (await knock(ports, random));
  const tls = random.oneIn(2) ? { maxVersion: 'TLSv1.2' as const } : {};
  const client = random.oneIn(2)
    ? await loginExplicit(ports.explicitPort, account, { tls })
    : await loginImplicit(ports.implicitPort, account, { tls });
  try {
    for (let round = 0; round < attacksPerSession; round++) {
      const [name, attack] = random.pick(Object.entries(attacks));
      try {
        if (await attack(client, random, ports)) return;
        await settle(client);
      } catch (error) {
        throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
      }
    }
  } finally {
    client.close();
  }
}

/** Whatever is still to be said is said, and then the session does what it is told. */
async function settle(client: FtpsClient): Promise<void> {
  client.send('ABOR');
  client.send('OPTS UTF8 ON');
  for (;;) {
    const reply = await client.reply();
    if (reply === undefined) throw new Error('the control connection was closed');
    if (reply.text === 'Names are UTF-8.') return;
  }
}

const store = (random: Random) =>
  random.pick([`STOR ${marker}.bin`, 'LIST', 'NLST', 'MLSD', `STOR ${marker}/a.mp4`, 'STOR']);
/** Waits for its first reply mostly: ABOR ends what has begun, and waits behind what has not. */
async function begin(client: FtpsClient, random: Random): Promise<void> {
  client.send(store(random));
  if (!random.oneIn(10)) await client.reply();
}
const mode = (random: Random) => random.pick(['PASV', 'EPSV'] as const);

const attacks: Record<string, Attack> = {
  async 'bytes that are not TLS'(client, random) {
    const raw = await client.openData(mode(random));
    const isBefore = random.oneIn(2);
    if (isBefore) raw.write(random.bytes(1 + random.below(2000)));
    await begin(client, random);
    if (!isBefore) raw.write(random.bytes(1 + random.below(2000)));
    end(raw, random);
  },
  async 'half a handshake'(client, random) {
    const raw = await client.openData(mode(random));
    raw.write(helloStart.subarray(0, 1 + random.below(helloStart.length)));
    if (random.oneIn(2)) await begin(client, random);
    end(raw, random);
  },
  async 'a reset before, during or after STOR'(client, random) {
    const raw = await client.openData(mode(random));
    const stage = random.below(4);
    if (stage === 0) raw.resetAndDestroy();
    const { code } = await client.command(store(random));
    if (code !== 150) return void raw.destroy();
    if (stage === 1) return void raw.resetAndDestroy();
    const tls = await shakeHands(client, raw);
    if (tls === undefined) return;
    if (stage === 3) tls.write(random.bytes(1000));
    raw.resetAndDestroy();
  },
  async 'garbage under TLS'(client, random) {
    const raw = await client.openData(mode(random));
    if ((await client.command(store(random))).code !== 150) return void raw.destroy();
    const tls = await shakeHands(client, raw);
    tls?.write(random.bytes(random.below(3000)));
    raw.write(random.bytes(1 + random.below(300)));
    end(raw, random);
  },
  async 'an upload that ends in some way'(client, random) {
    const ending = random.pick(['close-notify', 'fin', 'reset'] as const);
    const bytes = Buffer.alloc(random.pick([0, 1, random.below(5000), random.below(maxUploadBytes)]), 0x5a);
    // The same name with the same bytes a second time would rightly be taken.
    const reply = await client
      .upload(`${marker}/${randomUUID()}.bin`, bytes, { ending, handshake: random.pick(['before', 'after']) })
      .catch((error: Error) => ({ code: 0, text: error.message }) as Reply);
    const isWhole = ending === 'close-notify' && bytes.length < maxUploadBytes - 100_000;
    if (isWhole && reply.code !== 226)
      throw new Error(`a whole upload was answered ${reply.code} ${reply.text}`);
    if (ending !== 'close-notify' && bytes.length > 0 && reply.code === 226)
      throw new Error(`an upload of ${bytes.length} bytes that ended with ${ending} was answered 226`);
  },
  async 'half closed sockets'(client, random) {
    const raw = await client.openData(mode(random));
    raw.end();
    if ((await client.command(store(random))).code === 150) raw.resume();
  },
  async 'many passive ports'(client, random) {
    const count = 2 + random.below(20);
    for (let each = 0; each < count; each++) client.send(mode(random));
    for (let each = 0; each < count; each++) {
      const reply = await client.reply();
      if (reply === undefined || ![227, 229, 425].includes(reply.code))
        throw new Error(`PASV was answered ${reply?.code}`);
    }
    if (random.oneIn(2)) await begin(client, random);
  },
  async 'a connection without STOR'(client, random) {
    const raw = await client.openData(mode(random));
    if (random.oneIn(2)) await shakeHands(client, raw);
    if (random.oneIn(2)) end(raw, random);
  },
  async 'STOR without a connection'(client, random) {
    await client.command(mode(random));
    client.send(store(random));
    for (let each = random.below(10); each > 0; each--)
      client.send(random.pick(['NOOP', 'STAT', 'PWD', 'ABOR', 'PASV', store(random)]));
  },
  async 'strangers and seconds'(client, random) {
    const first = await client.openData(mode(random));
    const port = first.remotePort as number;
    for (let each = 1 + random.below(5); each > 0; each--) {
      const options = random.oneIn(2) ? { localAddress: stranger } : {};
      const other = connectTcp({ port, host: '127.0.0.1', ...options });
      other.on('error', () => {});
      if (random.oneIn(2)) other.end(random.bytes(random.below(100)));
      else other.once('connect', () => other.resetAndDestroy());
    }
    if (random.oneIn(2)) await begin(client, random);
    first.destroy();
  },
  async 'a listing that nobody reads'(client, random) {
    const raw = await client.openData(mode(random));
    if ((await client.command(random.pick(['LIST', 'NLST', 'MLSD']))).code !== 150) return void raw.destroy();
    const tls = await shakeHands(client, raw);
    tls?.pause();
    if (random.oneIn(2)) tls?.write(random.bytes(5000));
    end(raw, random);
  },
  async 'the control connection dies'(client, random) {
    const raw = await client.openData(mode(random));
    const stage = random.below(5);
    if (stage > 0) client.send(store(random));
    if (stage > 1) await client.reply();
    const tls = stage > 2 ? await shakeHands(client, raw) : undefined;
    if (stage > 3) tls?.write(random.bytes(3000));
    if (random.oneIn(2)) client.raw.resetAndDestroy();
    else client.raw.destroy();
    if (random.oneIn(2)) end(raw, random);
    else raw.destroy();
    return true;
  },
  async 'replies that nobody reads'(client, random) {
    const raw = await client.openData(mode(random));
    await begin(client, random);
    client.socket.pause();
    for (let each = 0; each < 25; each++) client.send(random.pick(['NOOP', 'STAT']));
    end(raw, random);
    client.socket.resume();
  },
};

/** Undefined when the receiver has hung up already. */
async function shakeHands(client: FtpsClient, raw: Socket): Promise<TLSSocket | undefined> {
  if (raw.destroyed) return undefined;
  return client.secureData(raw).catch(() => undefined);
}

/** A FIN, a reset, or nothing at all: then the receiver has to end it. */
function end(raw: Socket, random: Random): void {
  const how = random.below(3);
  if (how === 0) raw.end();
  else if (how === 1) raw.resetAndDestroy();
}

/** The listeners themselves: bytes, pieces of handshakes, resets and silence, without a word of FTP. */
async function knock({ explicitPort, implicitPort }: Ports, random: Random): Promise<void> {
  const raw = connectTcp({ port: random.pick([explicitPort, implicitPort]), host: '127.0.0.1' });
  raw.on('error', () => {});
  const timer = setTimeout(() => raw.destroy(), connectTimeoutMs);
  await Promise.race([once(raw, 'connect'), once(raw, 'close')]);
  clearTimeout(timer);
  const bytes = random.pick([
    Buffer.alloc(0),
    helloStart.subarray(0, 1 + random.below(helloStart.length)),
    random.bytes(1 + random.below(5000)),
    Buffer.alloc(20_000, 0x41),
    Buffer.from('USER anonymous\r\nPASS x\r\nSTOR x\r\n'),
  ]);
  for (const segment of random.segments(bytes)) raw.write(segment);
  if (random.oneIn(2)) raw.resetAndDestroy();
  else raw.end();
  raw.resume();
}
