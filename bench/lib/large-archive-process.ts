// Makes a large archive, in a process of its own: rows on one thread, files on another. Arguments: an empty directory, how many
// clips.

import { once } from 'node:events';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { beginLargeArchive, type LargeArchive, makeFiles, makeRows } from './large-archive.ts';
import { saveMade } from './made-archive.ts';

if (isMainThread) {
  const [, , directory = '', count = ''] = process.argv;
  const clips = Number(count);
  const archive = await beginLargeArchive(directory, clips);
  const files = new Worker(new URL(import.meta.url), { workerData: { archive, clips } });
  const written = once(files, 'exit');
  // Before the files are there, nobody looks: that it is made is said last.
  await makeRows(archive, clips);
  const [code] = await written;
  if (code !== 0) throw new Error('the files were not made');
  saveMade(directory, { ...archive, clips });
} else {
  const { archive, clips } = workerData as { archive: LargeArchive; clips: number };
  makeFiles(archive, clips);
}
