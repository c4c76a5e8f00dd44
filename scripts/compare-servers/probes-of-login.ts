// Before and around the log-in: plain text, TLS, passwords, other protocols, the parser.

import { once } from 'node:events';
import { createServer } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { account } from '../../test/support/receiver.ts';
import { closesWithin, isRefused, type Probe, rawConnection, repliesUntilSilence } from './probe.ts';

const handshakeLimitMs = 13_000;
const loginLimitMs = 40_000;
const shortMs = 3000;
const refusedOr = (other: string) => ['refused', other] as const;

export const loginProbes: readonly Probe[] = [
  {
    name: 'greeting',
    outcomes: ['names nothing', 'names itself'],
    run: async ({ port }) => {
      const raw = await rawConnection(port);
      const [chunk] = await once(raw, 'data');
      raw.destroy();
      return /vsftpd|pure|clipward|\d\.\d/i.test(String(chunk)) ? 'names itself' : 'names nothing';
    },
  },
  {
    name: 'USER in plain text',
    outcomes: ['refused, closed', 'refused', 'asks for the password'],
    run: async (_server, { plain }) => {
      const client = await plain();
      const code = await client.code(`USER ${account.user}`);
      if (code === 331) return 'asks for the password';
      return (await closesWithin(client, shortMs)) ? 'refused, closed' : 'refused';
    },
  },
  {
    name: 'PASS in plain text',
    outcomes: ['refused, closed', 'refused', 'logged in'],
    run: async (_server, { plain }) => {
      const client = await plain();
      client.send(Buffer.from(`USER ${account.user}\r\nPASS ${account.password}\r\n`));
      const replies = await repliesUntilSilence(client);
      if (replies.some(({ code }) => code === 230)) return 'logged in';
      return (await closesWithin(client, shortMs)) ? 'refused, closed' : 'refused';
    },
  },
  {
    name: 'command behind AUTH TLS in one segment',
    outcomes: ['closed', 'thrown away', 'answered inside TLS'],
    run: async (_server, { plain }) => {
      const client = await plain();
      client.send(Buffer.from('AUTH TLS\r\nFEAT\r\n'));
      const reply = await client.reply();
      if (reply === undefined) return 'closed';
      try {
        await client.startTls();
      } catch {
        return 'closed';
      }
      const first = await client.code('NOOP');
      return first === 211 ? 'answered inside TLS' : 'thrown away';
    },
  },
  {
    name: '64 KiB of garbage instead of a handshake',
    outcomes: ['closed', 'left open'],
    run: async (_server, { plain }) => {
      const client = await plain();
      await client.command('AUTH TLS');
      client.raw.write(Buffer.alloc(65_536, 0x41));
      return (await closesWithin(client, shortMs)) ? 'closed' : 'left open';
    },
  },
  {
    name: 'handshake that never comes, 13 s',
    outcomes: ['closed', 'left open'],
    run: async (_server, { plain }) => {
      const client = await plain();
      await client.command('AUTH TLS');
      return (await closesWithin(client, handshakeLimitMs)) ? 'closed' : 'left open';
    },
  },
  {
    name: 'no log-in for 40 s',
    outcomes: ['closed', 'left open'],
    run: async (_server, { plain }) =>
      (await closesWithin(await plain(), loginLimitMs)) ? 'closed' : 'left open',
  },
  ...tlsProbe('TLS 1.0', { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  ...tlsProbe('TLS 1.1', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  ...tlsProbe('no forward secrecy (AES256-GCM-SHA384)', {
    maxVersion: 'TLSv1.2',
    ciphers: 'AES256-GCM-SHA384',
  }),
  ...tlsProbe('CBC (ECDHE-RSA-AES256-SHA384)', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES256-SHA384' }),
  ...tlsProbe('anonymous and NULL ciphers', { maxVersion: 'TLSv1.2', ciphers: 'aNULL:eNULL:@SECLEVEL=0' }),
  ...tlsProbe('ALPN http/1.1', { ALPNProtocols: ['http/1.1'] }),
  {
    name: 'TLS 1.2 renegotiation',
    outcomes: refusedOr('accepted'),
    run: async (_server, { secured }) => {
      const client = await secured({ maxVersion: 'TLSv1.2' });
      const socket = client.socket as TLSSocket;
      const isDone = await new Promise<boolean>(resolve => {
        const deadline = setTimeout(() => resolve(false), shortMs);
        socket.once('close', () => resolve(false));
        socket.once('error', () => resolve(false));
        socket.renegotiate({}, error => {
          clearTimeout(deadline);
          resolve(error === null);
        });
      });
      return isDone ? 'accepted' : 'refused';
    },
  },
  {
    name: 'time until a wrong password is answered',
    outcomes: ['1 s or more', 'less than 1 s'],
    run: async (_server, { secured }) => {
      const client = await secured();
      await client.command(`USER ${account.user}`);
      const startedAtMs = performance.now();
      await client.code('PASS wrong');
      return performance.now() - startedAtMs >= 990 ? '1 s or more' : 'less than 1 s';
    },
  },
  {
    name: 'wrong passwords on one connection',
    outcomes: ['at most 3', 'more than 3'],
    run: async (_server, { secured }) => {
      const client = await secured();
      for (let attempt = 1; attempt <= 3; attempt++) {
        await client.code(`USER ${account.user}`);
        await client.code(`PASS wrong${attempt}`);
      }
      return (await closesWithin(client, shortMs)) ? 'at most 3' : 'more than 3';
    },
  },
  {
    name: 'unknown user and wrong password',
    outcomes: ['alike', 'told apart'],
    run: async (_server, { secured }) => {
      const answers = await Promise.all(
        [account.user, 'no-such-camera'].map(async name => {
          const client = await secured();
          const { code: asked, text } = await client.command(`USER ${name}`);
          const { code, text: refusal } = await client.command('PASS wrong');
          return `${asked} ${text.replace(name, '')} ${code} ${refusal}`;
        }),
      );
      return answers[0] === answers[1] ? 'alike' : 'told apart';
    },
  },
  {
    name: 'anonymous, ftp, root, no name',
    outcomes: refusedOr('logged in'),
    run: async (_server, { secured }) => {
      for (const name of ['anonymous', 'ftp', 'root', '']) {
        const client = await secured();
        await client.code(`USER ${name}`);
        if ((await client.code('PASS a@b.example')) === 230) return 'logged in';
      }
      return 'refused';
    },
  },
  foreign(
    'HTTP request in plain text',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nNOOP\r\n',
    'plain',
  ),
  foreign('HTTP request inside TLS', 'GET / HTTP/1.1\r\nHost: x\r\n\r\nNOOP\r\n', 'secured'),
  foreign('HTTP request after log-in', 'GET / HTTP/1.1\r\nHost: x\r\n\r\nNOOP\r\n', 'login'),
  foreign('mail and SSH after log-in', 'EHLO x\r\nSSH-2.0-x\r\nNOOP\r\n', 'login'),
  {
    name: 'unknown verb',
    outcomes: ['fixed text', 'repeated in the reply'],
    run: async (_server, { secured, login }) => {
      for (const client of [await secured(), await login()]) {
        const { lines } = await client.command('ZQJX <script>');
        if (/ZQJX|script/.test(lines.join())) return 'repeated in the reply';
      }
      return 'fixed text';
    },
  },
  {
    name: 'twelve unknown verbs before log-in',
    outcomes: ['closed', 'left open'],
    run: async (_server, { secured }) => {
      const client = await secured();
      for (let each = 0; each < 12; each++) if ((await client.code('ZQJX')) === 'closed') return 'closed';
      return (await closesWithin(client, 500)) ? 'closed' : 'left open';
    },
  },
  {
    name: 'line of 20,000 bytes with a command in its tail',
    outcomes: ['closed', 'refused', 'tail was run'],
    run: async (_server, { login }) => {
      const client = await login();
      client.send(Buffer.from(`NOOP ${'x'.repeat(20_000)}\r\n`));
      const replies = await repliesUntilSilence(client);
      const wasRun = replies.some(({ code }) => code === 200);
      if (await closesWithin(client, 500)) return 'closed';
      return wasRun || replies.length > 1 ? 'tail was run' : 'refused';
    },
  },
  {
    name: 'CCC, back to plain text',
    outcomes: refusedOr('accepted'),
    run: async (_server, { login }) =>
      isRefused(await (await login()).code('CCC')) ? 'refused' : 'accepted',
  },
  {
    name: 'PORT and EPRT to another address',
    outcomes: ['refused', 'only one’s own address', 'connects anywhere'],
    run: async (_server, { login }) => {
      const listener = createServer(socket => socket.destroy()).listen(0, '127.0.0.88');
      await once(listener, 'listening');
      const { port } = listener.address() as { port: number };
      const client = await login();
      const numbers = [port >> 8, port & 0xff];
      const bounce = [
        await client.code(`PORT ${['127,0,0,88', ...numbers].join(',')}`),
        await client.code(`EPRT |1|127.0.0.88|${port}|`),
      ];
      const own = [
        await client.code(`PORT ${['127,0,0,1', ...numbers].join(',')}`),
        await client.code(`EPRT |1|127.0.0.1|${port}|`),
      ];
      listener.close();
      if (!bounce.every(isRefused)) return 'connects anywhere';
      return own.every(isRefused) ? 'refused' : 'only one’s own address';
    },
  },
];

function tlsProbe(name: string, tls: ConnectionOptions): Probe[] {
  return [
    {
      name,
      outcomes: refusedOr('accepted'),
      run: async (_server, { secured }) => {
        try {
          const client = await secured(tls);
          return (await client.code('NOOP')) === 'closed' ? 'refused' : 'accepted';
        } catch {
          return 'refused';
        }
      },
    },
  ];
}

function foreign(name: string, bytes: string, stage: 'plain' | 'secured' | 'login'): Probe {
  return {
    name,
    outcomes: ['closed', 'answered line by line'],
    run: async (_server, ground) => {
      const client = await ground[stage]();
      client.send(Buffer.from(bytes));
      await repliesUntilSilence(client, 700);
      return (await closesWithin(client, 1000)) ? 'closed' : 'answered line by line';
    },
  };
}
