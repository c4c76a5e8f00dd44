// After the log-in: names, what is stored, the data connection.

import { randomUUID } from 'node:crypto';
import { connectExplicit } from '../../test/support/ftps-client.ts';
import { account } from '../../test/support/receiver.ts';
import type { Server } from './peers.ts';
import {
  closesWithin,
  fetched,
  isRefused,
  type Probe,
  rawConnection,
  repliesUntilSilence,
  store,
  transfer,
} from './probe.ts';

const refusedOr = (other: string) => ['refused', other] as const;
const stranger = '127.0.0.77';
const has = (server: Server, text: string) => server.stored().some(bytes => bytes.includes(text));
const newName = () => `${randomUUID()}.bin`;

/** One session stores a file, another one does something to it; whether what was stored is still there. */
function againstStored(name: string, lines: (file: string) => string[]): Probe {
  return {
    name,
    outcomes: refusedOr('done'),
    run: async (_server, { login }) => {
      const file = newName();
      await store(await login(), file, 'what was stored');
      const client = await login();
      let isDone = false;
      for (const line of lines(file)) isDone = !isRefused(await client.code(line));
      return isDone ? 'done' : 'refused';
    },
  };
}

/** Refused by each of the commands. */
function allRefused(name: string, lines: readonly (string | Buffer)[]): Probe {
  return {
    name,
    outcomes: refusedOr('accepted'),
    run: async (_server, { login }) => {
      for (const line of lines) {
        const client = await login();
        client.send(line);
        const codes = (await repliesUntilSilence(client, 500)).map(({ code }) => code);
        if (codes.some(code => code < 400)) return 'accepted';
      }
      return 'refused';
    },
  };
}

export const fileProbes: readonly Probe[] = [
  {
    name: 'upload, whole',
    outcomes: ['226, as it was sent', 'lost'],
    run: async (server, { login }) => {
      const content = randomUUID().repeat(3000);
      const code = await store(await login({ maxVersion: 'TLSv1.2' }), newName(), content);
      const later = await store(await login(), newName(), `${content}2`);
      const isThere = has(server, content) && has(server, `${content}2`);
      return code === 226 && later === 226 && isThere ? '226, as it was sent' : 'lost';
    },
  },
  ...(['TLSv1.2', 'TLSv1.3'] as const).map(
    (version): Probe => ({
      name: `upload that ends without close_notify, ${version}`,
      outcomes: ['refused, kept as cut', 'refused', '226'],
      run: async (server, { login }) => {
        const content = randomUUID().repeat(500);
        const code = await transfer(
          await login({ maxVersion: version }),
          `STOR ${newName()}`,
          content,
          'fin',
        );
        if (code === 226) return '226';
        return has(server, content) ? 'refused, kept as cut' : 'refused';
      },
    }),
  ),
  {
    name: 'whole JPEG that ends without close_notify',
    outcomes: ['refused, kept as cut', 'refused', '226'],
    run: async (server, { login }) => {
      const comment = randomUUID();
      const length = Buffer.of(0, comment.length + 2);
      const parts = [Buffer.of(0xff, 0xd8, 0xff, 0xfe), length, Buffer.from(comment), Buffer.of(0xff, 0xd9)];
      const line = `STOR ${randomUUID()}.jpg`;
      const code = await transfer(await login(), line, Buffer.concat(parts), 'fin');
      if (code === 226) return '226';
      return has(server, comment) ? 'refused, kept as cut' : 'refused';
    },
  },
  {
    name: 'STOR to a name that exists',
    outcomes: ['both are kept', 'refused', 'overwritten'],
    run: async (server, { login }) => {
      const [file, first, second] = [newName(), randomUUID(), randomUUID()];
      await store(await login(), file, first);
      await store(await login(), file, second);
      if (!has(server, first)) return 'overwritten';
      return has(server, second) ? 'both are kept' : 'refused';
    },
  },
  {
    name: 'APPE to a stored file',
    outcomes: refusedOr('appended'),
    run: async (_server, { login }) => {
      const file = newName();
      await store(await login(), file, 'what was stored');
      return isRefused(await transfer(await login(), `APPE ${file}`, 'more', 'close-notify'))
        ? 'refused'
        : 'appended';
    },
  },
  {
    name: 'REST into a stored file, then STOR',
    outcomes: ['left as it was', 'written into'],
    run: async (server, { login }) => {
      const [file, content] = [newName(), randomUUID()];
      await store(await login(), file, content);
      const client = await login();
      const rest = await client.code('REST 5');
      if (isRefused(rest)) return 'left as it was';
      await transfer(client, `STOR ${file}`, 'XXXXX', 'close-notify');
      return has(server, content) ? 'left as it was' : 'written into';
    },
  },
  {
    name: 'RETR of a stored file',
    outcomes: refusedOr('sent'),
    run: async (_server, { login }) => {
      const file = newName();
      await store(await login(), file, 'what was stored');
      return (await fetched(await login(), `RETR ${file}`)).text === '' ? 'refused' : 'sent';
    },
  },
  againstStored('DELE of another session’s file', file => [`DELE ${file}`]),
  againstStored('RNFR and RNTO of another session’s file', file => [`RNFR ${file}`, `RNTO ${newName()}`]),
  againstStored('SIZE of another session’s file', file => [`SIZE ${file}`]),
  againstStored('time of a stored file set with MDTM', file => [`MDTM 20200101000000 ${file}`]),
  againstStored('time of a stored file set with MFMT', file => [`MFMT 20200101000000 ${file}`]),
  {
    name: 'names of other sessions’ files in LIST',
    outcomes: ['not shown', 'shown'],
    run: async (_server, { login }) => {
      const file = newName();
      await store(await login(), file, 'x');
      return (await fetched(await login(), 'LIST')).text.includes(file) ? 'shown' : 'not shown';
    },
  },
  {
    name: 'patterns in LIST',
    outcomes: ['none', 'expanded'],
    run: async (_server, { login }) => {
      const client = await login();
      const file = newName();
      await store(client, file, 'x');
      for (const line of [`LIST ${file.slice(0, 8)}*`, `NLST ${file.slice(0, 8)}?*`, 'LIST {a,*}'])
        if ((await fetched(client, line)).text.includes(file)) return 'expanded';
      return 'none';
    },
  },
  {
    name: 'owners in LIST',
    outcomes: ['fixed words', 'real'],
    run: async (_server, { login }) => {
      const client = await login();
      await store(client, newName(), 'x');
      const { text } = await fetched(client, 'LIST');
      return /nobody|65534|nogroup/.test(text) ? 'real' : 'fixed words';
    },
  },
  {
    name: 'STAT / on the control connection',
    outcomes: ['refused', 'lists'],
    run: async (_server, { login }) =>
      isRefused(await (await login()).code('STAT /')) ? 'refused' : 'lists',
  },
  allRefused('SITE CHMOD, EXEC, UTIME, HELP', [
    'SITE CHMOD 777 x',
    'SITE EXEC id',
    'SITE UTIME x',
    'SITE HELP',
  ]),
  allRefused('control characters in names (ESC, NUL, bare LF, bare CR, DEL)', [
    Buffer.from('MKD a\x1b[2Jb\r\n'),
    Buffer.from('MKD a\0b\r\n'),
    Buffer.from('MKD a\nb\r\n'),
    Buffer.from('MKD a\rb\r\n'),
    Buffer.from('MKD a\x7fb\r\n'),
  ]),
  allRefused('names that are not UTF-8', [
    Buffer.concat([Buffer.from('MKD '), Buffer.from([0xc3, 0x28]), Buffer.from('\r\n')]),
  ]),
  {
    name: 'dot-files (.htaccess)',
    outcomes: refusedOr('stored'),
    run: async (_server, { login }) =>
      isRefused(await transfer(await login(), 'STOR .htaccess', 'x', 'close-notify')) ? 'refused' : 'stored',
  },
  {
    name: 'path out of the root (../../, CWD ..)',
    outcomes: ['stays inside', 'leaves'],
    run: async (server, { login }) => {
      const client = await login();
      await client.code('CWD ../../..');
      const { text } = await client.command('PWD');
      const content = randomUUID();
      const code = await transfer(client, `STOR ../../../${newName()}`, content, 'close-notify');
      const isInside = text.startsWith('"/"') && (isRefused(code) || has(server, content));
      return isInside ? 'stays inside' : 'leaves';
    },
  },
  {
    name: 'symbolic link in the account’s directory',
    outcomes: ['there can be none', 'not followed', 'written through'],
    run: async (server, { login }) => {
      if (!server.plantLink()) return 'there can be none';
      await transfer(await login(), 'STOR link', 'through the link', 'close-notify');
      return server.readLinkTarget() === 'before' ? 'not followed' : 'written through';
    },
  },
  {
    name: 'PROT C',
    outcomes: refusedOr('accepted'),
    run: async (_server, { login }) =>
      isRefused(await (await login()).code('PROT C')) ? 'refused' : 'accepted',
  },
  ...['', 'PROT C'].map(
    (line): Probe => ({
      name: line === '' ? 'plaintext upload without PROT' : 'plaintext upload after PROT C',
      outcomes: refusedOr('stored'),
      run: async (server, { secured }) => {
        const client = await secured();
        await client.login(account.user, account.password);
        if (line !== '') for (const each of ['PBSZ 0', line]) await client.code(each);
        const raw = await client.openData();
        const content = randomUUID();
        client.send(`STOR ${newName()}`);
        raw.end(content);
        const codes = (await repliesUntilSilence(client)).map(({ code }) => code);
        return codes.includes(226) || has(server, content) ? 'stored' : 'refused';
      },
    }),
  ),
  {
    name: 'plain text on the data connection after PROT P',
    outcomes: refusedOr('accepted'),
    run: async (_server, { login }) => {
      const client = await login();
      const raw = await client.openData();
      client.send(`STOR ${newName()}`);
      raw.end('in plain text');
      const codes = (await repliesUntilSilence(client)).map(({ code }) => code);
      return codes.includes(226) ? 'accepted' : 'refused';
    },
  },
  {
    name: 'stranger connects to the data port first',
    outcomes: ['the upload goes on', 'the upload fails', 'is served'],
    run: async (server, { login }) => {
      const client = await login();
      const { text } = await client.command('EPSV');
      const port = Number(/\|\|\|(\d+)\|/.exec(text)?.[1]);
      const other = await rawConnection(port, stranger);
      const mine = await rawConnection(port);
      const content = randomUUID();
      client.send(`STOR ${newName()}`);
      const first = await client.reply();
      const work = async () => {
        if (first === undefined || first.code >= 300 || mine.destroyed) return false;
        const tls = await client.secureData(mine);
        await new Promise<void>(resolve => tls.end(content, () => resolve()));
        return (await client.reply())?.code === 226;
      };
      let deadline: NodeJS.Timeout | undefined;
      const late = new Promise<boolean>(resolve => {
        deadline = setTimeout(() => resolve(false), 8000);
      });
      const isDone = await Promise.race([work().catch(() => false), late]);
      clearTimeout(deadline);
      for (const socket of [other, mine]) socket.destroy();
      return isDone && has(server, content) ? 'the upload goes on' : 'the upload fails';
    },
  },
  {
    name: 'PASV address and ports',
    outcomes: ['own address, in range, not in a row', 'own address, in a row', 'elsewhere'],
    run: async (server, { login }) => {
      const client = await login();
      const ports: number[] = [];
      for (let each = 0; each < 8; each++) {
        const { text } = await client.command('PASV');
        const numbers = /(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)/.exec(text)?.slice(1).map(Number) ?? [];
        if (numbers.slice(0, 4).join('.') !== '127.0.0.1') return 'elsewhere';
        ports.push((numbers[4] as number) * 256 + (numbers[5] as number));
      }
      const { minPort, maxPort } = server.passive;
      if (ports.some(port => port < minPort || port > maxPort)) return 'elsewhere';
      const isInARow = ports.slice(1).every((port, at) => Math.abs(port - (ports[at] as number)) <= 1);
      return isInARow ? 'own address, in a row' : 'own address, in range, not in a row';
    },
  },
  {
    name: 'PASV after EPSV ALL',
    outcomes: refusedOr('accepted'),
    run: async (_server, { login }) => {
      const client = await login();
      await client.code('EPSV ALL');
      return isRefused(await client.code('PASV')) ? 'refused' : 'accepted';
    },
  },
  {
    name: 'connections from one address above 20',
    outcomes: refusedOr('accepted'),
    run: async (server, { plain }) => {
      const address = '127.0.0.99';
      for (let each = 0; each < 20; each++) await plain(address);
      try {
        const one = await connectExplicit(server.port, { localAddress: address });
        const isClosed = await closesWithin(one, 1000);
        one.close();
        return isClosed ? 'refused' : 'accepted';
      } catch {
        return 'refused';
      }
    },
  },
];
