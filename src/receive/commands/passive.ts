// PASV and EPSV. Active mode (PORT, EPRT) does not exist here: a server that connects to where a client says is a tool
// for scanning somebody else's network (RFC 2577).

import { lookup } from 'node:dns/promises';
import { isIPv4 } from 'node:net';
import { chooseAlpn, dataContextOf } from '../control-tls.ts';
import { startDataTls } from '../data-tls.ts';
import { openPassiveListener } from '../passive-listener.ts';
import { RefusedError } from '../refused-error.ts';
import type { Session } from '../session.ts';
import { holdContext } from '../session-contexts.ts';

const nameLookupTimeoutMs = 3000;

export async function pasv(session: Session): Promise<void> {
  if (session.isEpsvOnly) throw new RefusedError(503, 'EPSV ALL was given.');
  refuseDuringTransfer(session);
  const address = await passiveAddress(session);
  if (address === undefined) throw new RefusedError(425, 'No IPv4 address here, use EPSV.');
  const port = await listen(session);
  session.hall.observe(session, { kind: 'passive', mode: 'PASV', port, address });
  const numbers = [...address.split('.'), port >> 8, port & 0xff].join(',');
  await session.connection.reply(227, `Entering Passive Mode (${numbers}).`);
}

export async function epsv(session: Session, argument: string | null): Promise<void> {
  refuseDuringTransfer(session);
  const wanted = argument?.trim().toUpperCase() ?? '';
  if (wanted === 'ALL') {
    session.isEpsvOnly = true;
    return void (await session.connection.reply(200, 'EPSV ALL.'));
  }
  const family = isIPv4(session.peer.address) ? '1' : '2';
  if (wanted !== '' && wanted !== family)
    throw new RefusedError(522, `Network protocol not supported, use (${family}).`);
  const port = await listen(session);
  session.hall.observe(session, { kind: 'passive', mode: 'EPSV', port, address: null });
  await session.connection.reply(229, `Entering Extended Passive Mode (|||${port}|).`);
}

async function listen(session: Session): Promise<number> {
  await session.passive?.[Symbol.asyncDispose]();
  session.passive = null;
  const listener = await openPassiveListener({
    leases: session.hall.leases,
    host: session.localAddress,
    peerAddress: session.peer.address,
    startTls(raw) {
      holdContext(session.secureContext, raw);
      return startDataTls(raw, dataContextOf(session.secureContext), chooseAlpn);
    },
    onStranger: address => {
      session.log.warn({ stranger: address ?? null }, 'data connection from a stranger closed');
      session.hall.observe(session, { kind: 'stranger', address: address ?? null });
    },
  });
  if (listener === undefined) {
    session.log.warn('no passive port is free');
    throw new RefusedError(425, 'No port is free, try again later.', { why: 'no-port' });
  }
  if (session.ended.aborted) {
    await listener[Symbol.asyncDispose]();
    throw new RefusedError(421, 'Closing.');
  }
  session.passive = listener;
  return listener.port;
}

/** The configured address or name (behind NAT), else the IPv4 address that the client itself reached us at. */
async function passiveAddress(session: Session): Promise<string | undefined> {
  // The port is listened on at the address that the client reached us at, which IPv4 does not lead to.
  if (!isIPv4(session.localAddress)) return undefined;
  const configured = session.hall.settings.passive.address;
  if (configured === null) return session.localAddress;
  if (isIPv4(configured)) return configured;
  try {
    const timeout = AbortSignal.timeout(nameLookupTimeoutMs);
    const aborted = new Promise<never>((_resolve, reject) =>
      timeout.addEventListener('abort', () => reject(timeout.reason)),
    );
    return (await Promise.race([lookup(configured, { family: 4 }), aborted])).address;
  } catch (error) {
    throw new RefusedError(425, 'No IPv4 address here, use EPSV.', { cause: error });
  }
}

function refuseDuringTransfer(session: Session): void {
  if (session.transfer !== null) throw new RefusedError(425, 'A transfer is running.');
}
