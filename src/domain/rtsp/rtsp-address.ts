// The address of a camera's stream, as a person types it: parsed and judged before anything else sees it, since parts of it
// go into requests to the camera and into what people read. A password in it is refused: it would stand in the shell's history
// and in the process list, and addresses are shown.

import { isIP } from 'node:net';

export type RtspAddress = Readonly<{
  isTls: boolean;
  /** A name or an address, without brackets. */
  host: string;
  port: number;
  /** The account at the camera; null when it asks for none. */
  user: string | null;
  /** From the first slash, with the query; printable ASCII without quotes. */
  path: string;
}>;

/** Longer ones are no camera's, and requests carry them. */
const maxAddressBytes = 1024;
const form = /^(rtsps?):\/\/(?:([^@/?#]*)@)?(\[[^\]@/]+\]|[^:@/?#[\]]+)(?::(\d{1,5}))?([/?][^#]*)?$/i;
/** What may stand in a request line and between the quotes of a Digest answer (RFC 3986 without its quotes and brackets). */
const plainText = /^[A-Za-z0-9\-._~:/?@!$&'()*+,;=%]*$/;
/** `?user=admin&password=secret`, as some makers' manuals have it; one that is empty gives nothing away. */
const passwordInPath = /(?:^|[/?&;_])(?:user_?)?(?:password|passwd|pass|pwd|psw)=[^&;/_]/i;
const hostName =
  /^[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?)*\.?$/;

/** RFC 2326 and RFC 7826 (rtsps). */
const standardPorts = { rtsp: 554, rtsps: 322 } as const;

export type ParsedAddress = Readonly<
  { address: RtspAddress } | { address: null; problem: RtspAddressProblem }
>;
export type RtspAddressProblem = 'form' | 'characters' | 'password' | 'host' | 'port' | 'user' | 'length';

/** Takes `rtsp://[user@]host[:port]/path` apart. */
export function parseRtspAddress(text: string): ParsedAddress {
  const refuse = (problem: RtspAddressProblem): ParsedAddress => ({ address: null, problem });
  if (Buffer.byteLength(text) > maxAddressBytes) return refuse('length');
  if (/[\u0000-\u0020\u007f-\uffff"<>\\^`{|}#]/.test(text)) return refuse('characters');
  const match = form.exec(text);
  if (!match) return refuse('form');
  const [, scheme = '', userInfo, bracketed = '', portText, path = '/'] = match;
  if (userInfo?.includes(':')) return refuse('password');
  const isTls = scheme.toLowerCase() === 'rtsps';
  const host = bracketed.replace(/^\[|\]$/g, '');
  const isAddress = isIP(host) !== 0 && (isIP(host) === 6) === bracketed.startsWith('[');
  // Digits and dots that are no IPv4 address would be looked up as a name, or read as an address that nobody typed.
  const isName =
    !bracketed.startsWith('[') && hostName.test(host) && !/^[\d.]+$/.test(host) && host.length <= 253;
  if (!isAddress && !isName) return refuse('host');
  const port = portText === undefined ? standardPorts[isTls ? 'rtsps' : 'rtsp'] : Number(portText);
  if (port < 1 || port > 65_535) return refuse('port');
  const user = userInfo === undefined || userInfo === '' ? null : decoded(userInfo);
  if (user === undefined) return refuse('user');
  if (!plainText.test(path)) return refuse('characters');
  if (passwordInPath.test(path)) return refuse('password');
  return { address: { isTls, host, port, user, path: path.startsWith('/') ? path : `/${path}` } };
}

/** Percent-encoding undone; undefined for what no camera's account can be named. */
function decoded(userInfo: string): string | undefined {
  try {
    const user = decodeURIComponent(userInfo);
    // Quotes, backslashes and control characters would end the quoted string of a Digest answer early; a colon its hash.
    return /^[\u0021\u0023-\u0039\u003b-\u005b\u005d-\u007e]{1,64}$/.test(user) ? user : undefined;
  } catch {
    return undefined;
  }
}

/** The address as it stands in requests and is shown: without the user, which goes into the answer to a challenge only. */
export function requestUri({ isTls, host, port, path }: RtspAddress): string {
  const name = isIP(host) === 6 ? `[${host}]` : host;
  const standard = standardPorts[isTls ? 'rtsps' : 'rtsp'];
  return `${isTls ? 'rtsps' : 'rtsp'}://${name}${port === standard ? '' : `:${port}`}${path}`;
}
