// What the receiver saw, in sentences for the person in front of a stubborn camera: what happened, what it means, what to
// do. Texts of clients are among the facts, so a printer must escape the result.

import { counted } from '../domain/counted.ts';
import type { LoginRefusal, SessionEvent } from '../domain/session-event.ts';
import { formatBytes } from './table.ts';

/** The camera that is asked about, and the address that the event belongs to. */
export type About = Readonly<{ camera: string; address: string; listener: string }>;

export function explainEvent(event: SessionEvent, about: About): string {
  switch (event.kind) {
    case 'connected':
      return `Connected to the ${about.listener} FTPS port.`;
    case 'turned-away':
      return turnedAwayText(event.reason, about);
    case 'secured':
      return `TLS is up on the control connection: ${event.protocol}, ${event.cipher}${event.alpn === null ? '' : `, ALPN ${event.alpn}`}.`;
    case 'handshake-failed':
      return `The TLS handshake failed (${event.error}). ${handshakeHint(event.error, about)}`;
    case 'not-ftp':
      return event.isTls
        ? 'Began with a TLS handshake, but this is the explicit port, which begins in plain text: set the camera to explicit FTPS (AUTH TLS), or to the implicit port.'
        : 'Spoke another protocol than FTP, and was closed: look which program at this address connects here.';
    case 'plaintext-login':
      return 'Sent a log-in without TLS, and was refused before the password: switch FTPS (explicit TLS, also FTPES or AUTH TLS) on in the camera; if it has no such setting, it cannot do FTPS.';
    case 'command':
      return event.path === null ? `Sent ${event.verb}.` : `Sent ${event.verb} /${event.path}`;
    case 'refused':
      return refusedText(event);
    case 'login-refused':
      return loginText(event.user, event.why, about);
    case 'logged-in':
      return event.weakPassword
        ? `Logged in: user name and password are right. But everybody tries such a password first: clipward camera passwd ${about.camera}`
        : 'Logged in: user name and password are right.';
    case 'passive':
      return event.mode === 'PASV'
        ? `Waits for the data connection (PASV) on ${event.address} port ${event.port}.`
        : `Waits for the data connection (EPSV) on port ${event.port}.`;
    case 'stranger':
      return `A data connection came from ${event.address ?? 'an unknown address'} instead of ${about.address}, and was closed: both connections of a camera must come from the same address. Look whether NAT or a proxy stands between.`;
    case 'data-secured':
      return `The data connection came, and is secured: ${event.protocol}, ${event.isBound ? 'resumed from the control connection' : 'a TLS session of its own'}, handshake ${event.handshake === 'before' ? 'before' : 'after'} 150.`;
    case 'uploaded':
      return uploadedText(event);
    case 'closed':
      if (event.reply === null) return 'The client closed the connection.';
      return `Closed with ${event.reply} "${event.text}".`;
    case 'watching':
      return `Watching ${about.camera}.`;
    case 'other-camera':
      return `That was ${event.name}, another camera, which has logged in; it is not shown any further.`;
    case 'skipped':
      return `${counted(event.events, 'more event')} came too quickly to be shown.`;
    default:
      return `Something happened that this version has no words for (${String((event as { kind: unknown }).kind)}).`;
  }
}

function turnedAwayText(reason: string, { camera, address }: About): string {
  switch (reason) {
    case 'address':
      return `A connection from ${address} was closed at once, since the address is not in the global list: clipward network add ${address}`;
    case 'banned':
      return `A connection from ${address} was closed at once, since the address is banned for a while: clipward ban clear ${address}`;
    case 'address-full':
      return `A connection from ${address} was refused, since this address has too many open: does the camera leave old ones open, or stand many cameras behind one address (ftps.limits.maxConnectionsPerAddress)?`;
    default:
      return `A connection from ${address} was refused, since the server has too many open (${reason}): clipward doctor, and see that ${camera} gets its turn.`;
  }
}

function handshakeHint(error: string, { listener }: About): string {
  if (/UNKNOWN_CA|CERTIFICATE|BAD_CERT/.test(error))
    return 'The camera checks the certificate and does not trust it: give it ca.crt (clipward camera add shows where it is), or switch the check off.';
  if (/WRONG_VERSION|HTTP_REQUEST|UNEXPECTED_MESSAGE|PACKET_LENGTH/.test(error))
    return listener === 'implicit'
      ? 'What came was not TLS: the camera is set to plain FTP or explicit FTPS, but this is the implicit port.'
      : 'What came was not TLS.';
  if (/UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|VERSION_TOO_LOW/.test(error))
    return 'The camera offers only TLS versions that are no longer safe: look for newer firmware.';
  if (/NO_SHARED_CIPHER|HANDSHAKE_FAILURE/.test(error))
    return 'Camera and server have no cipher in common: look for newer firmware.';
  if (/APPLICATION_PROTOCOL/.test(error)) return 'It asked for another protocol than FTP (ALPN).';
  if (error === 'timeout') return 'The camera never finished it: something between may swallow packets.';
  return 'The camera went away during it: it may not accept the certificate, or not know our TLS versions.';
}

function loginText(user: string, why: LoginRefusal, { camera, address }: About): string {
  const name = JSON.stringify(user);
  switch (why) {
    case 'unknown-user':
      return `Log-in refused: there is no user ${name}. The user name of this camera is ${camera}, exactly so.`;
    case 'password':
      return `Log-in refused: wrong password for ${name}. Type it again, or make a new one: clipward camera passwd ${user === camera ? camera : 'NAME'}. Some cameras cut long passwords or refuse signs without a word.`;
    case 'disabled':
      return `Log-in refused: the camera ${name} is disabled: clipward camera enable ${camera}`;
    case 'network':
      return `Log-in refused: user and password are right, but ${name} may not log in from ${address}: clipward camera allow ${camera} ${address}`;
    case 'connections':
      return `Log-in refused: ${name} has too many connections open already. Wait until old ones end, or raise ftps.limits.maxConnectionsPerCamera.`;
    case 'busy':
      return 'Log-in refused for the moment: too many others wait for theirs. The camera should try again.';
    default:
      return `Log-in refused for a while after too many wrong ones from ${address}: mend the camera, then clipward ban clear ${address}`;
  }
}

function refusedText({ verb, reply, text, why }: Extract<SessionEvent, { kind: 'refused' }>): string {
  const what = `${verb ?? 'The transfer'} was answered ${reply} "${text}"`;
  const hint = refusalHint(reply, why, verb);
  return hint === undefined ? what : `${what} ${hint}`;
}

function refusalHint(reply: number, why: string | null, verb: string | null): string | undefined {
  if (why === 'nobody-connected')
    return 'The camera never opened the data connection: a firewall may block the passive ports (ftps.passive.minPort to maxPort), or the address that PASV told is wrong for it (ftps.passive.address).';
  if (why === 'no-port')
    return 'All passive ports are in use: widen ftps.passive.minPort to maxPort, in the firewall too.';
  if (why === 'not-resumed')
    return 'This camera must resume its TLS session, and does not: clipward camera set NAME --require-resumption off';
  if (reply === 530 && verb !== 'PASS') return 'It must start TLS and log in first.';
  return refusalHints[reply];
}

const refusalHints: Readonly<Record<number, string>> = {
  425: 'The transfer needs PASV or EPSV first; active mode (PORT) does not exist here: set the camera to passive.',
  426: 'The data connection broke off: a weak network, or the camera gave up.',
  451: 'The disk has a problem: clipward doctor',
  452: 'There is no room now, or the disk of the archive is not there: clipward status shows the disk, clipward camera show the quotas.',
  502: 'Cameras try commands that do not exist; that is no trouble by itself. If it was PORT or EPRT: set the camera to passive mode.',
  521: 'The camera did not ask for an encrypted data connection (PROT P): look for a setting that encrypts data, too.',
  522: 'The data connection was not secured with TLS: look for a setting that encrypts data, too.',
  534: 'What weakens the encryption is refused: look for a setting that encrypts data, too.',
  550: 'It is not there; before an upload that is usual, since cameras ask before they make a directory.',
  552: 'It is larger than allowed: make clips shorter, or raise the limit.',
  553: 'The name is not allowed: no part may begin with a dot, contain a backslash or control characters, or be too long.',
};

function uploadedText(event: Extract<SessionEvent, { kind: 'uploaded' }>): string {
  const { path, bytes, completeness, closeNotify, endedBy, reply } = event;
  const size = formatBytes(bytes);
  if (reply >= 400)
    return `Upload of /${path} was answered ${reply}, after ${size} (${endedBy ?? 'refused'}). ${cutHint(endedBy)}${bytes > 0 ? ' What arrived is kept as partial.' : ''}`;
  const end = closeNotify === false ? ' It ended without close_notify.' : '';
  if (completeness === 'unproven')
    return `Stored /${path}, ${size}, answered ${reply}.${end} Nothing proves that it is whole, since its format has no end of its own.`;
  return `Stored /${path}, ${size}, answered ${reply}: it is ${completeness}.${end}`;
}

function cutHint(endedBy: string | null): string {
  switch (endedBy) {
    case 'truncated':
      return 'It ended without close_notify, and its content is not whole: the camera was cut off, or never sends close_notify (clipward camera set NAME --truncation container).';
    case 'too-large':
      return 'It is larger than ftps.limits.maxUploadBytes.';
    case 'quota':
      return 'The camera has used up its day (clipward camera set NAME --max-bytes-per-day).';
    case 'stalled':
    case 'too-slow':
      return 'Too little came for too long: a weak network.';
    case 'disk-full':
    case 'disk-error':
      return 'The disk has a problem: clipward doctor';
    default:
      return 'The connection was cut.';
  }
}
