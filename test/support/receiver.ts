// A receiver as service.ts wires it, on free loopback ports, with real accounts, certificates and files.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccountWriter } from '../../src/access/accounts.ts';
import { openCertificates } from '../../src/access/certificates.ts';
import { readCheckPasses } from '../../src/access/check-pass.ts';
import { openAccountReader, openAccountWriter } from '../../src/access/open-accounts.ts';
import { hashPassword } from '../../src/access/password-hash.ts';
import { openPasswordVerifier } from '../../src/access/passwords.ts';
import { openReceiverMemory, type ReceiverMemory } from '../../src/access/receiver-memory.ts';
import { openMarker } from '../../src/archive/marker.ts';
import type { Receipt, UploadReceipt } from '../../src/archive/receipt.ts';
import { openUploads, type Uploads } from '../../src/archive/uploads.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { type Log, openLog, silentLog } from '../../src/base/log.ts';
import { type Network, parseNetwork } from '../../src/domain/networks.ts';
import type { ReceiverSettings } from '../../src/receive/receiver-settings.ts';
import { type ReceiverParts, startReceiver } from '../../src/receive/start-receiver.ts';

export const testLimits: ReceiverSettings['limits'] = {
  maxConnections: 200,
  maxConnectionsPerAddress: 200,
  maxConnectionsPerCamera: 200,
  maxConnectionsBeforeLogin: 200,
  tlsHandshakeTimeoutMs: 60_000,
  loginTimeoutMs: 120_000,
  idleTimeoutMs: 120_000,
  dataConnectTimeoutMs: 60_000,
  dataStallTimeoutMs: 60_000,
  maxLineBytes: 4096,
  maxPipelinedCommands: 32,
  minUploadBytesPerSecond: 0,
  maxUploadBytes: 64 * 1024 * 1024,
  maxBytesPerDay: 1024 ** 4,
  maxFilesPerDay: 1_000_000,
  maxDirectoriesPerDay: 1_000_000,
  minFreeBytes: 0,
  shutdownGraceMs: 5000,
  failedLoginDelayMs: 10,
  maxFailedLogins: 3,
  maxUnknownCommands: 10,
};

/** Switched off: most tests misbehave on purpose, and all of them from one address. */
export const testBans: ReceiverSettings['bans'] = {
  enabled: false,
  threshold: 100,
  halfLifeMs: 600_000,
  firstBanMs: 300_000,
  maxBanMs: 3_600_000,
  maxBackOffMs: 10_000,
};

export const account = { user: 'front-door', password: 'Zx8mQ2vT7kLpR4sWn6Yb' };

export type TestReceiver = Awaited<ReturnType<typeof startTestReceiver>>;

/** One set for all tests of a process: keys take a second to make. */
let made: ReturnType<typeof openCertificates> | undefined;

async function sharedCertificates() {
  const certsDir = mkdtempSync(join(tmpdir(), 'clipward-certs-'));
  process.once('exit', () => rmSync(certsDir, { recursive: true, force: true }));
  return openCertificates({
    certsDir,
    names: [],
    addresses: ['127.0.0.1'],
    clock: systemClock,
    log: silentLog(),
  });
}

/** One hash for all tests of a process: scrypt is meant to be slow. */
let hashed: Promise<string> | undefined;

export function networks(...texts: string[]): Network[] {
  return texts.map(text => {
    const network = parseNetwork(text);
    if (network === undefined) throw new Error(`${text} is no network`);
    return network;
  });
}

export async function startTestReceiver(
  options: {
    limits?: Partial<ReceiverSettings['limits']>;
    passive?: Partial<ReceiverSettings['passive']>;
    tls?: Partial<ReceiverSettings['tls']>;
    bans?: Partial<ReceiverSettings['bans']>;
    allowed?: string[];
    cameraNetworks?: string[];
    uploads?: (uploads: Uploads) => Uploads;
    memory?: (memory: ReceiverMemory) => ReceiverMemory;
    clock?: Clock;
    parts?: Partial<ReceiverParts>;
    beforeStart?: (ground: { writer: AccountWriter }) => void;
    host?: string;
    passiveSize?: number;
    legacyTls?: boolean;
    dataDir?: string;
  } = {},
) {
  const { host = '127.0.0.1' } = options;
  const passive = { address: null, ...freeRange(options.passiveSize), ...options.passive };
  const root = mkdtempSync(join(tmpdir(), 'clipward-receiver-'));
  const { dataDir = join(root, 'data') } = options;
  const stateDir = join(root, 'state');
  const clock = options.clock ?? systemClock;
  const { log, lines } = collectingLog();
  const archiveId = await openMarker({ dataDir, stateDir });
  hashed ??= hashPassword(account.password);
  const writer = await openAccountWriter({ stateDir, clock });
  writer.addCamera({
    name: account.user,
    passwordHash: await hashed,
    allowedNetworks: networks(...(options.cameraNetworks ?? [])),
    timeZone: 'UTC',
  });
  made ??= sharedCertificates();
  const certificates = await made;
  const accounts = openAccountReader({ stateDir });
  const memory = await openReceiverMemory({ stateDir, maxDirectoriesPerCamera: 1000, clock });
  const verifier = openPasswordVerifier({ accounts });
  const uploads = openUploads({ dataDir, archiveId });
  options.beforeStart?.({ writer });
  const receiver = await startReceiver({
    listeners: [
      { name: 'explicit', host, port: 0, legacyTls: options.legacyTls ?? false },
      { name: 'implicit', host, port: 0, legacyTls: false },
    ],
    settings: {
      passive,
      tls: { minVersion: 'TLSv1.2', truncation: 'container', ...options.tls },
      bans: { ...testBans, ...options.bans },
      limits: { ...testLimits, ...options.limits },
    },
    allowedNetworks: networks(...(options.allowed ?? ['127.0.0.0/8'])),
    accounts,
    verifier,
    checkPasses: readCheckPasses({ stateDir, clock }),
    memory: options.memory?.(memory) ?? memory,
    uploads: options.uploads?.(uploads) ?? uploads,
    tlsIdentities: () => [certificates.rsa, certificates.ecdsa],
    clock,
    log,
    ...options.parts,
  });
  const portOf = (name: string) => receiver.addresses.find(address => address.name === name)?.port as number;
  return {
    receiver,
    explicitPort: portOf('explicit'),
    implicitPort: portOf('implicit'),
    writer,
    passive,
    verifier,
    memory,
    dataDir,
    stateDir,
    certificates,
    /** Everything that was logged, as text. */
    logText: () => lines.join(''),
    inbox: () => readInbox(dataDir),
    /** Uploads and notes. */
    receipts: () => entriesOf(dataDir).map(({ receipt }) => receipt),
    incoming: () => list(join(dataDir, 'incoming')),
    /** A further camera with the same password. */
    async addCamera(name: string) {
      writer.addCamera({
        name,
        passwordHash: (await hashed) as string,
        allowedNetworks: [],
        timeZone: 'UTC',
      });
      return { user: name, password: account.password };
    },
    clearInbox: () => rmSync(join(dataDir, 'inbox'), { recursive: true, force: true }),
    async stop() {
      await receiver.stop();
      await uploads[Symbol.asyncDispose]();
      writer[Symbol.dispose]();
      accounts[Symbol.dispose]();
      memory[Symbol.dispose]();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export type InboxEntry = { id: string; camera: string; receipt: UploadReceipt; media: Buffer };

/** The finished uploads, the oldest first. */
export function readInbox(dataDir: string): InboxEntry[] {
  return entriesOf(dataDir)
    .filter(
      (entry): entry is { directory: string; receipt: UploadReceipt } => entry.receipt.type === 'upload',
    )
    .map(({ directory, receipt }) => {
      const { id, camera } = receipt;
      return { id, camera, receipt, media: readFileSync(join(directory, 'media')) };
    })
    .sort((a, b) => a.receipt.finishedAt.localeCompare(b.receipt.finishedAt));
}

function entriesOf(dataDir: string): { directory: string; receipt: Receipt }[] {
  const inbox = join(dataDir, 'inbox');
  return list(inbox).flatMap(camera =>
    list(join(inbox, camera)).map(id => {
      const directory = join(inbox, camera, id);
      return {
        directory,
        receipt: JSON.parse(readFileSync(join(directory, 'receipt.json'), 'utf8')) as Receipt,
      };
    }),
  );
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** A range of its own for each receiver of each test process, so that tests that run side by side do not meet. */
let nextRange = 0;
function freeRange(count = 100): { minPort: number; maxPort: number } {
  const size = 100;
  const slot = (process.pid * 7 + nextRange++) % 110;
  const minPort = 20_000 + slot * size;
  return { minPort, maxPort: minPort + count - 1 };
}

function collectingLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const log = openLog({ level: 'trace', stream: { write: (line: string) => void lines.push(line) } });
  return { log, lines };
}
