import t from 'tap';
import { TransientError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { UnfileableError } from '../../src/ingest/failures.ts';
import { type IngestParts, startIngest } from '../../src/ingest/ingest.ts';

const soon = { retryDelaysMs: [0, 0], graceMs: 60_000 };

function parts(more: Partial<IngestParts>): IngestParts {
  return {
    fileEntry: async () => undefined,
    quarantineEntry: async () => undefined,
    onRoom: () => undefined,
    log: silentLog(),
    limits: soon,
    ...more,
  };
}

t.test('entries of one camera are filed one after another, of two cameras at the same time', async t => {
  const steps: string[] = [];
  const gates = new Map(['a1', 'a2', 'b1'].map(id => [id, Promise.withResolvers<void>()]));
  const fileEntry: IngestParts['fileEntry'] = async ({ id }) => {
    steps.push(`begin ${id}`);
    await gates.get(id)?.promise;
    steps.push(`end ${id}`);
  };
  await using ingest = startIngest(parts({ fileEntry }));
  for (const id of ['a1', 'a2']) ingest.offer('a', id);
  ingest.offer('b', 'b1');
  t.strictSame(steps, ['begin a1', 'begin b1']);
  t.strictSame(ingest.load(), { waiting: 1, inWork: 2 });
  for (const id of ['b1', 'a1', 'a2']) gates.get(id)?.resolve();
  await ingest.idle();
  t.ok(steps.indexOf('begin a2') > steps.indexOf('end a1'), steps.join(', '));
  t.strictSame(ingest.load(), { waiting: 0, inWork: 0 });
});

t.test('no more cameras are served at the same time than the limit says', async t => {
  let inWork = 0;
  let most = 0;
  const fileEntry = async () => {
    most = Math.max(most, ++inWork);
    await new Promise(resolve => setImmediate(resolve));
    inWork--;
  };
  await using ingest = startIngest(parts({ fileEntry, limits: { ...soon, camerasAtOnce: 3 } }));
  for (const camera of ['a', 'b', 'c', 'd', 'e']) for (const id of ['1', '2']) ingest.offer(camera, id);
  await ingest.idle();
  t.equal(most, 3);
});

t.test(
  'what may pass is tried again up to the limit, then left in the inbox and never quarantined',
  async t => {
    const tries: string[] = [];
    const quarantined: string[] = [];
    const failure = new TransientError('The disk is full.');
    const log = silentLog();
    const warnings: string[] = [];
    log.child = () =>
      Object.assign(silentLog(), { warn: (_: unknown, message: string) => warnings.push(message) });
    await using ingest = startIngest(
      parts({
        log,
        fileEntry: async ({ id }) => {
          tries.push(id);
          if (id === 'never' || (id === 'third' && tries.filter(tried => tried === 'third').length < 3))
            throw failure;
        },
        quarantineEntry: async ({ id }) => void quarantined.push(id),
      }),
    );
    for (const id of ['third', 'never', 'behind']) ingest.offer('a', id);
    await ingest.idle();
    t.strictSame(tries, ['third', 'third', 'third', 'never', 'never', 'never', 'behind']);
    t.strictSame(quarantined, []);
    t.strictSame(warnings, ['entry left in the inbox']);
    t.equal(ingest.offer('a', 'never'), 'taken', 'the next reconcile may offer it again');
    await ingest.idle();
  },
);

t.test('a full disk and a busy database pass, as system errors and SQLite report them', async t => {
  const quarantined: string[] = [];
  await using ingest = startIngest(
    parts({
      fileEntry: async ({ id }) => {
        throw Object.assign(new Error(id), { code: id });
      },
      quarantineEntry: async ({ id }) => void quarantined.push(id),
    }),
  );
  for (const id of ['ENOSPC', 'EMFILE', 'SQLITE_BUSY', 'SQLITE_FULL', 'SQLITE_CONSTRAINT_UNIQUE', 'EIO'])
    ingest.offer('a', id);
  await ingest.idle();
  t.strictSame(quarantined, ['SQLITE_CONSTRAINT_UNIQUE', 'EIO']);
});

t.test('what can never be filed is quarantined at once, with its reason', async t => {
  let tries = 0;
  const quarantined: unknown[] = [];
  await using ingest = startIngest(
    parts({
      fileEntry: async () => {
        tries++;
        throw new UnfileableError('The media is a symbolic link.');
      },
      quarantineEntry: async (entry, reason) => void quarantined.push([entry, reason]),
    }),
  );
  ingest.offer('a', '1');
  await ingest.idle();
  t.equal(tries, 1);
  t.strictSame(quarantined, [[{ camera: 'a', id: '1' }, 'The media is a symbolic link.']]);
});

t.test(
  'an entry that trips over a bug of ours is tried again and put aside, and the next one is filed',
  async t => {
    const tries: string[] = [];
    const quarantined: string[] = [];
    await using ingest = startIngest(
      parts({
        fileEntry: async ({ id }) => {
          tries.push(id);
          if (id === 'bad') throw new TypeError('x is undefined');
        },
        quarantineEntry: async ({ id }) => void quarantined.push(id),
      }),
    );
    ingest.offer('a', 'bad');
    ingest.offer('a', 'good');
    await ingest.idle();
    t.strictSame(tries, ['bad', 'bad', 'bad', 'good']);
    t.strictSame(quarantined, ['bad']);
  },
);

t.test('an entry that cannot even be quarantined stops nobody', async t => {
  const filed: string[] = [];
  await using ingest = startIngest(
    parts({
      fileEntry: async ({ id }) => {
        if (id === 'bad') throw new UnfileableError('bad');
        filed.push(id);
      },
      quarantineEntry: async () => {
        throw new Error('read-only file system');
      },
    }),
  );
  ingest.offer('a', 'bad');
  ingest.offer('a', 'good');
  await ingest.idle();
  t.strictSame(filed, ['good']);
});

t.test('what is refused because the queue is full is asked for again when there is room', async t => {
  const inbox = ['1', '2', '3', '4', '5', '6'];
  const filed: string[] = [];
  const offerAll = () => {
    for (const id of inbox) if (!filed.includes(id)) ingest.offer('a', id);
  };
  const ingest = startIngest(
    parts({
      limits: { ...soon, queuedPerCamera: 2 },
      fileEntry: async ({ id }) => void filed.push(id),
      onRoom: offerAll,
    }),
  );
  // The first is in work at once, so it does not count as waiting.
  t.strictSame(
    inbox.map(id => ingest.offer('a', id)),
    ['taken', 'taken', 'taken', 'full', 'full', 'full'],
  );
  await ingest.idle();
  t.strictSame(filed, inbox);
  await ingest[Symbol.asyncDispose]();
});

t.test('at the end the entry in work is finished, what waits stays, and nothing more is taken', async t => {
  const filed: string[] = [];
  const gate = Promise.withResolvers<void>();
  const ingest = startIngest(
    parts({
      fileEntry: async ({ id }) => {
        await gate.promise;
        filed.push(id);
      },
    }),
  );
  ingest.offer('a', '1');
  ingest.offer('a', '2');
  const ended = ingest[Symbol.asyncDispose]();
  t.equal(ingest.offer('a', '3'), 'full');
  gate.resolve();
  await ended;
  await ingest.idle();
  t.strictSame(filed, ['1']);
});

t.test('an entry that does not finish within its grace is broken off, without being put aside', async t => {
  const quarantined: string[] = [];
  const ingest = startIngest(
    parts({
      // No further try, so that only being broken off keeps it out of quarantine.
      limits: { retryDelaysMs: [], graceMs: 0 },
      fileEntry: (_, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      quarantineEntry: async ({ id }) => void quarantined.push(id),
    }),
  );
  ingest.offer('a', '1');
  await ingest[Symbol.asyncDispose]();
  t.strictSame(quarantined, []);
  t.strictSame(ingest.load(), { waiting: 0, inWork: 0 });
});

t.test('waiting for the next try does not hold up the end', async t => {
  const tried = Promise.withResolvers<void>();
  const ingest = startIngest(
    parts({
      limits: { retryDelaysMs: [3_600_000] },
      fileEntry: async () => {
        tried.resolve();
        throw new TransientError('not now');
      },
    }),
  );
  ingest.offer('a', '1');
  await tried.promise;
  await ingest[Symbol.asyncDispose]();
  t.equal(ingest.load().inWork, 0);
});
