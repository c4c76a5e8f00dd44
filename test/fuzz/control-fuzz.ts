// One control connection of nonsense, and what must hold all the same: every line that the receiver takes for one is
// answered exactly once, replies are well formed and say nothing that came from the client or from the machine, and a
// connection that is closed was closed for a reason that the protocol knows.

import { parseCommandLine } from '../../src/receive/command-line.ts';
import { createLineReader } from '../../src/receive/line-reader.ts';
import {
  connectExplicit,
  connectImplicit,
  type FtpsClient,
  loginExplicit,
  loginImplicit,
} from '../support/ftps-client.ts';
import { account, testLimits } from '../support/receiver.ts';
import { makeLine } from './command-lines.ts';
import type { Random } from './random.ts';
import { openReplyReader } from './reply-reader.ts';
import type { Victim } from './victim.ts';

const { maxLineBytes, maxPipelinedCommands } = testLimits;
const batchTimeoutMs = 20_000;

export type Stage = 'plain' | 'secured' | 'logged-in';
export const stages: readonly Stage[] = ['plain', 'secured', 'logged-in'];

/** Sends up to `maxLines` lines; answers how many were sent. Throws when something did not hold. */
export async function fuzzControl(
  victim: Pick<Victim, 'explicitPort' | 'implicitPort'>,
  random: Random,
  stage: Stage,
  maxLines: number,
): Promise<number> {
  const client = await connectAt(victim, random, stage);
  try {
    const dialogue = openDialogue(client);
    let sent = 0;
    while (sent < maxLines && !dialogue.isClosed()) {
      // Now and then more than may be pipelined.
      const count = 1 + random.below(random.oneIn(100) ? 3 * maxPipelinedCommands : maxPipelinedCommands - 4);
      const lines = Array.from({ length: count }, () => makeLine(random, maxLineBytes));
      sent += count;
      if (!(await dialogue.exchange(random, Buffer.concat(lines), stage))) break;
    }
    if (random.oneIn(3)) client.raw.resetAndDestroy();
    return sent;
  } finally {
    client.close();
  }
}

function connectAt(
  { explicitPort, implicitPort }: Pick<Victim, 'explicitPort' | 'implicitPort'>,
  random: Random,
  stage: Stage,
): Promise<FtpsClient> {
  const isImplicit = random.oneIn(2);
  const tls = random.oneIn(2) ? { maxVersion: 'TLSv1.2' as const } : {};
  if (stage === 'plain') return connectExplicit(explicitPort);
  if (stage === 'logged-in')
    return isImplicit
      ? loginImplicit(implicitPort, account, { tls })
      : loginExplicit(explicitPort, account, { tls });
  return isImplicit ? connectImplicit(implicitPort, { tls }) : securedExplicit(explicitPort, tls);
}

async function securedExplicit(port: number, tls: object): Promise<FtpsClient> {
  const client = await connectExplicit(port, { tls });
  await client.command('AUTH TLS');
  await client.startTls();
  return client;
}

function openDialogue(client: FtpsClient) {
  const framing = createLineReader(maxLineBytes);
  const replies = openReplyReader();
  let isClosed = false;
  let isLate = false;
  let failure: unknown;
  let wake = () => {};
  client.socket.removeAllListeners('data');
  client.socket.on('data', (chunk: Buffer) => {
    try {
      replies.push(chunk);
    } catch (error) {
      failure ??= error;
    }
    wake();
  });
  void client.closed.then(() => {
    isClosed = true;
    wake();
  });

  return {
    isClosed: () => isClosed,
    /** Answers whether the connection can be used further. */
    async exchange(random: Random, bytes: Buffer, stage: Stage): Promise<boolean> {
      const { lines, tooLong } = framing.push(bytes);
      for (const segment of random.segments(bytes)) client.socket.write(segment);
      const deadline = setTimeout(() => {
        isLate = true;
        wake();
      }, batchTimeoutMs);
      while (!isClosed && !isLate && failure === undefined && (tooLong || replies.finals() < lines.length)) {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
      clearTimeout(deadline);
      const codes = replies.take();
      const complain = (what: string) =>
        new Error(
          `${what}: ${lines.length} lines, answered ${codes.join(' ')}: ${JSON.stringify(bytes.toString('latin1'))}`,
          { cause: failure },
        );
      if (failure !== undefined) throw complain(String(failure));
      if (isLate) throw complain('not every line was answered');
      if (codes.length > lines.length + 1) throw complain('answered more often than asked');
      if (isClosed && !mayClose(lines, tooLong, codes, stage)) throw complain('closed without a reason');
      // 234 was the last that is said in plain text.
      if (codes.includes(234) && random.oneIn(2)) client.socket.write(random.bytes(random.below(600)));
      return !isClosed && !codes.includes(234) && !isLastWord(codes, stage);
    },
  };
}

function mayClose(lines: Uint8Array[], tooLong: boolean, codes: number[], stage: Stage): boolean {
  const commands = lines.map(parseCommandLine);
  return (
    tooLong ||
    lines.length > maxPipelinedCommands ||
    commands.some(({ kind }) => kind === 'foreign') ||
    isLastWord(codes, stage) ||
    (stage === 'plain' && commands.some(command => command.kind === 'command' && command.verb === 'AUTH'))
  );
}

/** ABOR behind QUIT may be answered after it. In plain text 530 is a last word, too, where it was for USER. */
function isLastWord(codes: number[], stage: Stage): boolean {
  return codes.includes(221) || codes.includes(421) || (stage === 'plain' && codes.at(-1) === 530);
}
