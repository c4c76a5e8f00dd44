import { errnoOf, TransientError } from '../../base/errors.ts';
import { type Check, type Finding, fail, pass, skip } from '../check.ts';
import { type TrialStep, type TriedListener, type UploadTrial, waysTo } from '../upload-trial.ts';

/** What it takes to try: asked when the check is made. */
export type UploadParts = Readonly<{
  listeners: readonly (TriedListener & Readonly<{ enabled: boolean }>)[];
  stateDir: string;
  receives(): boolean;
  /** Whether the receiver takes connections from there at all. */
  isAllowed(address: string): boolean;
  isBanned(address: string): boolean;
  openPass(): Promise<AsyncDisposable & Readonly<{ password: string }>>;
  tryUpload(listener: TriedListener, password: string): Promise<UploadTrial>;
}>;

/** An upload through each listener, one after the other with one pass. */
export function uploads(parts: UploadParts): readonly Check[] {
  let tried: Promise<ReadonlyMap<string, Finding>> | undefined;
  return parts.listeners.map(({ name }) => ({
    name: `upload-${name}`,
    async run() {
      tried ??= tryAll(parts);
      return (await tried).get(name) ?? skip(`${name} FTPS is switched off in the settings`);
    },
  }));
}

async function tryAll(parts: UploadParts): Promise<ReadonlyMap<string, Finding>> {
  const listeners = parts.listeners.filter(({ enabled }) => enabled);
  const all = (finding: Finding) => new Map(listeners.map(({ name }) => [name, finding]));
  if (!parts.receives()) return all(skip('clipward does not run here, so no upload can be tried'));
  try {
    await using opened = await parts.openPass();
    const findings = new Map<string, Finding>();
    for (const listener of listeners)
      findings.set(listener.name, await tryOne(parts, listener, opened.password));
    return findings;
  } catch (error) {
    if (error instanceof TransientError) return all(skip(error.message));
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    return all(
      fail(
        `no upload can be tried, nothing can be written in ${parts.stateDir} (${errno})`,
        'Make room on its disk, and see that it is mounted writable and belongs to the user of clipward.',
      ),
    );
  }
}

async function tryOne(parts: UploadParts, listener: TriedListener, password: string): Promise<Finding> {
  const ways = waysTo(listener.host);
  const allowed = ways.filter(({ from }) => parts.isAllowed(from));
  const [way] = allowed.filter(({ from }) => !parts.isBanned(from));
  if (way === undefined) return noWay(allowed.length > 0, ways.map(({ from }) => from).join(' and '));
  const trial = await parts.tryUpload({ ...listener, host: way.host }, password);
  if ('protocol' in trial)
    return pass(`an upload from this machine was taken over ${trial.protocol}, and refused in plain text`);
  const where = `${way.host} port ${listener.port} (${listener.name} FTPS)`;
  return fail(`${failures[trial.step]} at ${where}: ${trial.problem}`, remedies[trial.step]);
}

function noWay(isBanned: boolean, addresses: string): Finding {
  if (!isBanned)
    return skip(`connections from this machine (${addresses}) are not allowed, so no upload can be tried`);
  return fail(
    `this machine's own address ${addresses} is banned`,
    'Look for what here misbehaves, then lift it: clipward ban list, clipward ban clear.',
  );
}

const failures: Readonly<Record<TrialStep, string>> = {
  connect: 'no connection',
  greeting: 'no greeting',
  plaintext: 'plain text is not refused',
  tls: 'no TLS',
  'log-in': 'doctor could not log in',
  data: 'no data connection',
  upload: 'an upload was not taken',
};

const log = 'Look at the log of clipward (journalctl -u clipward-receive, or where serve runs).';
const remedies: Readonly<Record<TrialStep, string>> = {
  connect: `Clipward may just be starting, or use another port than the settings say now: try again in a moment, then restart it. ${log}`,
  greeting: `The receiver may be full, or another program may be listening there: ss -ltnp shows which. ${log}`,
  plaintext:
    'Another program may be listening there: ss -ltnp shows which. Let no camera use it until this is clear.',
  tls: `See the lines about certificates. ${log}`,
  'log-in':
    'Another receiver may be listening there, with another stateDir: ss -ltnp shows which. Or clipward was updated: restart it.',
  data: 'Look whether another program takes the ports of ftps.passive, or a firewall of this machine closes them.',
  upload: `See the lines about free space and the archive. ${log}`,
};
