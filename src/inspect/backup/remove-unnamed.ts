import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { listStored, storedTree } from '../../archive/list-stored.ts';
import { syncDirectory } from '../../base/durable.ts';
import type { Catalogue } from '../../catalogue/catalogue.ts';

const trees = {
  clips: { kind: 'clip', shape: storedTree },
  thumbnails: { kind: 'clip', shape: storedTree },
  footage: { kind: 'segment', shape: [...storedTree, (name: string) => /^\d\d$/.test(name)] },
} as const;

/**
 * Takes out of a backup what none of its rows names: retention deleted it while the backup was made, or an earlier try left
 * it half copied. `open`: segments that were still being written.
 */
export async function removeUnnamed(
  dataDir: string,
  catalogue: Pick<Catalogue, 'keptFile'>,
  open: ReadonlySet<string>,
): Promise<void> {
  for (const [tree, { kind, shape }] of Object.entries(trees)) {
    for await (const batch of listStored(dataDir, tree, shape)) {
      const changed = new Set<string>();
      for (const { path } of batch.flatMap(stored => (stored.state === 'file' ? [stored.file] : []))) {
        const [, id = ''] = /_([0-9a-z]{26})\.[a-z0-9]+$/.exec(path) ?? [];
        const row = catalogue.keptFile(kind, id);
        if (row?.path === path || row?.thumbnail === path || open.has(path)) continue;
        await rm(join(dataDir, path), { force: true });
        changed.add(dirname(join(dataDir, path)));
      }
      for (const directory of changed) await syncDirectory(directory);
    }
  }
}
