// What people do on the command line while cameras upload. Each may be killed like the daemon.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { CommandResult } from '../support/daemon.ts';
import { type Studio, sha256Of } from './contents.ts';
import type { Host } from './host.ts';
import type { Ledger } from './ledger.ts';
import type { Random } from './volatile-image.ts';

export type Chore = Readonly<{
  name: ChoreName;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<ChoreEnd>;
}>;

export type ChoreEnd = Readonly<{
  /** What went wrong that was not its end by a signal. */
  violations: readonly string[];
  /** What a person does who sees that it was interrupted; answers what went wrong then. */
  again?: () => Promise<readonly string[]>;
}>;

type Ground = Readonly<{ host: Host; ledger: Ledger; studio: Studio; random: Random }>;
type Command = ReturnType<Host['command']>;

const chores = {
  check: ({ host }) => plain(host.command(['check'])),
  repair: ({ host }) => plain(host.command(['check', '--repair'])),
  retention: ({ host }) => plain(host.command(['retention', 'run'])),
  verify: ({ host }) => plain(host.command(['verify'])),
  hold: holdAll,
  import: importSome,
} satisfies Record<string, (ground: Ground) => Omit<Chore, 'name'>>;

export type ChoreName = keyof typeof chores;
export const choreNames = Object.keys(chores) as ChoreName[];

export function startChore(name: ChoreName, ground: Ground): Chore {
  return { name, ...chores[name](ground) };
}

function plain({ kill, result }: Command): Omit<Chore, 'name'> {
  return { kill, ended: result.then(ended => ({ violations: complain(ended) })) };
}

/** It may be told that something is not as it should be (1): what that was is asked again in peace. */
function complain({ code, stderr }: CommandResult): string[] {
  const isOver = code === 0 || code === 1 || code === -1;
  return isOver ? [] : [`a command ended with ${code}: ${stderr}`];
}

const dayMs = 24 * 3_600_000;

/** Everything of one camera. What is there when the command has ended must be there for ever. */
function holdAll({ host, ledger }: Ground): Omit<Chore, 'name'> {
  const at = (epochMs: number) => new Date(epochMs).toISOString();
  const span = ['--from', at(Date.now() - dayMs), '--to', at(Date.now() + dayMs)];
  const { kill, result } = host.command(['hold', 'add', '--camera', 'den', ...span]);
  const ended = result.then(end => {
    if (end.code === 0) {
      using catalogue = openCatalogue({ file: catalogueFile(host.stateDir), readOnly: true });
      const there = new Set(Array.from(catalogue.listClips({ camera: 'den' }), ({ sha256 }) => sha256));
      for (const attempt of ledger.attempts)
        if (attempt.camera === 'den' && there.has(attempt.sha256)) attempt.isHeld = true;
    }
    return { violations: complain(end) };
  });
  return { kill, ended };
}

/** What it ended with 0 for is in the archive. One that was interrupted is run again. */
function importSome({ host, ledger, studio, random }: Ground): Omit<Chore, 'name'> {
  const tree = mkdtempSync(join(dirname(host.config), 'import-'));
  const attempts = Array.from({ length: 1 + random(8) }, () => {
    const number = ledger.nextNumber();
    const contents = {
      kind: random(3) === 0 ? 'picture' : 'noise',
      number,
      bytes: 1 + random(50_000),
    } as const;
    const bytes = studio.bytesOf(contents);
    const path = `imported-${number}.jpg`;
    writeFileSync(join(tree, path), bytes);
    return ledger.begin({ camera: 'shed', path, contents, sha256: sha256Of(bytes), isImport: true });
  });
  const start = () => host.command(['import', tree, '--camera', 'shed', '--json']);
  const finish = ({ code }: CommandResult): boolean => {
    for (const attempt of attempts) attempt.acknowledged = code === 0;
    if (code === 0) rmSync(tree, { recursive: true, force: true });
    return code === 0;
  };
  const again = async () => {
    const ended = await start().result;
    return finish(ended) ? [] : [`import, run again, ended with ${ended.code}: ${ended.stderr}`];
  };
  const { kill, result } = start();
  return {
    kill,
    ended: result.then(ended => (finish(ended) ? { violations: [] } : { violations: [], again })),
  };
}
