// HTTP authentication as RTSP cameras use it (RFC 7616, RFC 2617, RFC 7617). The camera may be somebody else in its place: it
// gets an answer that is worth something for this one request only, and the password itself (Basic) never unless its owner
// said so.

import { createHash, randomBytes } from 'node:crypto';

export type Credentials = Readonly<{ user: string; password: string; allowBasic: boolean }>;

export type ChallengeAnswer =
  | Readonly<{ authorization: (request: { method: string; uri: string }) => string }>
  /** Basic alone was asked for; or nothing that we know. */
  | Readonly<{ refused: 'basic' | 'unknown' }>;

/** Those of cameras are some 200 characters long. */
const maxChallengeLength = 4096;

type Digest = Readonly<{
  realm: string;
  nonce: string;
  opaque: string | undefined;
  qop: 'auth' | undefined;
  algorithm: 'md5' | 'sha256';
  /** As the camera wrote it; left out when it did not. */
  algorithmName: string | undefined;
}>;

/** Answers the strongest of the challenges (values of WWW-Authenticate). */
export function answerChallenge(challenges: readonly string[], credentials: Credentials): ChallengeAnswer {
  const digests = challenges.flatMap(each => parseDigest(each) ?? []);
  const digest = digests.find(({ algorithm }) => algorithm === 'sha256') ?? digests[0];
  if (digest) return { authorization: digestAuthorization(digest, credentials) };
  if (!challenges.some(each => /(?:^|,\s*)basic\b/i.test(each))) return { refused: 'unknown' };
  if (!credentials.allowBasic) return { refused: 'basic' };
  const encoded = Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64');
  return { authorization: () => `Basic ${encoded}` };
}

/** Undefined for what is no Digest challenge, or one that we cannot answer rightly. */
function parseDigest(challenge: string): Digest | undefined {
  // Several may stand in one header, and the parameters of another scheme behind those of this one.
  if (challenge.length > maxChallengeLength) return undefined;
  const match = /(?:^|,\s*)digest\s+(.*?)(?:,\s*[A-Za-z]+\s+[A-Za-z]+\s*=.*)?$/is.exec(challenge);
  if (!match) return undefined;
  const fields = new Map<string, string>();
  // Escapes in quoted strings are not undone but refused: no camera needs them, and they are where such parsers go wrong.
  for (const [, name = '', quoted, bare] of (match[1] as string).matchAll(
    /([A-Za-z]{1,32})\s*=\s*(?:"([^"\\]*)"|([^\s",\\]+))\s*(?:,|$)/g,
  ))
    fields.set(name.toLowerCase(), quoted ?? bare ?? '');
  const realm = fields.get('realm');
  const nonce = fields.get('nonce');
  if (realm === undefined || nonce === undefined || nonce === '') return undefined;
  const algorithmName = fields.get('algorithm');
  const algorithm = { MD5: 'md5', 'SHA-256': 'sha256' }[(algorithmName ?? 'MD5').toUpperCase()];
  const offered = fields
    .get('qop')
    ?.split(',')
    .map(each => each.trim().toLowerCase());
  if (offered !== undefined && !offered.includes('auth')) return undefined;
  if (algorithm !== 'md5' && algorithm !== 'sha256') return undefined;
  return { realm, nonce, opaque: fields.get('opaque'), qop: offered && 'auth', algorithm, algorithmName };
}

function digestAuthorization(digest: Digest, { user, password }: Credentials) {
  const { realm, nonce, opaque, qop, algorithm, algorithmName } = digest;
  const hash = (text: string) => createHash(algorithm).update(text).digest('hex');
  const secret = hash(`${user}:${realm}:${password}`);
  let count = 0;
  return ({ method, uri }: { method: string; uri: string }): string => {
    count++;
    const request = hash(`${method}:${uri}`);
    const counter = count.toString(16).padStart(8, '0');
    const own = randomBytes(8).toString('hex');
    const response = qop
      ? hash(`${secret}:${nonce}:${counter}:${own}:${qop}:${request}`)
      : hash(`${secret}:${nonce}:${request}`);
    return [
      `Digest username="${user}"`,
      `realm="${realm}"`,
      `nonce="${nonce}"`,
      `uri="${uri}"`,
      `response="${response}"`,
      ...(algorithmName === undefined ? [] : [`algorithm=${algorithmName}`]),
      ...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
      ...(qop === undefined ? [] : [`qop=${qop}`, `nc=${counter}`, `cnonce="${own}"`]),
    ].join(', ');
  };
}
