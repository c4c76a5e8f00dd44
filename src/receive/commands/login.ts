// USER and PASS. Nothing tells whether a name exists: 331 always, the same text, the same work, the same delay.

import { setTimeout as delay } from 'node:timers/promises';
import { TransientError } from '../../base/errors.ts';
import { networkMatcher } from '../../domain/networks.ts';
import { isTriedFirst } from '../../domain/weak-password.ts';
import { beginVisit } from '../check-visit.ts';
import { noteDown } from '../note-down.ts';
import { RefusedError } from '../refused-error.ts';
import type { Session } from '../session.ts';

const refusal = 'Log in failed.';

export async function user(session: Session, argument: string | null): Promise<void> {
  if (session.tls === null) return refusePlaintext(session);
  if (session.camera !== null) throw new RefusedError(503, 'Already logged in.');
  if (argument === null) throw new RefusedError(501, 'USER needs a name.');
  session.userName = argument;
  await session.connection.reply(331, 'Send the password.');
}

export async function pass(session: Session, argument: string | null): Promise<void> {
  if (session.tls === null) return refusePlaintext(session);
  if (session.camera !== null) throw new RefusedError(503, 'Already logged in.');
  if (session.userName === null) throw new RefusedError(503, 'Send USER first.');
  const { hall, connection } = session;
  const name = session.userName;
  session.userName = null;
  if (hall.checks.admits(session.peer.address, name, argument ?? '')) return beginVisit(session);
  const startedAtMs = hall.clock.monotonicMs();
  const camera = await verify(session, name, argument ?? '');
  // The right password from a wrong network is answered like a wrong one, so that it proves nothing to who tries it.
  const isAllowed =
    camera !== undefined &&
    (camera.allowedNetworks.length === 0 || networkMatcher(camera.allowedNetworks)(session.peer.address));
  if (!isAllowed) {
    const why = camera === undefined ? 'password' : 'network';
    session.log.warn({ reason: why }, 'log in refused');
    hall.observe(session, { kind: 'login-refused', user: name, why });
    return refuse(session, startedAtMs, hall.bans.failedLogin(session.peer.address, name, argument ?? ''));
  }
  const admitted = hall.admission.loggedIn(session.id, camera.name);
  if (admitted !== 'admitted' && admitted.refused === 'gone') return;
  if (admitted !== 'admitted') {
    session.log.warn({ camera: camera.name }, 'log in refused, camera has too many connections');
    hall.observe(session, { kind: 'login-refused', user: name, why: 'connections' });
    return session.close(421, 'Too many connections of this camera.');
  }
  session.camera = camera;
  await connection.login();
  hall.bans.loggedIn(session.peer.address, camera.name);
  noteDown(session.log, () => hall.memory.rememberLogin(camera.name, session.peer.address, hall.clock.now()));
  session.log.info({ camera: camera.name, listener: session.listener, ...session.tls }, 'camera logged in');
  const weakPassword = isTriedFirst(argument ?? '', [camera.name]);
  if (session.tls !== null) hall.observe(session, { kind: 'logged-in', ...session.tls, weakPassword });
  await connection.reply(230, 'Logged in.');
}

/** ACCT is of no use here, and in plain text it is a secret on the wire. */
export async function acct(session: Session): Promise<void> {
  if (session.tls === null) return refusePlaintext(session);
  throw new RefusedError(502, 'Command not implemented.');
}

async function verify(session: Session, name: string, password: string) {
  try {
    return await session.hall.verifier.verify(name, password, session.ended);
  } catch (error) {
    if (error instanceof TransientError) {
      session.hall.observe(session, { kind: 'login-refused', user: name, why: 'busy' });
      throw new RefusedError(421, 'Too busy, try again later.', { cause: error });
    }
    throw error;
  }
}

async function refuse(session: Session, startedAtMs: number, delayMs: number): Promise<void> {
  const { maxFailedLogins } = session.hall.settings.limits;
  session.failedLogins++;
  const spentMs = session.hall.clock.monotonicMs() - startedAtMs;
  await delay(Math.max(0, delayMs - spentMs), undefined, { signal: session.ended, ref: false });
  if (session.failedLogins >= maxFailedLogins) return session.close(421, 'Too many failed log ins.');
  throw new RefusedError(530, refusal);
}

/** Closed before a password can follow: what comes next would be readable on the wire. */
async function refusePlaintext(session: Session): Promise<void> {
  const { hall, peer } = session;
  if (!hall.checks.isExpectedFrom(peer.address)) {
    session.log.warn('plaintext log in refused');
    hall.observe(session, { kind: 'plaintext-login' });
    hall.bans.note(peer.address, 'plaintext-login');
  }
  await session.close(530, 'Use AUTH TLS first.');
}
