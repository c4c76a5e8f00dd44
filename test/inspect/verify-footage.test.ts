// verify reads footage again as it reads clips, and finds by name what somebody has done to it.

import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readStored } from '../../src/archive/read-stored.ts';
import { sha256OfText } from '../../src/catalogue/chain.ts';
import type { VerifyCode } from '../../src/inspect/verify/finding.ts';
import { chainedArchive, idOf } from './chained-archive.ts';

type Recorded = Awaited<ReturnType<typeof recorded>>;
const minute = 60_000;

/** Four segments, the last of another camera, and a clip. */
async function recorded(test: Test) {
  const archive = await chainedArchive(test);
  const start = archive.clock.at - 60 * minute;
  const segments = ['sa', 'sb', 'sc'].map((word, index) => archive.fileSegment(word, start + index * minute));
  segments.push(archive.fileSegment('sd', start, { camera: 'porch' }));
  archive.fileClip('k');
  return { ...archive, start, segment: (at: number) => segments[at] as (typeof segments)[0] };
}

t.test('footage is read again beside clips, whole or by camera and by when it was recorded', async t => {
  const archive = await recorded(t);
  t.match(await archive.verify(), { findingCount: 0, chain: { kept: 5 }, media: { clips: 1, segments: 4 } });
  t.match(await archive.verify({ camera: 'porch' }), { media: { clips: 0, segments: 1 } });
  const since = archive.start + 2 * minute;
  t.match(await archive.verify({ camera: 'front-door', since, until: since + 1 }), {
    media: { clips: 0, segments: 1 },
  });
});

const flip = (file: string) => {
  const bytes = readFileSync(file);
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  chmodSync(file, 0o600);
  writeFileSync(file, bytes);
};

const where = (a: Recorded, at: number) => `WHERE id = '${a.segment(at).id}'`;

const tamperings: ReadonlyArray<
  Readonly<{ what: string; how(a: Recorded): void; codes: VerifyCode[]; segment?: number; text?: RegExp }>
> = [
  { what: 'one bit flipped', how: a => flip(a.segment(1).file), codes: ['media-changed'], segment: 1 },
  {
    what: 'a segment cut',
    how: a => truncateSync(a.segment(1).file, 4),
    codes: ['media-changed'],
    segment: 1,
    text: /^This segment has 4 bytes, and 10 were recorded/,
  },
  { what: 'a segment removed', how: a => rmSync(a.segment(2).file), codes: ['media-missing'], segment: 2 },
  {
    what: 'a link to the same bytes in its place',
    how: a => {
      renameSync(a.segment(0).file, join(a.root, 'elsewhere'));
      symlinkSync(join(a.root, 'elsewhere'), a.segment(0).file);
    },
    codes: ['media-not-regular'],
    segment: 0,
  },
  {
    what: 'a directory in its place',
    how: a => {
      rmSync(a.segment(0).file);
      mkdirSync(a.segment(0).file);
    },
    codes: ['media-not-regular'],
    segment: 0,
  },
  {
    what: 'two segments exchanged',
    how: a => {
      const [one, other] = [a.segment(0).file, a.segment(1).file];
      renameSync(one, `${one}.x`);
      renameSync(other, one);
      renameSync(`${one}.x`, other);
    },
    codes: ['media-changed', 'media-changed'],
    segment: 0,
  },
  {
    what: 'the hash of a segment and of its row changed together',
    how: a => {
      flip(a.segment(1).file);
      const sha256 = sha256OfText(readFileSync(a.segment(1).file, 'utf8'));
      a.sqlite(`UPDATE segment SET sha256 = '${sha256}' ${where(a, 1)}`);
    },
    codes: ['segment-row-changed', 'media-changed'],
    segment: 1,
    text: /sha256\.$/,
  },
  {
    what: 'the time at which it was recorded changed',
    how: a => a.sqlite(`UPDATE segment SET kept_from = kept_from - 1 ${where(a, 1)}`),
    codes: ['segment-row-changed'],
    segment: 1,
  },
  {
    what: 'the camera of a row changed',
    how: a => a.sqlite(`UPDATE segment SET camera = 'garden' ${where(a, 1)}`),
    codes: ['segment-row-changed'],
    segment: 1,
    text: /camera\.$/,
  },
  {
    what: 'the path of a row leading out of the archive',
    how: a => a.sqlite(`UPDATE segment SET path = 'footage/../../x.mp4' ${where(a, 1)}`),
    codes: ['segment-row-changed'],
    segment: 1,
  },
  {
    what: 'a segment removed with its row',
    how: a => {
      rmSync(a.segment(2).file);
      a.sqlite(`DELETE FROM segment ${where(a, 2)}`);
    },
    codes: ['segment-row-missing'],
    segment: 2,
  },
  {
    what: 'a row moved to the clips',
    how: a => {
      const { id, path, bytes, sha256 } = a.segment(2);
      a.sqlite(
        `CREATE TEMP TABLE copy AS SELECT * FROM clip LIMIT 1;
         UPDATE copy SET id = '${id}', path = '${path}', bytes = ${bytes}, sha256 = '${sha256}',
           received_at = (SELECT kept_from FROM segment ${where(a, 2)});
         INSERT INTO clip SELECT * FROM copy`,
        `DELETE FROM segment ${where(a, 2)}`,
      );
    },
    codes: ['segment-row-changed'],
    segment: 2,
    text: /media\.$/,
  },
  {
    what: 'a segment added by hand',
    how: a =>
      a.sqlite(
        `CREATE TEMP TABLE copy AS SELECT * FROM segment ${where(a, 2)};
         UPDATE copy SET id = '${idOf('zz')}', path = 'footage/x';
         INSERT INTO segment SELECT * FROM copy`,
      ),
    codes: ['segment-without-entry'],
  },
];

for (const { what, how, codes, segment, text } of tamperings) {
  t.test(`found by name: ${what}`, async t => {
    const archive = await recorded(t);
    how(archive);
    const { findings } = await archive.verify();
    t.strictSame(
      findings.map(({ code }) => code),
      codes,
      JSON.stringify(findings, null, 1),
    );
    if (segment !== undefined) t.equal(findings[0]?.id, archive.segment(segment).id);
    if (text) t.match(findings[0]?.text, text);
    t.ok(findings[0]?.remedy);
  });
}

t.test('what retention deleted is counted; a row that is put back is found', async t => {
  const archive = await recorded(t);
  const { id, camera, bytes, keptFrom, file } = archive.segment(1);
  const wanted = { id, camera, bytes, keptFrom, mediaClass: 'footage', reason: 'age' } as const;
  archive.sqlite(`CREATE TABLE kept AS SELECT * FROM segment ${where(archive, 1)}`);
  t.equal(archive.catalogue.makeGarbage([wanted], archive.clock.at).length, 1);
  t.match(await archive.verify(), {
    findingCount: 0,
    chain: { goneByReason: new Map([['age', 1]]) },
    media: { segments: 3 },
  });
  archive.sqlite('INSERT INTO segment SELECT * FROM kept');
  rmSync(file);
  t.match((await archive.verify()).findings, [
    { code: 'segment-after-tombstone', id },
    { code: 'media-missing', id },
  ]);
});

t.test('what retention deletes while it is read is no finding', async t => {
  const archive = await recorded(t);
  const { id, camera, bytes, keptFrom, path, file } = archive.segment(2);
  const report = await archive.verify(
    {},
    {
      read: (media, signal) => {
        if (media.path === path) {
          const wanted = { id, camera, bytes, keptFrom, mediaClass: 'footage', reason: 'age' } as const;
          archive.catalogue.makeGarbage([wanted], archive.clock.at);
          rmSync(file);
        }
        return readStored(archive.dataDir, media, signal);
      },
    },
  );
  t.match(report, { findingCount: 0, media: { segments: 4, goneMeanwhile: 1 } });
});
