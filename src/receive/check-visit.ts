// A visit of doctor: it logs in with a pass (access/check-pass.ts), from this machine, and uploads as a camera would. The same
// commands answer it, over the same listeners and into the same directory; this file says what is different: what it uploads
// is removed where a camera's would be published, and nothing is remembered, counted or logged of it.

import { BlockList, isIPv4 } from 'node:net';
import { type Camera, defaultAcceptanceDays } from '../access/accounts.ts';
import type { CheckPasses } from '../access/check-pass.ts';
import { silentLog } from '../base/log.ts';
import { checkVisitor } from '../domain/camera-name.ts';
import type { BanKeeper } from './ban-keeper.ts';
import { RefusedError } from './refused-error.ts';
import type { Hall, Session } from './session.ts';

/** Enough for what doctor sends, too little to fill a disk with. */
const maxVisitBytes = 64 * 1024;

export type CheckDesk = Readonly<{
  /** Whether doctor is at work, and this may be it. */
  isExpectedFrom(address: string): boolean;
  admits(address: string, user: string, password: string): boolean;
}>;

export function openCheckDesk(passes: CheckPasses): CheckDesk {
  return {
    isExpectedFrom: address => isLoopback(address) && passes.isExpected(),
    admits: (address, user, password) =>
      user === checkVisitor && isLoopback(address) && passes.admits(password),
  };
}

/** What doctor tries on purpose, a log-in without TLS for one, is no reason to keep this machine out. */
export function sparingVisits(bans: BanKeeper, desk: CheckDesk): BanKeeper {
  return {
    ...bans,
    note: (address, event) => {
      if (!desk.isExpectedFrom(address)) bans.note(address, event);
    },
  };
}

/** From here on the session is the visit's. */
export async function beginVisit(session: Session): Promise<void> {
  const { admission } = session.hall;
  const admitted = admission.loggedIn(session.id, checkVisitor);
  if (admitted !== 'admitted') return session.close(421, 'Too many connections.');
  session.hall = hallForVisit(session.hall);
  session.log = silentLog();
  session.camera = visitor;
  await session.connection.login();
  await session.connection.reply(230, 'Logged in.');
}

export function isVisit(session: Pick<Session, 'camera'>): boolean {
  return session.camera === visitor;
}

const visitor: Camera = {
  name: checkVisitor,
  enabled: true,
  version: 0,
  allowedNetworks: [],
  timeZone: 'UTC',
  truncation: null,
  acceptanceDays: defaultAcceptanceDays,
  requireResumption: false,
  maxBytesPerDay: null,
  maxFilesPerDay: null,
  keepClipsDays: null,
  keepFootageDays: null,
  maxBytes: null,
  rtspUrl: null,
  subRtspUrl: null,
  record: 'off',
  rtspBasic: false,
  rtspFingerprint: null,
  expectEveryMs: null,
  addedAt: '',
  passwordChangedAt: '',
};

function hallForVisit(hall: Hall): Hall {
  return {
    ...hall,
    observe: () => {},
    settings: { ...hall.settings, limits: { ...hall.settings.limits, maxUploadBytes: maxVisitBytes } },
    quotas: { openFile: () => ({ take: wanted => wanted, close: () => {} }), takeDirectory: () => false },
    memory: {
      ...hall.memory,
      hasDirectory: (_camera, path) => path === '',
      makeDirectory: () => 'full',
      touch: () => {},
      listDirectories: () => [],
      removeDirectory: () => 'missing',
      rememberLogin: () => {},
      wasCut: () => false,
      rememberCut: () => {},
    },
    uploads: {
      ...hall.uploads,
      begin: async facts => {
        const upload = await hall.uploads.begin(facts);
        return { ...upload, publish: () => upload.discard() };
      },
      publishNote: () => Promise.reject(new RefusedError(550, 'Nothing is kept here.')),
    },
  };
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(address: string): boolean {
  return loopback.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}
