import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** What lies under clips/, thumbnails/ and footage/ of a data directory, relative to it, sorted. */
export function filesUnder(dataDir: string): string[] {
  return ['clips', 'thumbnails', 'footage']
    .flatMap(top => readdirSync(join(dataDir, top), { recursive: true, withFileTypes: true }))
    .filter(file => !file.isDirectory())
    .map(file => join(relative(dataDir, file.parentPath), file.name))
    .sort();
}
