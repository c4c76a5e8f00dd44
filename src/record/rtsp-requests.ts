// Requests to a camera, one after the other, and their answers; packets of media pass between them. Everything that the camera
// sends is bounded in size (domain/rtsp/rtsp-reader.ts) and in time.

import type { Socket } from 'node:net';
import { type RtspAddress, requestUri } from '../domain/rtsp/rtsp-address.ts';
import { createRtspReader, RtspFormatError, type RtspMessage } from '../domain/rtsp/rtsp-reader.ts';
import { answerChallenge, type ChallengeAnswer, type Credentials } from './answer-challenge.ts';
import { StreamError } from './stream-error.ts';

export type RtspRequests = Readonly<{
  /** Resolves with an answer of 200. Throws StreamError for every other end. */
  send(request: RtspRequest): Promise<RtspMessage>;
  /** Resolves, never rejects, with why the connection is over. */
  ended: Promise<StreamError>;
  /** Ends the connection. */
  close(why: StreamError): void;
}>;

export type RtspRequest = Readonly<{
  method: string;
  uri: string;
  headers?: Readonly<Record<string, string>>;
  /** The connection goes on when no answer comes: some cameras never answer what they do not know. */
  needsNoAnswer?: boolean;
}>;

const answerTimeoutMs = 5000;
const userAgent = 'clipward';
/** A camera that asks and does not read our answers would have us keep them all. */
const maxUnreadBytes = 64 * 1024;
/** What a piece of the connection, a packet or a message costs at least, however short it is. */
const leastCostBytes = 256;

export function openRtspRequests(options: {
  socket: Socket;
  /** Tells what the socket brings; the bytes are gone when it returns. */
  onBytes(receive: (bytes: Buffer) => void): void;
  address: RtspAddress;
  credentials: Credentials | null;
  /** More than this over `rateWindowMs` is no camera: bits a second. */
  maxBitsPerSecond: number;
  /** A packet of media, with its four bytes of header; to be copied by whoever keeps it. */
  onPacket(channel: number, bytes: Buffer): void;
}): RtspRequests {
  const { socket, address, credentials } = options;
  const reader = createRtspReader();
  const ended = Promise.withResolvers<StreamError>();
  let isOver = false;
  let sequence = 0;
  let waiting: { sequence: number; answer: PromiseWithResolvers<RtspMessage> } | undefined;
  let answered: Extract<ChallengeAnswer, { authorization: unknown }> | undefined;
  /** An answer of ours was taken: the password is right, and a later refusal is about the nonce. */
  let isKnown = false;
  const rate = startRateLimit(options.maxBitsPerSecond);

  const close = (why: StreamError) => {
    if (isOver) return;
    isOver = true;
    socket.destroy();
    waiting?.answer.reject(why);
    ended.resolve(why);
  };
  socket.on('error', cause => close(new StreamError('disconnected', 'the connection broke', { cause })));
  socket.on('close', () => close(new StreamError('disconnected', 'the camera closed the connection')));
  options.onBytes(bytes => {
    if (isOver) return;
    try {
      const elements = reader.push(bytes);
      if (!rate.allows(bytes.length + (elements.length + 1) * leastCostBytes))
        return close(new StreamError('flood', 'the camera sends more than record.maxBitsPerSecond'));
      for (const element of elements) {
        if (isOver) return;
        if (element.type === 'packet') options.onPacket(element.channel, element.bytes);
        else receive(element.message);
      }
    } catch (error) {
      if (!(error instanceof RtspFormatError)) throw error;
      close(new StreamError('malformed', error.message, { cause: error }));
    }
  });

  const receive = (message: RtspMessage) => {
    if (message.startLine.startsWith('RTSP/')) {
      // 100 Continue: the answer is still to come.
      if (statusOf(message) < 200) return;
      // An answer to something that we have given up waiting for, or never asked, is nobody's.
      if (waiting && message.headers.get('cseq')?.[0] === String(waiting.sequence))
        waiting.answer.resolve(message);
      return;
    }
    // REDIRECT is refused like a redirecting answer; the other requests that a camera may make are not for us.
    if (message.startLine.startsWith('REDIRECT '))
      return close(new StreamError('redirect', 'the camera sent us elsewhere'));
    const number = /^\d{1,9}$/.exec(message.headers.get('cseq')?.[0] ?? '')?.[0];
    if (number === undefined) return;
    if (socket.writableLength > maxUnreadBytes)
      return close(new StreamError('malformed', 'the camera asks and does not read the answers'));
    socket.write(`RTSP/1.0 501 Not Implemented\r\nCSeq: ${number}\r\n\r\n`);
  };

  const exchange = async ({ method, uri, headers, needsNoAnswer }: RtspRequest) => {
    if (isOver) throw await ended.promise;
    sequence++;
    const answer = Promise.withResolvers<RtspMessage>();
    answer.promise.catch(() => {});
    waiting = { sequence, answer };
    const all = {
      CSeq: String(sequence),
      'User-Agent': userAgent,
      ...(answered && { Authorization: answered.authorization({ method, uri }) }),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`${method} ${uri} RTSP/1.0\r\n${lines.join('')}\r\n`);
    const timer = setTimeout(() => {
      const late = new StreamError(
        'unreachable',
        `the camera did not answer ${method} within ${answerTimeoutMs} ms`,
      );
      if (needsNoAnswer) answer.reject(late);
      else close(late);
    }, answerTimeoutMs);
    try {
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      waiting = undefined;
    }
  };

  return {
    async send(request) {
      let message = await exchange(request);
      if (statusOf(message) === 401) {
        const challenges = message.headers.get('www-authenticate') ?? [];
        const isFirst = answered === undefined;
        // Once more with a nonce that is fresh; twice the same refusal is a wrong password, and cameras lock out who tries on.
        if (isFirst || isKnown || challenges.some(each => /\bstale\s*=\s*"?true/i.test(each))) {
          isKnown = false;
          answered = answerTo(challenges, credentials);
          message = await exchange(request);
        }
      }
      const accepted = acceptable(message, request.method);
      isKnown = answered !== undefined;
      return accepted;
    },
    ended: ended.promise,
    close,
  };

  function answerTo(challenges: readonly string[], known: Credentials | null) {
    if (known === null)
      throw new StreamError(
        'refused',
        `${requestUri(address)} asks for a user and a password, and none is set`,
      );
    const answer = answerChallenge(challenges, known);
    if ('authorization' in answer) return answer;
    throw new StreamError(
      'refused',
      answer.refused === 'basic'
        ? 'the camera asks for the password itself (Basic), which is sent only after camera set --rtsp-basic on'
        : 'the camera asks for a log-in of a kind that is not known here',
    );
  }
}

const rateWindowMs = 5000;

function startRateLimit(maxBitsPerSecond: number) {
  const allowed = (maxBitsPerSecond / 8) * (rateWindowMs / 1000);
  let bytes = 0;
  let since = performance.now();
  return {
    allows(more: number): boolean {
      bytes += more;
      if (bytes <= allowed) return true;
      const now = performance.now();
      if (now - since < rateWindowMs) return false;
      bytes = more;
      since = now;
      return true;
    },
  };
}

function acceptable(message: RtspMessage, method: string): RtspMessage {
  const status = statusOf(message);
  if (status === 200) return message;
  if (status >= 300 && status < 400) throw new StreamError('redirect', 'the camera sent us elsewhere');
  if (status === 401 || status === 403)
    throw new StreamError('refused', 'the camera refuses the user and the password');
  throw new StreamError('refused', `the camera answers ${status} to ${method}`);
}

function statusOf({ startLine }: RtspMessage): number {
  return Number(/^RTSP\/\d\.\d (\d{3})\b/.exec(startLine)?.[1] ?? 0);
}
