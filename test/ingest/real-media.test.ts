// The archive's half of the journey with nothing replaced: watcher, queue, ffmpeg, files and catalogue.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { openInbox } from '../../src/archive/inbox.ts';
import { silentLog } from '../../src/base/log.ts';
import { fileEntry } from '../../src/ingest/file-entry.ts';
import { startIngest } from '../../src/ingest/ingest.ts';
import { openMedia } from '../../src/media/media.ts';
import { startWatch } from '../../src/watch/watch.ts';
import { makeJpeg, makeMp4 } from '../support/media.ts';
import { idOf, nameFrom, smallArchive } from './small-archive.ts';

t.test('uploads of real cameras are seen, filed and shown, and what is none goes to quarantine', async t => {
  const archive = await smallArchive(t);
  const { dataDir, parts, catalogue, quarantine } = archive;
  const log = silentLog();
  const filing = { ...parts, media: await openMedia({ log }) };
  const video = readFileSync(await makeMp4({ codec: 'hevc', seconds: 2 }));
  const picture = readFileSync(await makeJpeg());

  archive.upload('a1', video, { path: nameFrom(20) });
  const arrived = new Set<string>();
  const allArrived = Promise.withResolvers<void>();
  await using ingest = startIngest({
    log,
    fileEntry: (entry, signal) => fileEntry(filing, entry, signal),
    quarantineEntry: async (entry, reason) => {
      const at = new Date();
      await quarantine.quarantineEntry(entry, reason, at);
      catalogue.addQuarantined({ ...entry, reason, at: at.getTime() });
    },
    onRoom: () => undefined,
  });
  const onEntry = (camera: string, id: string) => {
    const answer = ingest.offer(camera, id);
    if (arrived.add(id).size === 4) allArrived.resolve();
    return answer;
  };
  const { listEntries } = openInbox({ dataDir, archiveId: 'only listed' });
  const inboxDir = join(dataDir, 'inbox');
  await using _watch = await startWatch({
    inboxDir,
    listEntries,
    onEntry,
    reconcileIntervalMs: 3_600_000,
    log,
  });
  await ingest.idle();
  t.ok(archive.clip('a1'), 'what lay there before the start is filed');

  archive.upload('a2', picture, { path: 'picture.jpg' }, 'by-rename');
  archive.upload(
    'a3',
    Buffer.from('ffconcat version 1.0\nfile /etc/passwd\n'),
    { path: 'list.mp4' },
    'by-rename',
  );
  archive.upload('a4', video, { path: 'lie.mp4', sha256: '0'.repeat(64) }, 'by-rename');
  await allArrived.promise;
  await ingest.idle();

  t.match(archive.clip('a1'), { kind: 'video', codec: 'hevc', width: 640, height: 360, timeSource: 'name' });
  t.match(archive.clip('a1')?.durationMs, 2000);
  t.match(archive.clip('a2'), { kind: 'image', timeSource: 'arrival' });
  t.match(archive.clip('a3'), { kind: 'other', thumbnail: null });
  t.equal(archive.clip('a4'), undefined);
  t.match(catalogue.quarantined(10), [{ id: idOf('a4'), reason: /SHA-256/ }]);
  for (const word of ['a1', 'a2']) {
    const pixel = await pixelsOf(join(dataDir, archive.clip(word)?.thumbnail ?? 'missing'));
    const [left, right] = [pixel(0), pixel(3)];
    t.ok((left[0] ?? 0) > 200 && (left[2] ?? 0) < 80, `${word} is red on the left: ${left}`);
    t.ok((right[2] ?? 0) > 200 && (right[0] ?? 0) < 80, `${word} is blue on the right: ${right}`);
  }
  t.strictSame(
    archive.files().filter(file => file.startsWith('inbox')),
    [],
  );
});

/** A picture as four columns of one row, decoded by ffmpeg: `sharp` may not load files in this process. */
async function pixelsOf(jpeg: string): Promise<(column: 0 | 1 | 2 | 3) => readonly number[]> {
  const args = [
    '-v',
    'error',
    '-i',
    jpeg,
    '-vf',
    'scale=4:1:flags=area',
    '-pix_fmt',
    'rgb24',
    '-f',
    'rawvideo',
    '-',
  ];
  const { stdout } = await promisify(execFile)('ffmpeg', args, { encoding: 'buffer' });
  return column => [...stdout.subarray(column * 3, column * 3 + 3)];
}
