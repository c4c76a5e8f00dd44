// Everything that check can name, made by hand in an archive of two clips.

import { chmodSync, linkSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import type { FindingCode } from '../../src/inspect/invariants/finding.ts';
import { idOf } from '../ingest/small-archive.ts';
import { type CheckedArchive, checkedArchive, pathOf, strayPath } from './checked-archive.ts';

type Named = Readonly<{
  name: string;
  /** Makes it in an archive with the clips a1 and a2 of den; answers where. */
  make(archive: CheckedArchive): void | Promise<void>;
  /** What check then names, sorted. */
  codes: readonly FindingCode[];
  /** Only remarks, or this one is: nothing that makes check end with 1. */
  isRemark?: true | FindingCode;
  /** How many repairs that takes; undefined: one for each that is not left. */
  repaired?: number;
  /** What is left after --repair, sorted; undefined: nothing. */
  left?: readonly FindingCode[];
}>;

const violations: readonly Named[] = [
  {
    name: 'a file that has another size',
    make: archive => archive.overwrite(pathOf(archive, 'a1'), 'other bytes, and more of them'),
    codes: ['wrong-size'],
    left: ['wrong-size'],
  },
  {
    name: 'a file that may be written to',
    make: archive => chmodSync(archive.at(pathOf(archive, 'a1')), 0o600),
    codes: ['writable-file'],
  },
  {
    name: 'a link in the place of a file',
    make(archive) {
      const path = pathOf(archive, 'a1');
      renameSync(archive.at(path), join(archive.root, 'elsewhere'));
      symlinkSync(join(archive.root, 'elsewhere'), archive.at(path));
    },
    codes: ['not-regular'],
    left: ['not-regular'],
  },
  {
    name: 'a directory of ours that is a link',
    make(archive) {
      renameSync(archive.at('clips/den'), join(archive.root, 'den'));
      symlinkSync(join(archive.root, 'den'), archive.at('clips/den'));
    },
    codes: ['not-regular'],
    left: ['not-regular'],
  },
  {
    name: 'a second name for the same bytes',
    make: archive => linkSync(archive.at(pathOf(archive, 'a1')), join(archive.root, 'second')),
    codes: ['linked-file'],
    isRemark: true,
    left: ['linked-file'],
  },
  {
    name: 'a file without a row',
    make: archive => archive.put(strayPath, 'nobody knows'),
    codes: ['unknown-file'],
  },
  {
    name: 'what a filing that was cut short left of an upload that became a repeat',
    make: async archive => {
      const { originalPath } = await archive.clip('a3');
      const repeat = archive.upload('c1', 'media of a3', { path: originalPath });
      archive.put(strayPath, 'media of a3');
      await archive.file(repeat);
    },
    codes: ['duplicate-file'],
  },
  {
    name: 'other bytes under the name of an upload that became a repeat',
    make: async archive => {
      const { originalPath } = await archive.clip('a3');
      archive.put(strayPath, 'other bytes');
      await archive.file(archive.upload('c1', 'media of a3', { path: originalPath }));
    },
    codes: ['duplicate-file'],
    left: ['duplicate-file'],
  },
  {
    name: 'what is not from clipward',
    make(archive) {
      archive.put('clips/den/Thumbs.db', 'x');
      archive.put('clips/lost+found/x', 'x');
      archive.put(join(dirname(pathOf(archive, 'a1')), 'holiday.mp4'), 'x');
      archive.put('thumbnails/den/.hidden', 'x');
    },
    codes: ['foreign-file', 'foreign-file', 'foreign-file', 'foreign-file'],
    isRemark: true,
    left: ['foreign-file', 'foreign-file', 'foreign-file', 'foreign-file'],
  },
  {
    name: 'what storing a clip or a thumbnail left behind',
    make(archive) {
      archive.put(`${strayPath}.part`, 'half');
      archive.put(`${thumbnailOf(archive, 'a1')}.new`, 'half');
    },
    codes: ['part-file', 'part-file'],
  },
  {
    name: 'a thumbnail that is gone, and one that is empty',
    make(archive) {
      archive.remove(thumbnailOf(archive, 'a1'));
      writeFileSync(archive.at(thumbnailOf(archive, 'a2')), '');
    },
    codes: ['missing-thumbnail', 'missing-thumbnail'],
  },
  {
    name: 'a thumbnail that no row names',
    make: archive => archive.put(strayPath.replace('clips/', 'thumbnails/').replace('.mp4', '.jpg'), 'x'),
    codes: ['unknown-thumbnail'],
    isRemark: true,
    left: ['unknown-thumbnail'],
  },
  {
    name: 'a thumbnail whose clip has none by its row',
    make: archive => archive.sql('UPDATE clip SET thumbnail = NULL WHERE id = ?', idOf('a1')),
    codes: ['unknown-thumbnail'],
  },
  {
    name: 'a path that is not the clip’s own',
    make: archive => archive.sql("UPDATE clip SET path = '../../etc/passwd' WHERE id = ?", idOf('a1')),
    codes: ['bad-path', 'unknown-file'],
    // Its row has its id, so it is not taken in a second time.
    left: ['bad-path', 'unknown-file'],
  },
  {
    name: 'a clip without a receipt',
    make: archive => archive.sql('DELETE FROM receipt WHERE clip = ?', idOf('a1')),
    codes: ['clip-without-receipt'],
    left: ['clip-without-receipt'],
  },
  {
    name: 'a clip without an entry in the chain',
    make: archive => archive.sql('DELETE FROM chain_entry WHERE number = 2'),
    // A deleted last entry leaves its head.
    codes: ['catalogue-reference', 'clip-without-entry'],
    left: ['catalogue-reference', 'clip-without-entry'],
  },
  {
    name: 'a hole in the chain, and its clip without an entry',
    make: async archive => {
      await archive.clip('a3');
      archive.sql('DELETE FROM chain_entry WHERE number = 2');
    },
    codes: ['chain-hole', 'clip-without-entry'],
    left: ['chain-hole', 'clip-without-entry'],
  },
  {
    name: 'a clip whose row was taken away with its file',
    make(archive) {
      const clip = archive.catalogue.clip(idOf('a1'));
      archive.sql('DELETE FROM receipt WHERE clip = ?', idOf('a1'));
      archive.sql('DELETE FROM clip WHERE id = ?', idOf('a1'));
      archive.sql(
        'DELETE FROM event WHERE id = ? AND NOT EXISTS (SELECT 1 FROM clip WHERE event = ?)',
        clip?.event,
        clip?.event,
      );
      archive.remove(clip?.path ?? '');
      archive.remove(clip?.thumbnail ?? '');
    },
    codes: ['entry-without-clip'],
    left: ['entry-without-clip'],
  },
  {
    name: 'a clip that is in no event',
    make: archive => archive.sql('UPDATE clip SET event = NULL WHERE id = ?', idOf('a2')),
    // Its event has no clip now.
    codes: ['clip-without-event', 'event-without-clip'],
    repaired: 1,
    isRemark: 'clip-without-event',
  },
  {
    name: 'an event whose times are not those of its clips',
    make: archive => archive.sql('UPDATE event SET end_at = end_at + 1 WHERE id = ?', eventOf(archive, 'a2')),
    codes: ['event-bounds'],
  },
  {
    name: 'an event whose wrong times reach into the next one',
    make(archive) {
      const [first, second] = ['a1', 'a2'].map(word => eventOf(archive, word));
      archive.sql(
        'UPDATE event SET end_at = (SELECT start_at FROM event WHERE id = ?) WHERE id = ?',
        ...[second, first],
      );
    },
    codes: ['event-bounds', 'event-overlap'],
    repaired: 1,
  },
  {
    name: 'two events that overlap with their clips',
    make: archive =>
      archive.sql(
        'UPDATE clip SET start_at = (SELECT start_at FROM clip WHERE id = ?) WHERE id = ?',
        ...[idOf('a2'), idOf('a1')],
      ),
    codes: ['event-bounds'],
    left: ['event-overlap', 'event-overlap'],
  },
  {
    name: 'a clip in the event of another camera',
    make: async archive => {
      await archive.clip('a3', { camera: 'porch', secondsAgo: 600 });
      archive.sql('UPDATE event SET camera = ? WHERE id = ?', 'garage', eventOf(archive, 'a3'));
    },
    codes: ['event-camera'],
    left: ['event-camera'],
  },
  {
    name: 'a hold of an event that is not there',
    make: archive =>
      archive.sql(
        'INSERT INTO hold (id, camera, event, added_at) VALUES (?, ?, ?, 1)',
        ...[idOf('h1'), 'den', idOf('e1')],
      ),
    codes: ['catalogue-reference'],
    left: ['catalogue-reference'],
  },
  {
    name: 'what was put aside and is on no list',
    make: archive => archive.put(`quarantine/den/${idOf('b1')}/entry/receipt.json`, '{}'),
    codes: ['quarantine-without-row'],
  },
  {
    name: 'what is on the list and was moved away',
    make: archive =>
      archive.catalogue.addQuarantined({ camera: 'den', id: idOf('b1'), reason: 'odd', at: 1 }),
    codes: ['quarantine-row-without-entry'],
  },
];

for (const { name, make, codes, isRemark, repaired, left = [] } of violations)
  t.test(`check names ${name}, and --repair heals it or leaves it alone`, async t => {
    const archive = await checkedArchive(t);
    await archive.clip('a1', { secondsAgo: 4000 });
    await archive.clip('a2', { secondsAgo: 600 });
    await make(archive);
    const { codes: seen, found, summary } = await archive.look();
    t.same(seen, codes);
    t.equal(
      summary.violations,
      codes.filter(code => isRemark !== true && isRemark !== code).length,
      'violations make it end with 1',
    );
    t.ok(found.every(({ text, remedy }) => text.endsWith('.') && remedy.endsWith('.')));
    const files = archive.files();
    t.same((await archive.look()).codes, codes, 'looking changes nothing');
    t.same(archive.files(), files);
    const mended = await archive.look({ repair: true });
    t.equal(mended.summary.repaired, repaired ?? codes.filter(code => !left.includes(code)).length);
    t.same((await archive.look()).codes, left);
  });

function eventOf(archive: CheckedArchive, word: string): string {
  return archive.catalogue.clip(idOf(word))?.event ?? '';
}

function thumbnailOf(archive: CheckedArchive, word: string): string {
  return archive.catalogue.clip(idOf(word))?.thumbnail ?? '';
}
