// A large archive that is made once, for whoever looks at it: also in a later run, as it takes minutes.

import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnGroup } from '../../scripts/lib/undo-at-end.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { freePort } from '../../test/support/daemon.ts';
import type { LargeArchive } from './large-archive.ts';

export type MadeArchive = LargeArchive & Readonly<{ clips: number }>;

const program = fileURLToPath(new URL('large-archive-process.ts', import.meta.url));
const madeFile = (directory: string) => join(directory, 'made.json');

export function saveMade(directory: string, made: MadeArchive): void {
  writeFileSync(madeFile(directory), JSON.stringify(made));
}

/** The one that is there, or a new one. In a process of its own: what is measured meanwhile is not held up. */
export async function madeArchive(directory: string, clips: number): Promise<MadeArchive> {
  if (!existsSync(madeFile(directory))) await make(directory, clips);
  const made = JSON.parse(readFileSync(madeFile(directory), 'utf8')) as MadeArchive;
  if (made.clips !== clips)
    throw new Error(`${directory} holds an archive of ${made.clips} clips, not of ${clips}`);
  const [explicit, implicit] = [await freePort(), await freePort()];
  const settings = [
    ...['dataDir: ./data', 'stateDir: ./state', 'certsDir: ./certs', 'http: { port: null }', 'ftps:'],
    `  explicit: { host: 127.0.0.1, port: ${explicit} }`,
    `  implicit: { host: 127.0.0.1, port: ${implicit} }`,
    '  limits: { minFreeBytes: 0 }',
  ];
  writeFileSync(made.config, `${settings.join('\n')}\n`);
  return made;
}

async function make(directory: string, clips: number): Promise<void> {
  // What an interruption has left.
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const child = spawnGroup([process.execPath, program, directory, `${clips}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the archive of ${clips} clips could not be made`);
}

/** With those that were filed into it since. */
export function clipsIn({ stateDir }: LargeArchive): number {
  using catalogue = openCatalogue({ file: catalogueFile(stateDir), readOnly: true });
  return catalogue.tallies().reduce((sum, { clips }) => sum + clips, 0);
}
