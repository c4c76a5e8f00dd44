import {
  chmodSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openSigningKey } from '../../src/access/signing-key.ts';
import { readStored } from '../../src/archive/read-stored.ts';
import { silentLog } from '../../src/base/log.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { sha256OfText } from '../../src/catalogue/chain.ts';
import { formatHead, headText, linkText, parseHead } from '../../src/domain/chain.ts';
import type { VerifyCode } from '../../src/inspect/verify/finding.ts';
import { maxFindings } from '../../src/inspect/verify/verify.ts';
import { sampleClip, sampleReceipt } from '../catalogue/sample-clip.ts';
import { type ChainedArchive, chainedArchive, idOf } from './chained-archive.ts';

/** Three clips on each of two days; the second and the fifth are of another camera. */
async function sixClips(test: Test) {
  const archive = await chainedArchive(test);
  const clips = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'].map((word, index) => {
    if (index === 3) archive.nextDay();
    archive.clock.at += 60_000;
    return archive.fileClip(word, undefined, index % 3 === 1 ? { camera: 'den' } : {});
  });
  return { ...archive, clips, clip: (index: number) => clips[index] as (typeof clips)[number] };
}

type Six = Awaited<ReturnType<typeof sixClips>>;

t.test('nothing is found in an archive that nobody touched, and everything was read', async t => {
  const archive = await sixClips(t);
  const report = await archive.verify();
  t.strictSame(report.findings, []);
  t.match(report, { findingCount: 0, headDay: '2026-11-22', resumed: false });
  t.match(report.chain, { entries: 6, days: 2, kept: 6, goneByReason: new Map(), media: { clips: 6 } });
  t.match(report.media, { clips: 6, segments: 0, bytes: 6 * 'bytes of a1'.length, goneMeanwhile: 0 });
  t.match(report.head, /^6-/);
  t.notOk(existsSync(join(archive.stateDir, 'verify-progress.json')));
});

t.test('an archive without a clip is sound', async t => {
  const archive = await chainedArchive(t);
  t.match(await archive.verify(), { findingCount: 0, head: null });
});

t.test('a chain longer than a page of it, with media longer than one, is walked whole', async t => {
  const archive = await chainedArchive(t);
  {
    using keyless = openCatalogue({ file: archive.file });
    for (let i = 0; i < 1500; i++) {
      const id = idOf(`b${i.toString().padStart(6, '0')}`);
      keyless.fileClip(sampleClip(id, { bytes: 0, receivedAt: i }), sampleReceipt(id, i));
    }
  }
  while (archive.catalogue.appendPending(500) > 0);
  const progress: string[] = [];
  const report = await archive.verify(
    { camera: 'nobody' },
    { onProgress: each => void progress.push(each.phase) },
  );
  t.match(report, { findingCount: 0, chain: { entries: 1500 } });
  t.ok(progress.includes('chain'));
});

type Tampering = Readonly<{
  what: string;
  how: (archive: Six) => void | Promise<void>;
  /** The only thing that is found, about this clip or entry; or what follows from it, too. */
  code: VerifyCode;
  also?: VerifyCode;
  clip?: number;
  number?: number;
  text?: RegExp;
}>;

const flip = (file: string) => {
  const bytes = readFileSync(file);
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  chmodSync(file, 0o600);
  writeFileSync(file, bytes);
};

const tamperings: readonly Tampering[] = [
  { what: 'one bit of media flipped', how: a => flip(a.clip(2).file), code: 'media-changed', clip: 2 },
  {
    what: 'media cut',
    how: a => truncateSync(a.clip(2).file, 4),
    code: 'media-changed',
    clip: 2,
    text: /4 bytes, and 11 were received/,
  },
  {
    what: 'media removed',
    how: a => rmSync(a.clip(4).file),
    code: 'media-missing',
    clip: 4,
  },
  {
    what: 'media replaced by a link to the same bytes',
    how: a => {
      renameSync(a.clip(0).file, join(a.root, 'elsewhere'));
      symlinkSync(join(a.root, 'elsewhere'), a.clip(0).file);
    },
    code: 'media-not-regular',
    clip: 0,
  },
  {
    what: 'the hash of media and of its row changed together',
    how: a => {
      flip(a.clip(1).file);
      a.sqlite(
        `UPDATE clip SET sha256 = '${sha256OfText(readFileSync(a.clip(1).file, 'utf8'))}' WHERE id = '${a.clip(1).id}'`,
      );
    },
    code: 'clip-row-changed',
    also: 'media-changed',
    clip: 1,
  },
  {
    what: 'the arrival of a row changed',
    how: a => a.sqlite(`UPDATE clip SET received_at = received_at - 1 WHERE id = '${a.clip(1).id}'`),
    code: 'clip-row-changed',
    clip: 1,
    text: /receivedAt\.$/,
  },
  {
    what: 'the camera of a row changed',
    how: a => a.sqlite(`UPDATE clip SET camera = 'garden' WHERE id = '${a.clip(1).id}'`),
    code: 'clip-row-changed',
    clip: 1,
    text: /camera\.$/,
  },
  {
    what: 'the path of a row leading out of the archive',
    how: a => a.sqlite(`UPDATE clip SET path = '../../etc/hostname' WHERE id = '${a.clip(1).id}'`),
    code: 'clip-row-changed',
    clip: 1,
  },
  {
    what: 'a receipt changed',
    how: a => a.sqlite(`UPDATE receipt SET body = '{}' WHERE upload = '${a.clip(3).id}'`),
    code: 'receipt-changed',
    clip: 3,
    text: /not the one/,
  },
  {
    what: 'a receipt removed',
    how: a => a.sqlite(`DELETE FROM receipt WHERE upload = '${a.clip(3).id}'`),
    code: 'receipt-changed',
    clip: 3,
    text: /missing/,
  },
  {
    what: 'a clip removed with its file, its receipt and without a trace',
    how: a => {
      rmSync(a.clip(2).file);
      a.sqlite(
        `DELETE FROM receipt WHERE clip = '${a.clip(2).id}'`,
        `DELETE FROM clip WHERE id = '${a.clip(2).id}'`,
      );
    },
    code: 'clip-row-missing',
    clip: 2,
  },
  {
    what: 'a clip with its row added by hand',
    how: a => {
      const { id } = a.clip(2);
      a.sqlite(
        `CREATE TEMP TABLE copy AS SELECT * FROM clip WHERE id = '${id}';
         UPDATE copy SET id = '${idOf('zz')}', path = 'clips/x';
         INSERT INTO clip SELECT * FROM copy`,
      );
    },
    code: 'clip-without-entry',
    text: /does not say that it was taken in/,
  },
  {
    what: 'the row of a clip put back that retention deleted',
    how: a => {
      a.sqlite(`CREATE TABLE copy AS SELECT * FROM clip WHERE id = '${a.clip(1).id}'`);
      a.letGo(a.clip(1));
      a.sqlite(
        'INSERT INTO clip SELECT * FROM copy',
        'DROP TABLE copy',
        `INSERT INTO receipt VALUES ('${a.clip(1).id}', '${a.clip(1).id}', 0, '{"receipt":"a2"}')`,
      );
    },
    code: 'clip-after-tombstone',
    clip: 1,
  },
  {
    what: 'an entry changed by hand',
    how: a =>
      a.sqlite("UPDATE chain_entry SET line = replace(line, 'front-door', 'back-door') WHERE number = 3"),
    code: 'entry-changed',
    number: 3,
  },
  {
    what: 'an entry changed with its hash',
    how: a => {
      const [row] = a.catalogue.chainRows(3, 1);
      const line = row?.line.replace('front-door', 'back-door') ?? '';
      const hash = sha256OfText(linkText(a.catalogue.hashOf(3) ?? '', line));
      a.sqlite(
        `UPDATE chain_entry SET line = '${line}', hash = '${hash}' WHERE number = 4`,
        `UPDATE clip SET camera = 'back-door' WHERE id = '${row?.subject}'`,
      );
    },
    code: 'entry-changed',
    number: 5,
  },
  {
    what: 'an entry made to speak of another clip',
    how: a => a.sqlite(`UPDATE chain_entry SET subject = '${idOf('a6')}' WHERE number = 1`),
    code: 'entry-row',
    also: 'clip-without-entry',
    number: 1,
  },
  {
    what: 'an entry made a tombstone',
    how: a => a.sqlite("UPDATE chain_entry SET type = 'gone' WHERE number = 1"),
    code: 'entry-row',
    also: 'clip-without-entry',
    number: 1,
  },
  {
    what: 'an entry removed from the middle',
    how: a =>
      a.sqlite('DELETE FROM chain_entry WHERE number = 2', `DELETE FROM clip WHERE id = '${a.clip(1).id}'`),
    code: 'entry-missing',
    number: 2,
    text: /^Entry 2 of the chain is missing/,
  },
  {
    what: 'entries removed from the end, with their clips',
    how: a =>
      a.sqlite('DELETE FROM chain_entry WHERE number > 3', `DELETE FROM clip WHERE id > '${idOf('a3')}'`),
    code: 'history-cut',
    number: 6,
    text: /head of 2026-11-22 is of entry 6/,
  },
  {
    what: 'the day of an entry moved',
    how: a =>
      a.sqlite(
        "UPDATE chain_entry SET day = '2026-11-22' WHERE number = 4",
        "UPDATE chain_entry SET day = '2026-11-23' WHERE number > 3",
        "UPDATE chain_head SET day = '2026-11-23' WHERE number = 6",
      ),
    code: 'day-order',
    also: 'head-signature',
    number: 4,
  },
  {
    what: 'the signed head of a day removed',
    how: a => a.sqlite("DELETE FROM chain_head WHERE day = '2026-11-21'"),
    code: 'head-missing',
    number: 3,
  },
  {
    what: 'the signature of the last head removed with its row',
    how: a => a.sqlite("DELETE FROM chain_head WHERE day = '2026-11-22'"),
    code: 'head-missing',
    number: 6,
  },
  {
    what: 'a head for another day put beside',
    how: a =>
      a.sqlite(
        "INSERT INTO chain_head SELECT '2026-11-25', number, hash, signature FROM chain_head WHERE day = '2026-11-21'",
      ),
    code: 'head-row',
    number: 3,
  },
  {
    what: 'a signature replaced by that of another day',
    how: a =>
      a.sqlite(
        "UPDATE chain_head SET signature = (SELECT signature FROM chain_head WHERE day = '2026-11-22') WHERE day = '2026-11-21'",
      ),
    code: 'head-signature',
    number: 3,
  },
  {
    what: 'a signature replaced by nonsense',
    how: a => a.sqlite("UPDATE chain_head SET signature = '' WHERE day = '2026-11-21'"),
    code: 'head-signature',
    number: 3,
  },
  {
    what: 'history written anew from one entry on, without the key',
    how: a => rewrite(a, 5, () => 'nobody signs'),
    code: 'head-signature',
    number: 6,
  },
];

/** Every hash from an entry on as if it had been written with another camera, and the last head with it. */
function rewrite(a: ChainedArchive, from: number, sign: (text: string) => string): void {
  let hash = a.catalogue.hashOf(from - 1) ?? '';
  const rows = a.catalogue.chainRows(from - 1, 100);
  for (const row of rows) {
    const line = row.number === from ? row.line.replace(' den ', ' front-door ') : row.line;
    hash = sha256OfText(linkText(hash, line));
    a.sqlite(
      `UPDATE chain_entry SET line = '${line}', hash = '${hash}' WHERE number = ${row.number}`,
      `UPDATE clip SET camera = 'front-door' WHERE id = '${rows[0]?.subject}'`,
    );
  }
  const { day, number } = rows.at(-1) ?? { day: '', number: 0 };
  const signature = sign(headText(a.archiveId, { day, number, hash }));
  a.sqlite(`UPDATE chain_head SET hash = '${hash}', signature = '${signature}' WHERE day = '${day}'`);
}

for (const { what, how, code, also, clip, number, text } of tamperings) {
  t.test(`found by name: ${what}`, async t => {
    const archive = await sixClips(t);
    const head = archive.catalogue.chainHead();
    await how(archive);
    const report = await archive.verify();
    t.strictSame(
      report.findings.map(each => each.code),
      also === undefined ? [code] : [code, also],
      JSON.stringify(report.findings, null, 1),
    );
    const [found] = report.findings;
    if (clip !== undefined) t.equal(found?.id, archive.clip(clip).id);
    if (number !== undefined) t.equal(found?.number, number);
    if (text) t.match(found?.text, text);
    t.ok(found?.remedy);
    t.ok(head);
  });
}

t.test('found by name: the key pair replaced by another', async t => {
  const archive = await sixClips(t);
  rmSync(join(archive.stateDir, 'secrets'), { recursive: true });
  await openSigningKey({ stateDir: archive.stateDir, log: silentLog() });
  const { findings } = await archive.verify();
  t.strictSame(
    findings.map(({ code, number }) => [code, number]),
    [
      ['head-signature', 3],
      ['head-signature', 6],
    ],
  );
});

t.test('a key that was lost and replaced still speaks for its days, and that is counted', async t => {
  const archive = await sixClips(t);
  rmSync(join(archive.stateDir, 'secrets/signing.key'));
  await openSigningKey({ stateDir: archive.stateDir, log: silentLog() });
  const report = await archive.verify();
  t.match(report, { findingCount: 0 });
  t.strictSame([...report.chain.daysOfKey.values()], [2]);
});

t.test('an archive of another id does not have this chain', async t => {
  const archive = await sixClips(t);
  const { findings } = await archive.verify({}, { archiveId: 'another' });
  t.match(findings[0], { code: 'entry-changed', number: 1 });
});

t.test('a head that was noted is in the chain as long as nobody wrote history anew', async t => {
  const archive = await sixClips(t);
  const noted = { number: 4, hash: archive.catalogue.hashOf(4) ?? '' };
  const last = parseHead(formatHead(archive.catalogue.chainHead() ?? { number: 0, hash: '' }));
  t.match(await archive.verify({ expect: noted }), { findingCount: 0 });
  t.match(await archive.verify({ expect: last }), { findingCount: 0 });

  // With the key, which whoever controls the machine has, everything fits but what was noted elsewhere.
  rewrite(archive, 5, archive.chain.sign);
  t.match(await archive.verify(), { findingCount: 0 });
  t.match(await archive.verify({ expect: noted }), { findingCount: 0 }, 'what came before was not touched');
  const { findings } = await archive.verify({ expect: last });
  t.match(findings, [{ code: 'history-other', number: 6 }]);
});

t.test('an end cut off with everything that speaks of it shows beside a noted head only', async t => {
  const archive = await sixClips(t);
  const noted = parseHead(formatHead(archive.catalogue.chainHead() ?? { number: 0, hash: '' }));
  for (const { file } of archive.clips.slice(3)) rmSync(file);
  archive.sqlite(
    'DELETE FROM chain_entry WHERE number > 3',
    "DELETE FROM chain_head WHERE day = '2026-11-22'",
    `DELETE FROM receipt WHERE clip > '${idOf('a3')}'`,
    `DELETE FROM clip WHERE id > '${idOf('a3')}'`,
  );
  t.match(await archive.verify(), { findingCount: 0 });
  t.match((await archive.verify({ expect: noted })).findings, [
    { code: 'history-cut', number: 6, text: /the chain ends with entry 3/ },
  ]);
});

t.test('what retention deleted is told and is no finding', async t => {
  const archive = await sixClips(t);
  archive.letGo(archive.clip(1));
  rmSync(archive.clip(1).file);
  const report = await archive.verify();
  t.match(report, {
    findingCount: 0,
    chain: { entries: 7, kept: 6, goneByReason: new Map([['age', 1]]) },
    media: { clips: 5 },
  });
});

t.test('what retention deletes while it is read is no finding either', async t => {
  const archive = await sixClips(t);
  const report = await archive.verify(
    {},
    {
      read: (clip, signal) => {
        if (clip.path === archive.clip(2).path) {
          archive.letGo(archive.clip(2));
          rmSync(archive.clip(2).file);
        }
        return readStored(archive.dataDir, clip, signal);
      },
    },
  );
  t.match(report, { findingCount: 0, media: { clips: 6, goneMeanwhile: 1 } });
});

t.test('what arrives while it is read is read, too', async t => {
  const archive = await sixClips(t);
  let isFirst = true;
  const report = await archive.verify(
    {},
    {
      read: (clip, signal) => {
        if (isFirst) for (let i = 0; i < 300; i++) archive.fileClip(`c${i.toString().padStart(3, '0')}`);
        isFirst = false;
        return readStored(archive.dataDir, clip, signal);
      },
    },
  );
  t.match(report, { findingCount: 0 });
});

t.test('a disk that cannot read one clip is told, and the others are read', async t => {
  const archive = await sixClips(t);
  const read = (error: string) =>
    archive.verify(
      {},
      {
        read: (clip, signal) =>
          clip.path === archive.clip(2).path
            ? Promise.resolve({ state: 'unreadable', error })
            : readStored(archive.dataDir, clip, signal),
      },
    );
  const failed = await read('EIO');
  t.match(failed.findings, [
    { code: 'media-unreadable', id: archive.clip(2).id, text: /EIO/, remedy: /dmesg/ },
  ]);
  t.equal(failed.media.clips, 6);
  t.match((await read('EACCES')).findings, [{ remedy: /owner/ }]);
});

t.test('a disk that is not there any more is no thousand missing clips', async t => {
  const archive = await sixClips(t);
  renameSync(archive.dataDir, `${archive.dataDir}.away`);
  await t.rejects(archive.verify(), { name: 'TransientError', message: /marker/ });
  renameSync(`${archive.dataDir}.away`, archive.dataDir);
  const reading = archive.verify(
    {},
    {
      read: async (clip, signal) => {
        if (clip.path === archive.clip(3).path) renameSync(archive.dataDir, `${archive.dataDir}.away`);
        return readStored(archive.dataDir, clip, signal);
      },
    },
  );
  await t.rejects(reading, { name: 'TransientError' });
  renameSync(`${archive.dataDir}.away`, archive.dataDir);
  t.match(await archive.verify({ resume: true }), { findingCount: 0, resumed: true, media: { clips: 6 } });
});

t.test('a camera and a span of arrival are what is read, the chain is always whole', async t => {
  const archive = await sixClips(t);
  for (const index of [0, 1, 5]) flip(archive.clip(index).file);
  const found = async (request: Parameters<typeof archive.verify>[0]) =>
    (await archive.verify(request)).findings.map(each => archive.clips.findIndex(({ id }) => id === each.id));
  t.strictSame(await found({}), [0, 1, 5]);
  t.strictSame(await found({ camera: 'den' }), [1]);
  const { receivedAt } = archive.clip(1);
  t.strictSame(await found({ since: receivedAt }), [1, 5]);
  t.strictSame(await found({ since: receivedAt + 1 }), [5]);
  t.strictSame(await found({ until: receivedAt }), [0]);
  t.strictSame(await found({ until: receivedAt + 1 }), [0, 1]);
  archive.sqlite(
    'UPDATE chain_entry SET hash = reverse_of_it FROM (SELECT hex(randomblob(32)) AS reverse_of_it) WHERE number = 3',
  );
  const narrowed = await archive.verify({ camera: 'nobody' });
  t.ok(narrowed.findings.some(each => each.code === 'entry-changed'));
  t.equal(narrowed.media.clips, 0);
});

t.test('clips that wait for their entries are told once, with what to do', async t => {
  const archive = await sixClips(t);
  {
    using keyless = openCatalogue({ file: archive.file });
    for (const word of ['b1', 'b2']) keyless.fileClip(sampleClip(idOf(word)), sampleReceipt(idOf(word)));
  }
  t.match((await archive.verify()).findings, [
    { code: 'clip-without-entry', text: /^2 clips/, remedy: /serve/ },
  ]);
  t.match(await archive.verify({ camera: 'den' }), { findingCount: 0 });
});

t.test('an interrupted verify goes on where it was, with what it had found', async t => {
  const archive = await sixClips(t);
  flip(archive.clip(1).file);
  flip(archive.clip(4).file);
  const stop = new AbortController();
  const read: string[] = [];
  const reading = archive.verify(
    { until: archive.clip(5).receivedAt },
    {
      read: (clip, signal) => {
        read.push(clip.path);
        if (read.length === 3) stop.abort(new Error('enough'));
        return readStored(archive.dataDir, clip, signal);
      },
    },
    stop.signal,
  );
  await t.rejects(reading, /enough/);
  // What was read already is not read again, and what was asked for then still counts.
  const again: string[] = [];
  const report = await archive.verify(
    { resume: true },
    {
      read: (clip, signal) => {
        again.push(clip.path);
        return readStored(archive.dataDir, clip, signal);
      },
    },
  );
  t.strictSame(
    again,
    [2, 3, 4].map(index => archive.clip(index).path),
  );
  t.strictSame(
    report.findings.map(each => each.id),
    [archive.clip(1).id, archive.clip(4).id],
  );
  t.match(report, {
    resumed: true,
    findingCount: 2,
    media: { clips: 5 },
    selection: { until: archive.clip(5).receivedAt },
  });
  await t.rejects(archive.verify({ resume: true }), {
    name: 'FailedError',
    message: /no interrupted verify/,
  });
});

t.test('a file of progress that is not ours is not gone on with', async t => {
  const archive = await sixClips(t);
  const file = join(archive.stateDir, 'verify-progress.json');
  for (const text of [
    '',
    '{}',
    'null',
    '[]',
    '{"version":1',
    JSON.stringify({ version: 1, archiveId: archive.archiveId, position: {} }),
  ]) {
    writeFileSync(file, text);
    await t.rejects(
      archive.verify({ resume: true }),
      { name: 'FailedError', message: /without --resume/ },
      text,
    );
  }
  rmSync(file);
  symlinkSync('/etc/hostname', file);
  await t.rejects(archive.verify({ resume: true }), { name: 'FailedError' });
});

t.test('progress that cannot be kept is told once and stops nobody', async t => {
  const archive = await sixClips(t);
  const remarks: string[] = [];
  let now = 0;
  const report = await archive.verify(
    {},
    {
      stateDir: join(archive.root, 'nowhere'),
      clock: { now: () => 0, monotonicMs: () => (now += 20_000) },
      onRemark: sentence => void remarks.push(sentence),
    },
  );
  t.match(report, { findingCount: 0, media: { clips: 6 } });
  t.match(remarks, [/ENOENT/]);
});

t.test('more findings than anybody reads are counted', async t => {
  const archive = await chainedArchive(t);
  const count = maxFindings + 1;
  for (let i = 0; i < 3; i++) archive.fileClip(`a${i}`);
  archive.sqlite(
    `WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < ${count + 9})
     INSERT INTO chain_head SELECT '3' || printf('%09d', i), i, '', '' FROM n`,
  );
  const report = await archive.verify();
  t.equal(report.findings.length, maxFindings);
});
