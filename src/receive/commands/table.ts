// Every command that is ours. What is neither here nor kept of the engine (engine.ts) does not exist: 502.

import type { CommandEntry, CommandHandler } from '../engine.ts';
import { type Session, sessionOf } from '../session.ts';
import { stor } from '../upload.ts';
import { dele, rmd, rnfr, rnto } from './changes.ts';
import { cwd, mkd } from './directory.ts';
import { abor, allo, feat, help, mdtm, opts, quit, rest, size, stat } from './facts.ts';
import { list, mlsd, mlst, nlst } from './listing.ts';
import { acct, pass, user } from './login.ts';
import { epsv, pasv } from './passive.ts';
import { auth, ccc, pbsz, prot } from './protection.ts';

type Handler = (session: Session, argument: string | null) => Promise<unknown>;

const beforeLogin: Record<string, Handler> = {
  AUTH: auth,
  PBSZ: pbsz,
  PROT: prot,
  CCC: ccc,
  USER: user,
  PASS: pass,
  ACCT: acct,
  FEAT: feat,
  OPTS: opts,
  HELP: help,
  QUIT: quit,
};

const afterLogin: Record<string, Handler> = {
  CWD: cwd,
  XCWD: cwd,
  MKD: mkd,
  XMKD: mkd,
  RMD: rmd,
  XRMD: rmd,
  DELE: dele,
  RNFR: rnfr,
  RNTO: rnto,
  PASV: pasv,
  EPSV: epsv,
  STOR: stor,
  ALLO: allo,
  REST: rest,
  ABOR: abor,
  STAT: stat,
  SIZE: size,
  MDTM: mdtm,
  LIST: list,
  NLST: nlst,
  MLSD: mlsd,
  MLST: mlst,
};

export const commands: Readonly<Record<string, CommandEntry>> = {
  ...entries(beforeLogin, true),
  ...entries(afterLogin, false),
};

function entries(handlers: Record<string, Handler>, isBeforeLogin: boolean): Record<string, CommandEntry> {
  return Object.fromEntries(
    Object.entries(handlers).map(([verb, handler]) => [
      verb,
      { handler: bySession(handler), beforeLogin: isBeforeLogin },
    ]),
  );
}

function bySession(handler: Handler): CommandHandler {
  return (connection, argument) => handler(sessionOf(connection), argument);
}
