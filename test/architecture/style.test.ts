// What STYLE.md asks of every file and a program can see.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../', import.meta.url));
const maxLines = 400;

/** Joined here, so that this file does not contain what it looks for. */
const word = (...parts: string[]) => parts.join('');
const unfinished = new RegExp(
  [
    `\\b(?:${[word('TO', 'DO'), word('FIX', 'ME'), word('X', 'XX')].join('|')})\\b`,
    `\\b(?:${word('[Ff]or ', 'now')}|${word('[Pp]lace', 'holder')})\\b`,
  ].join('|'),
);
const machinePaths = new RegExp(
  `(?<![\\w.])/(?:${[word('wo', 'rk'), word('ho', 'me'), word('ro', 'ot'), word('Us', 'ers')].join('|')})/\\w`,
);
const registryHosts = new RegExp(
  `${[word('registry.', 'npm'), word('npm', 'mirror'), word('arti', 'factory'), word('ver', 'daccio')].join('|')}`,
  'i',
);

type Problem = (text: string) => string | undefined;

/** What is wrong with each file, as `path: problem`. */
function problems(paths: readonly string[], problem: Problem): string[] {
  return paths.flatMap(path => {
    const found = problem(readFileSync(join(root, path), 'utf8'));
    return found === undefined ? [] : [`${path}: ${found}`];
  });
}

const tooLong: Problem = text => {
  const lines = text.split('\n').length - 1;
  return lines > maxLines ? `${lines} lines; take it apart (at most ${maxLines})` : undefined;
};
const hasDefaultExport: Problem = text =>
  /^export default\b|^export \{[^}]*\bas default\b/m.test(text) ? 'a default export; name it' : undefined;
const has =
  (pattern: RegExp, what: string): Problem =>
  text => {
    const found = pattern.exec(text);
    if (found === null) return undefined;
    const line = text.slice(0, found.index).split('\n').length;
    return `line ${line} has "${found[0]}": ${what}`;
  };

/** Tracked files and new ones that git does not ignore; in a copy without git, what lies where those would. */
function projectFiles(): string[] {
  const isClone = existsSync(join(root, '.git'));
  const listed = isClone
    ? execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
        cwd: root,
        encoding: 'utf8',
      }).split('\0')
    : ['src', 'test', 'scripts', 'bin', 'docs'].flatMap(directory =>
        readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' }).map(path =>
          join(directory, path),
        ),
      );
  return listed.filter(
    path => path !== '' && statSync(join(root, path), { throwIfNoEntry: false })?.isFile(),
  );
}

const files = projectFiles();
const below = (...directories: string[]) =>
  files.filter(path => directories.includes(path.split('/')[0] as string) && /\.(ts|mjs|sql)$/.test(path));

t.test('no source file is longer than anybody can hold in mind', async t => {
  t.ok(below('src').length > 50, 'the sources were found');
  t.same(problems(below('src'), tooLong), []);
  t.equal(tooLong('a\n'.repeat(maxLines)), undefined);
  t.match(tooLong('a\n'.repeat(maxLines + 1)), /401 lines/);
});

t.test('nothing is left for later', async t => {
  const check = has(unfinished, 'finish it, or file an issue');
  t.same(problems(below('src', 'test', 'scripts', 'bin'), check), []);
  for (const text of [word('// TO', 'DO: x'), word('// works for ', 'now'), word('a place', 'holder')])
    t.match(check(text), /finish it/, text);
  t.equal(check('tap counts todo tests for nowhere'), undefined);
});

t.test('sources export by name', async t => {
  t.same(problems(below('src'), hasDefaultExport), []);
  t.match(hasDefaultExport('const a = 1;\nexport default a;'), /a default export/);
  t.match(hasDefaultExport('export { a as default };'), /a default export/);
});

t.test('no file names a path or a package registry of one machine', async t => {
  const paths = has(machinePaths, 'a path of one machine');
  const hosts = has(registryHosts, 'the address of a package registry');
  const text = files.filter(path => !/\.(png|jpe?g|mp4|ico)$/.test(path));
  t.same(problems(text, paths), []);
  t.same(problems(text, hosts), []);
  t.match(paths(word('cd /ro', 'ot/x')), /a path of one machine/);
  t.equal(paths(word('https://host/wo', 'rk/x').replace('host', 'host.example')), undefined);
  t.match(hosts(word('https://registry.', 'npmjs.org/')), /the address/);
});

t.test('migrations are numbered without gaps', async t => {
  const directories = new Map<string, number[]>();
  for (const path of below('src').filter(each => /\/\d+-[^/]*\.sql$/.test(each)))
    directories.set(dirname(path), [
      ...(directories.get(dirname(path)) ?? []),
      Number.parseInt(basename(path), 10),
    ]);
  t.ok(directories.size >= 3, 'the migrations were found');
  for (const [directory, numbers] of directories)
    t.same(
      numbers.sort((a, b) => a - b),
      numbers.map((_, index) => index + 1),
      directory,
    );
});
