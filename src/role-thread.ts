// A role on a thread of its own, so that a decode or a slow commit never stalls a transfer when one process plays all roles.
// This side starts the thread and ends it; role-worker.ts is what runs there.

import { Worker } from 'node:worker_threads';
import type { BackgroundRole } from './background-role.ts';
import { FailedError, SettingsError, TransientError } from './base/errors.ts';
import type { SelfTest } from './self-test.ts';
import type { Settings } from './settings/settings.ts';

export type RoleThreadData = Readonly<{ role: BackgroundRole; settings: Settings; archiveId: string }>;

const families = { SettingsError, FailedError, TransientError };
export type SentenceFamily = keyof typeof families;
export const sentenceFamilies = Object.keys(families) as SentenceFamily[];

/** `stop` is the last. */
export type RoleThreadRequest = 'test' | 'stop';

/** The thread's first word, and then the answer to each test. */
export type RoleThreadMessage =
  | Readonly<{ state: 'ready' }>
  | Readonly<{ state: 'refused'; family: SentenceFamily; sentence: string }>
  | Readonly<{ state: 'tested'; result: SelfTest } | { state: 'tested'; error: string }>;

export type RoleThread = AsyncDisposable &
  Readonly<{
    /** Rejects when the thread ends without having been told to: a bug, or no memory. */
    failed: Promise<never>;
    /** Asked of the thread itself; no answer while it is busy or hangs, so the caller has a deadline. */
    selfTest(): Promise<SelfTest>;
  }>;

/**
 * Resolves when the role has started; rejects with what went wrong. A role that has not ended `stopTimeoutMs` after it was told
 * to is left alone: a thread that waits for a disk cannot be ended, and the others are to end properly. Whoever ends the
 * program ends it, too (cli/serve.ts).
 */
export async function startRoleThread(data: RoleThreadData, stopTimeoutMs: number): Promise<RoleThread> {
  // Tests run the sources as they are, everybody else the compiled files beside this one.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./role-worker.${extension}`, import.meta.url), { workerData: data });
  let isStopping = false;
  const exited = new Promise<void>(resolve => worker.once('exit', () => resolve()));
  const failed = new Promise<never>((_resolve, reject) => {
    worker.once('error', error => reject(error));
    worker.once('exit', code => {
      if (!isStopping) reject(new Error(`the ${data.role} thread ended by itself (${code})`));
    });
  });
  failed.catch(() => {});
  const first = new Promise<RoleThreadMessage>(resolve => worker.once('message', resolve));
  const message = await Promise.race([first, failed]);
  if (message.state === 'refused') {
    isStopping = true;
    await exited;
    throw new families[message.family](message.sentence);
  }
  const ask = (request: RoleThreadRequest) => worker.postMessage(request);
  return {
    failed,
    async selfTest() {
      const answer = new Promise<RoleThreadMessage>(resolve => worker.once('message', resolve));
      ask('test');
      const tested = await Promise.race([answer, failed]);
      if ('result' in tested) return tested.result;
      throw new Error(`${data.role}: ${'error' in tested ? tested.error : 'it did not answer the question'}`);
    },
    async [Symbol.asyncDispose]() {
      isStopping = true;
      ask('stop');
      const late = Promise.withResolvers<void>();
      const deadline = setTimeout(late.resolve, stopTimeoutMs);
      await Promise.race([exited, late.promise]);
      clearTimeout(deadline);
      void worker.terminate();
    },
  };
}
