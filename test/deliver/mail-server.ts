// A mail server that knows just enough of SMTP to take a mail: EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA. It writes down
// what it saw and whether that was encrypted.

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

export type Seen = { line: string; isSecure: boolean };

export async function startMailServer(options: {
  key: string;
  cert: string;
  offersStartTls?: boolean;
  password?: string;
  port?: number;
}) {
  const { key, cert, offersStartTls = true, password = 'opensesame' } = options;
  const secureContext = createSecureContext({ key, cert });
  const seen: Seen[] = [];
  const mails: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(raw => {
    sockets.add(raw);
    raw.on('error', () => {});
    raw.write('220 test ESMTP\r\n');
    talk(raw, raw, false);
  });
  function talk(raw: Socket, socket: Socket, isSecure: boolean): void {
    let text = '';
    let mail: string[] | undefined;
    const say = (line: string) => socket.write(`${line}\r\n`);
    const onData = (chunk: Buffer) => {
      text += chunk.toString('utf8');
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        if (mail !== undefined) {
          if (line !== '.') {
            mail.push(line);
            continue;
          }
          mails.push(mail.join('\n'));
          mail = undefined;
          say('250 taken');
          continue;
        }
        seen.push({ line, isSecure });
        const verb = line.split(' ')[0]?.toUpperCase();
        if (verb === 'EHLO')
          say(`250-test\r\n${offersStartTls && !isSecure ? '250-STARTTLS\r\n' : ''}250 AUTH PLAIN`);
        else if (verb === 'STARTTLS' && !offersStartTls) say('502 no');
        else if (verb === 'STARTTLS') {
          say('220 go on');
          socket.off('data', onData);
          const secure = new TLSSocket(raw, { isServer: true, secureContext });
          secure.on('error', () => {});
          return talk(raw, secure, true);
        } else if (verb === 'AUTH') {
          const [, given] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
            .toString()
            .split('\0')
            .slice(1);
          say(given === password ? '235 welcome' : `535 no, not ${given}`);
        } else if (verb === 'DATA') {
          mail = [];
          say('354 go on');
        } else if (verb === 'QUIT') {
          say('221 bye');
          socket.end();
        } else say('250 fine');
      }
    };
    socket.on('data', onData);
  }
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    seen,
    mails,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
