// npm run bench -- NAME [options]: one measurement, a file of its own in bench/, in a temporary directory that is removed
// afterwards. Numbers are of this machine: compare those of one run, not those of two.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench/lib/bench.ts';

const directory = fileURLToPath(new URL('../bench/', import.meta.url));
const build = fileURLToPath(new URL('build.mjs', import.meta.url));

process.exitCode = await runBench(process.argv.slice(2));

async function runBench([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help') {
    console.log(await usage());
    return name === undefined ? 2 : 0;
  }
  if (!/^[a-z][a-z-]*$/.test(name) || !existsSync(join(directory, `${name}.ts`))) {
    console.error(`There is no bench ${JSON.stringify(name)}: npm run bench lists them.`);
    return 2;
  }
  const bench = await load(name);
  if (args.includes('--help')) {
    console.log(`npm run bench -- ${name} ${bench.options}\n\n${bench.description}`);
    return 0;
  }
  // What is measured is what a user runs. Standard output is for the result.
  const { status } = spawnSync(process.execPath, [build], { stdio: ['ignore', 2, 2] });
  if (status !== 0) return 1;
  await bench.run(args);
  return 0;
}

async function load(name: string): Promise<Bench> {
  const module = (await import(join(directory, `${name}.ts`))) as { bench: Bench };
  return module.bench;
}

async function usage(): Promise<string> {
  const names = readdirSync(directory)
    .filter(file => file.endsWith('.ts'))
    .map(file => file.slice(0, -3))
    .sort();
  const lines = await Promise.all(
    names.map(async name => `  ${name.padEnd(12)} ${(await load(name)).description.split('\n')[0]}`),
  );
  return ['npm run bench -- NAME [options], with --help for those of one', '', ...lines].join('\n');
}
