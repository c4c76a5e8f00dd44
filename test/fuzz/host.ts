// The receiver under fuzz, in a process of its own: what would end the daemon ends this one, or is told to the fuzzer.
// Limits are small, so that each of them is met, and time limits short, so that waiting for them is no hindrance.

import { createHash } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openLog } from '../../src/base/log.ts';
import { account, startTestReceiver } from '../support/receiver.ts';
import type { HostQuery, HostState, StoredUpload } from './victim.ts';

/** Real scrypt for one wrong password of so many: it takes a twentieth of a second, and the dialogue is what is fuzzed. */
const scryptEvery = 200;
const maxProblems = 50;
const levelOfErrors = 50;

const problems: string[] = [];
const report = (what: string) => {
  if (problems.length < maxProblems) problems.push(what);
};
process.on('uncaughtException', error => report(`uncaught exception: ${error.stack}`));
process.on('unhandledRejection', reason =>
  report(`unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}`),
);
process.on('warning', warning => report(`warning: ${warning.stack}`));

const logged: Record<string, number> = {};
const log = openLog({
  level: 'info',
  stream: {
    write(text: string) {
      const line = JSON.parse(text) as { level: number; msg: string };
      logged[line.msg] = (logged[line.msg] ?? 0) + 1;
      if (line.level >= levelOfErrors) report(`error in the log: ${text.trim()}`);
    },
  },
});

const server = await startTestReceiver({
  passiveSize: 40,
  limits: {
    maxConnections: 64,
    maxConnectionsPerAddress: 60,
    maxConnectionsPerCamera: 50,
    maxConnectionsBeforeLogin: 40,
    tlsHandshakeTimeoutMs: 2000,
    loginTimeoutMs: 10_000,
    idleTimeoutMs: 10_000,
    dataConnectTimeoutMs: 60,
    dataStallTimeoutMs: 400,
    maxUploadBytes: 512 * 1024,
    failedLoginDelayMs: 1,
  },
  parts: { log },
});

// Sessions ask through this very object.
const { verify } = server.verifier;
let wrongPasswords = 0;
Object.assign(server.verifier, {
  verify: (name: string, password: string, signal?: AbortSignal) => {
    const isRight = name === account.user && password === account.password;
    if (isRight || ++wrongPasswords % scryptEvery === 0) return verify(name, password, signal);
    return Promise.resolve(undefined);
  },
});

/** What is in the inbox, which is emptied, so that a long run does not fill the disk. */
function collect(): StoredUpload[] {
  const stored = server.inbox().map(({ receipt, media }) => ({
    path: receipt.path,
    bytes: media.length,
    sha256: createHash('sha256').update(media).digest('hex'),
    isAsItsReceiptSays:
      receipt.bytes === media.length && receipt.sha256 === createHash('sha256').update(media).digest('hex'),
    completeness: receipt.completeness,
  }));
  const inbox = join(server.dataDir, 'inbox');
  for (const camera of readdirSync(inbox)) {
    for (const id of readdirSync(join(inbox, camera))) rmSync(join(inbox, camera, id), { recursive: true });
  }
  return stored;
}

function state(): HostState {
  globalThis.gc?.();
  const resources: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
  return {
    problems: problems.splice(0),
    logged,
    connections: server.receiver.connections(),
    leasedPorts: server.receiver.leasedPorts(),
    incoming: server.incoming().length,
    descriptors: readdirSync('/proc/self/fd').length,
    resources,
    heapBytes: process.memoryUsage().heapUsed,
    residentBytes: process.memoryUsage().rss,
  };
}

const onFuzzerGone = () => process.exit();
process.on('disconnect', onFuzzerGone);
process.on('message', async ({ id, ask }: HostQuery) => {
  const answer = ask === 'collect' ? collect() : ask === 'state' ? state() : await server.stop();
  process.send?.({ id, answer: answer ?? null });
  // From here on nothing may keep the process from ending by itself.
  if (ask === 'stop') {
    process.off('disconnect', onFuzzerGone);
    process.disconnect();
  }
});
process.send?.({ id: 0, answer: { explicitPort: server.explicitPort, implicitPort: server.implicitPort } });
