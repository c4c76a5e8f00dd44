// Pages must not lead nowhere: links, files that are named, and commands that are to be typed.

import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { Command } from 'commander';
import t from 'tap';
import { allCommands } from '../../src/cli/all-commands.ts';
import type { Desk } from '../../src/cli/desk.ts';
import { codeIn, filesEnding, headings, read, root, withoutBlocks } from './documents.ts';

const pages = filesEnding('.md');

t.test('every relative link leads to a file, and to a heading that is in it', t => {
  let links = 0;
  for (const page of pages) {
    for (const [, target = ''] of withoutBlocks(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links++;
      const [file = '', anchor] = target.split('#');
      const path = file === '' ? page : normalize(join(dirname(page), file));
      t.ok(existsSync(join(root, path)), `${page} links to ${target}`);
      if (anchor !== undefined)
        t.ok(anchorsOf(path).includes(anchor), `${page} links to the heading ${target}`);
    }
  }
  t.ok(links > 10, 'links were found');
  t.end();
});

t.test('every file of the project that a page names is there', t => {
  let names = 0;
  for (const page of pages) {
    for (const { text } of codeIn(read(page))) {
      for (const [name] of text.matchAll(/(?<![\w/.-])(?:src|docs|test|bin|scripts)\/[\w./-]*[\w/]/g)) {
        names++;
        t.ok(existsSync(join(root, name)), `${page} names ${name}`);
      }
    }
  }
  t.ok(names > 10, 'names were found');
  t.end();
});

t.test('every file that the tables of ARCHITECTURE.md name without src/ is there', t => {
  const rooms = 'receive|watch|ingest|inspect|access|archive|catalogue|media|settings|domain|base|cli';
  const names = [...read('ARCHITECTURE.md').matchAll(new RegExp(`\`((?:${rooms})/[\\w/-]+\\.ts)\``, 'g'))];
  for (const [, name = ''] of names) t.ok(existsSync(join(root, 'src', name)), `src/${name}`);
  t.ok(names.length > 20, 'names were found');
  t.end();
});

t.test('every clipward command that a page shows can be typed like that', async t => {
  const program = buildProgram();
  let commands = 0;
  for (const page of pages) {
    for (const { text, isBlock } of codeIn(read(page))) {
      for (const words of commandLinesIn(text)) {
        commands++;
        t.equal(faultOf(program, words, isBlock), undefined, `${page}: clipward ${words.join(' ')}`);
      }
    }
  }
  t.ok(commands > 20, 'commands were found');
});

t.test('every npm script that a page shows is in package.json', t => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const page of pages) {
    for (const { text } of codeIn(read(page))) {
      for (const [, name = ''] of text.matchAll(/\bnpm run (?:-s )?([\w:-]+)/g))
        t.hasProp(scripts, name, `${page}: npm run ${name}`);
      for (const [, name = ''] of text.matchAll(/\bnpm (start|test)\b/g))
        t.hasProp(scripts, name, `${page}: npm ${name}`);
    }
  }
  t.end();
});

t.test(
  'a command that is not there, an option that it does not take and an argument that is missing are found',
  async t => {
    const program = buildProgram();
    const fault = (line: string) => faultOf(program, line.split(' '), true);
    t.equal(fault('camera add front-door --allow 127.0.0.0/8'), undefined);
    t.match(fault('camera paint front-door'), 'paint');
    t.match(fault('camera add front-door --colour red'), '--colour');
    t.match(fault('camera add'), 'argument');
    t.match(fault('camera list everything'), 'argument');
    t.same(commandLinesIn('npm run clipward -- clip list # newest first'), [['clip', 'list']]);
    t.same(commandLinesIn('cat pw | npx clipward camera passwd a'), [['camera', 'passwd', 'a']]);
  },
);

function buildProgram(): Command {
  const program = new Command('clipward');
  for (const register of allCommands) register(program, {} as Desk);
  return program;
}

/** The words behind each `clipward` in a piece of code, up to a comment, a pipe or a file. */
function commandLinesIn(code: string): string[][] {
  return [...code.matchAll(/(?<![\w/.-])clipward(?: --)? +([a-z][^|#>]*)/g)].map(([, rest = '']) =>
    rest.trim().split(/\s+/),
  );
}

/** What is wrong with a command line, or undefined. A span may leave out the arguments, but not some of them. */
function faultOf(program: Command, words: readonly string[], isWhole: boolean): string | undefined {
  let command = program;
  const rest = [...words];
  while (command.commands.length > 0) {
    const name = rest.shift();
    if (name === undefined) return isWhole ? `${command.name()} needs a subcommand` : undefined;
    const next = command.commands.find(each => each.name() === name);
    if (next === undefined) return `${command.name()} has no subcommand ${name}`;
    command = next;
  }
  const isNamedOnly = rest.length === 0 && !isWhole;
  let given = 0;
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--help') return undefined;
    if (!word.startsWith('--')) {
      given++;
      continue;
    }
    const option = command.options.find(each => each.long === word);
    if (option === undefined) return `${command.name()} has no option ${word}`;
    if (option.required && rest.shift() === undefined) return `${word} needs a value`;
    if (option.optional && rest[0] !== undefined && !rest[0].startsWith('-')) rest.shift();
  }
  const wanted = command.registeredArguments;
  const needed = wanted.filter(each => each.required).length;
  if (given < needed && !isNamedOnly) return `${command.name()} needs an argument`;
  if (given > wanted.length && wanted.at(-1)?.variadic !== true)
    return `${command.name()} takes no argument ${given}`;
  return undefined;
}

/** As GitHub makes them of headings. */
function anchorsOf(path: string): string[] {
  return [1, 2, 3, 4]
    .flatMap(level => headings(read(path), level))
    .map(text =>
      text
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replace(/\s/g, '-'),
    );
}
