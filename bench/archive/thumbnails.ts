// How soon a clip can be seen: a real client uploads 1080p clips to the daemon, one after the other.

import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { spawnGroup } from '../../scripts/lib/undo-at-end.ts';
import { addCamera, makeInstallation } from '../../test/support/daemon.ts';
import { startBuilt } from '../lib/built-daemon.ts';
import { makeVideo } from '../lib/make-video.ts';
import { costsOf } from '../lib/process-costs.ts';
import { untilQuiet } from '../lib/quiet.ts';
import { median } from '../lib/spread.ts';

const uploads = 30;
const mebibyte = 1024 * 1024;

export type Thumbnails = Readonly<{
  uploads: number;
  medianMs: number;
  worstMs: number;
  mebibytesAfterFirst: number;
  mebibytesAfterLast: number;
}>;

export async function measureThumbnails(): Promise<Thumbnails> {
  const place = await makeInstallation();
  try {
    await using daemon = await startBuilt(place.config);
    const password = await addCamera(place, 'den');
    const file = join(place.root, 'clip.mp4');
    makeVideo(file);
    const directory = join(place.dataDir, 'thumbnails');
    await mkdir(directory, { recursive: true });
    const mebibytes = async () => {
      await untilQuiet('the daemon', [daemon.pid]);
      return Math.round(costsOf([daemon.pid]).pssBytes / mebibyte);
    };
    const times: number[] = [];
    let mebibytesAfterFirst = 0;
    for (let index = 0; index < uploads; index++) {
      const isThere = Promise.withResolvers<number>();
      const watcher = watch(directory, { recursive: true }, (_event, name) => {
        if (name?.endsWith('.jpg')) isThere.resolve(performance.now());
      });
      const url = `ftp://127.0.0.1:${place.explicitPort}/Den_${index}.mp4`;
      const answeredAt = await upload(file, `den:${password}`, url);
      times.push((await isThere.promise) - answeredAt);
      watcher.close();
      if (index === 0) mebibytesAfterFirst = await mebibytes();
    }
    return {
      ...{ uploads, medianMs: Math.round(median(times)), worstMs: Math.round(Math.max(...times)) },
      ...{ mebibytesAfterFirst, mebibytesAfterLast: await mebibytes() },
    };
  } finally {
    place.remove();
  }
}

/** Answers when `226` came. */
async function upload(file: string, user: string, url: string): Promise<number> {
  const command = ['curl', '-sSv', '--ssl-reqd', '-k', '-u', user, '-T', file, url];
  const curl = spawnGroup(command, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  let answeredAt = Number.NaN;
  curl.stderr?.on('data', chunk => {
    said += chunk;
    if (Number.isNaN(answeredAt) && said.includes('< 226')) answeredAt = performance.now();
  });
  await once(curl, 'close');
  if (Number.isNaN(answeredAt)) throw new Error(`the upload failed: ${said.slice(-500)}`);
  return answeredAt;
}

export function thumbnailsInWords(facts: Thumbnails): string[] {
  return [
    `226 to thumbnail, 1080p, H.264, 10 s: ${facts.medianMs} ms in the middle (goal: less than 400), ${facts.worstMs} ms at the worst of ${facts.uploads}`,
    `memory of the daemon (PSS): ${facts.mebibytesAfterFirst} MiB after the first of them, ${facts.mebibytesAfterLast} MiB after the last`,
  ];
}
