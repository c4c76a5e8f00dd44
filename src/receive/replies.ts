// Replies on the control connection (RFC 959 4.2). The engine's own writer makes a dozen promises for each and writes a reply
// of several lines line by line; this one writes it as a whole.

import type { Socket } from 'node:net';
import { defaultReplyText, type FtpConnection } from './engine.ts';

type Line = Parameters<FtpConnection['reply']>[1];

/**
 * Takes the place of a connection's `reply`: one after the other, each to the socket that the connection has by then. Never
 * rejects: what becomes of a connection is told by its sockets. A client that does not read its replies is waited for no
 * longer than one that says nothing.
 */
export function createReplies(
  socket: () => Socket,
  { timeoutMs, onUnread }: { timeoutMs: number; onUnread(): void },
): FtpConnection['reply'] {
  let last: Promise<void> = Promise.resolve();
  return (code, ...lines) => {
    const text = replyText(code, lines);
    last = last.then(() => written(socket(), text, { timeoutMs, onUnread }));
    return last;
  };
}

/** Several lines as RFC 959 4.2 has them; a raw one stands as it is. */
export function replyText(code: number, lines: readonly (Line | undefined)[]): string {
  const all = lines.length === 0 ? [undefined] : lines;
  return all
    .map((line, index) => {
      if (typeof line === 'object') return `${line.message}\r\n`;
      return `${code}${index === all.length - 1 ? ' ' : '-'}${line || defaultReplyText(code)}\r\n`;
    })
    .join('');
}

function written(
  socket: Socket,
  text: string,
  { timeoutMs, onUnread }: { timeoutMs: number; onUnread(): void },
): Promise<void> {
  if (!socket.writable) return Promise.resolve();
  return new Promise(resolve => {
    const deadline = setTimeout(onUnread, timeoutMs);
    socket.write(text, () => {
      clearTimeout(deadline);
      resolve();
    });
  });
}
