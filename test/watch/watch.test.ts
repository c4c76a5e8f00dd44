import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLog } from '../../src/base/log.ts';
import type { DirectoryEvents } from '../../src/watch/directory-events.ts';
import { startWatch, type WatchParts } from '../../src/watch/watch.ts';

/** An inbox with a way to publish into it by one rename, as the receiver does. */
function inboxFor(test: Test) {
  const root = test.testdir({ inbox: {}, incoming: {} });
  const inboxDir = join(root, 'inbox');
  return {
    inboxDir,
    publish(camera: string, id: string) {
      mkdirSync(join(root, 'incoming', id));
      writeFileSync(join(root, 'incoming', id, 'media'), 'x');
      mkdirSync(join(inboxDir, camera), { recursive: true });
      renameSync(join(root, 'incoming', id), join(inboxDir, camera, id));
    },
    async *listEntries() {
      for (const camera of readdirSync(inboxDir))
        for (const id of readdirSync(join(inboxDir, camera))) yield { camera, id };
    },
  };
}

/** What was told, and a promise for something to be told. */
function ear() {
  const heard = new Set<string>();
  const waiting = new Map<string, () => void>();
  return {
    heard,
    onEntry(camera: string, id: string): 'taken' {
      heard.add(`${camera}/${id}`);
      waiting.get(`${camera}/${id}`)?.();
      return 'taken';
    },
    until(entry: string): Promise<void> {
      if (heard.has(entry)) return Promise.resolve();
      return new Promise(resolve => waiting.set(entry, resolve));
    },
  };
}

const hour = 3_600_000;
const withoutEvents: DirectoryEvents = async () => ({ [Symbol.asyncDispose]: async () => undefined });

function parts(inbox: ReturnType<typeof inboxFor>, more: Partial<WatchParts>): WatchParts {
  return {
    inboxDir: inbox.inboxDir,
    listEntries: inbox.listEntries,
    onEntry: () => 'taken',
    reconcileIntervalMs: hour,
    log: silentLog(),
    ...more,
  };
}

t.test('what lay in the inbox before the start has been handed over when it is ready', async t => {
  const inbox = inboxFor(t);
  inbox.publish('den', 'a');
  inbox.publish('front-door', 'b');
  const { heard, onEntry } = ear();
  await using _watch = await startWatch(parts(inbox, { onEntry, directoryEvents: withoutEvents }));
  t.strictSame([...heard].sort(), ['den/a', 'front-door/b']);
});

t.test('an entry that appears is told, also the first one of a new camera', async t => {
  const inbox = inboxFor(t);
  inbox.publish('den', 'a');
  const { onEntry, until } = ear();
  await using _watch = await startWatch(parts(inbox, { onEntry }));
  inbox.publish('den', 'b');
  await until('den/b');
  inbox.publish('porch', 'c');
  await until('porch/c');
  inbox.publish('porch', 'd');
  await until('porch/d');
  t.pass('all were told by events alone');
});

t.test(
  'files, links and what lies inside entries are not told, and entries are not watched inside',
  async t => {
    const inbox = inboxFor(t);
    inbox.publish('den', 'a');
    const { heard, onEntry, until } = ear();
    const watchesBefore = inotifyWatches();
    await using _watch = await startWatch(parts(inbox, { onEntry }));
    symlinkSync('/etc', join(inbox.inboxDir, 'den', 'link'));
    symlinkSync('/etc', join(inbox.inboxDir, 'camera-link'));
    writeFileSync(join(inbox.inboxDir, 'den', 'file'), 'x');
    mkdirSync(join(inbox.inboxDir, 'den', 'a', 'deeper'));
    for (const id of ['b', 'c', 'd', 'e']) inbox.publish('den', id);
    await Promise.all(['den/b', 'den/c', 'den/d', 'den/e'].map(until));
    t.strictSame([...heard].sort(), ['den/a', 'den/b', 'den/c', 'den/d', 'den/e']);
    t.ok(inotifyWatches() - watchesBefore <= 2, 'one watch for the inbox and one for the camera');
  },
);

t.test('what no event told is found by the timer', async t => {
  const inbox = inboxFor(t);
  const { onEntry, until } = ear();
  await using _watch = await startWatch(
    parts(inbox, { onEntry, directoryEvents: withoutEvents, reconcileIntervalMs: 5 }),
  );
  inbox.publish('den', 'late');
  await until('den/late');
  t.pass('the reconcile found it');
});

t.test('an entry that was refused as too much is offered again by the next reconcile', async t => {
  const inbox = inboxFor(t);
  inbox.publish('den', 'a');
  const answers: Array<'taken' | 'full'> = ['full', 'taken'];
  let offers = 0;
  const onEntry = () => answers[offers++] ?? 'taken';
  await using watch = await startWatch(parts(inbox, { onEntry, directoryEvents: withoutEvents }));
  t.equal(offers, 1);
  await watch.reconcile();
  t.equal(offers, 2);
});

t.test(
  'a reconcile that is asked for during a walk walks once more, since the walk may have passed the place',
  async t => {
    const inbox = inboxFor(t);
    let walks = 0;
    const gate = Promise.withResolvers<void>();
    const listEntries = async function* () {
      walks++;
      if (walks === 2) await gate.promise;
      yield { camera: 'den', id: `walk${walks}` };
    };
    const { heard, onEntry } = ear();
    await using watch = await startWatch(
      parts(inbox, { onEntry, listEntries, directoryEvents: withoutEvents }),
    );
    const slow = watch.reconcile();
    const second = watch.reconcile();
    const third = watch.reconcile();
    gate.resolve();
    await Promise.all([slow, second, third]);
    t.equal(walks, 3, 'both later calls share one walk');
    t.ok(heard.has('den/walk3'));
  },
);

t.test(
  'a watcher that fails is said once with what to do, the timer goes on, and it is tried again',
  async t => {
    const inbox = inboxFor(t);
    const { onEntry, until } = ear();
    const warnings: unknown[] = [];
    let attempts = 0;
    const recovered = Promise.withResolvers<void>();
    const directoryEvents: DirectoryEvents = async () => {
      attempts++;
      if (attempts <= 2) throw Object.assign(new Error('no watches left'), { code: 'ENOSPC' });
      recovered.resolve();
      return { [Symbol.asyncDispose]: async () => undefined };
    };
    const log = Object.assign(silentLog(), { warn: (fields: unknown) => warnings.push(fields) });
    await using watch = await startWatch(
      parts(inbox, { onEntry, directoryEvents, log, reconcileIntervalMs: 5 }),
    );
    t.equal(watch.hasEvents(), false);
    inbox.publish('den', 'a');
    await until('den/a');
    await recovered.promise;
    await watch.reconcile();
    t.equal(watch.hasEvents(), true);
    t.equal(warnings.length, 1);
    t.match(warnings[0], { remedy: /max_user_watches/ });
  },
);

t.test('a watcher that breaks while it runs is replaced by the timer', async t => {
  const inbox = inboxFor(t);
  let breakIt: (error: unknown) => void = () => undefined;
  let closed = false;
  const directoryEvents: DirectoryEvents = async ({ onError }) => {
    breakIt = onError;
    return {
      [Symbol.asyncDispose]: async () => {
        closed = true;
      },
    };
  };
  await using watch = await startWatch(parts(inbox, { directoryEvents }));
  t.equal(watch.hasEvents(), true);
  breakIt(new Error('gone'));
  t.equal(watch.hasEvents(), false);
  t.equal(closed, true);
});

t.test('what a broken watcher did not tell is looked for at once', async t => {
  const inbox = inboxFor(t);
  let breakIt: (error: unknown) => void = () => undefined;
  const directoryEvents: DirectoryEvents = async ({ onError }) => {
    breakIt = onError;
    return { [Symbol.asyncDispose]: async () => undefined };
  };
  const { onEntry, until } = ear();
  await using watch = await startWatch(parts(inbox, { onEntry, directoryEvents }));
  inbox.publish('den', 'a');
  breakIt(new Error('gone'));
  await until('den/a');
  await watch.reconcile();
  t.equal(watch.hasEvents(), true, 'and it was opened anew');
});

t.test('a watcher that keeps breaking does not make the inbox be listed without end', async t => {
  const inbox = inboxFor(t);
  let breakIt: (error: unknown) => void = () => undefined;
  let opened = 0;
  const again = Promise.withResolvers<void>();
  const directoryEvents: DirectoryEvents = async ({ onError }) => {
    breakIt = onError;
    if (++opened === 2) again.resolve();
    return { [Symbol.asyncDispose]: async () => undefined };
  };
  await using watch = await startWatch(parts(inbox, { directoryEvents }));
  breakIt(new Error('gone'));
  await again.promise;
  await watch.reconcile();
  await new Promise(resolve => setImmediate(resolve));
  breakIt(new Error('gone'));
  for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setTimeout(resolve, 0));
  t.equal(opened, 2, 'the third time waits for the timer');
});

t.test('nobody is told of anything after the end', async t => {
  const inbox = inboxFor(t);
  let tell: (camera: string, id: string) => void = () => undefined;
  const directoryEvents: DirectoryEvents = async ({ onEntry }) => {
    tell = onEntry;
    return { [Symbol.asyncDispose]: async () => undefined };
  };
  const { heard, onEntry } = ear();
  const watch = await startWatch(parts(inbox, { onEntry, directoryEvents }));
  tell('den', 'before');
  await watch[Symbol.asyncDispose]();
  tell('den', 'after');
  inbox.publish('den', 'too-late');
  await watch.reconcile();
  t.strictSame([...heard], ['den/before']);
});

function inotifyWatches(): number {
  let watches = 0;
  for (const descriptor of readdirSync('/proc/self/fdinfo')) {
    try {
      watches += readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8').match(/^inotify /gm)?.length ?? 0;
    } catch {
      // The descriptor of this very listing is gone again.
    }
  }
  return watches;
}
