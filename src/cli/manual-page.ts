// The manual page in roff's man macros, which man, groff and mandoc read.

import type { CommandFacts } from './command-tree.ts';
import { examplesOf } from './examples.ts';

/** `day` as `2026-11-21`. */
export function manualPage(
  tree: readonly CommandFacts[],
  { version, day }: { version: string; day: string },
): string {
  const [program] = tree;
  return [
    `.TH CLIPWARD 1 ${day} "clipward ${version}" "Clipward"`,
    '.SH NAME',
    'clipward \\- receive security camera clips over FTPS and keep them as evidence',
    '.SH SYNOPSIS',
    '.B clipward',
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    wrapped(program?.description ?? ''),
    ...introduction.flatMap(each => ['.PP', wrapped(each)]),
    '.SH COMMANDS',
    ...tree.filter(({ children }) => children.length === 0).flatMap(commandLines),
    '.SH EXIT STATUS',
    ...exitCodes.flatMap(([code, meaning]) => tagged(code, meaning)),
    '.SH ENVIRONMENT',
    ...environment.flatMap(([name, meaning]) => tagged(name, meaning)),
    '.SH SEE ALSO',
    wrapped(seeAlso),
    '',
  ].join('\n');
}

const introduction = [
  'Commands read and change one installation, which the settings file names. It is looked for where --config says, where the environment variable CLIPWARD_CONFIG says, and at last in config/clipward.yaml beside the program; without one, defaults are in force.',
  'Facts are printed to standard output, remarks and complaints to standard error. Most commands print JSON with --json. Times are given as ISO 8601, or as how long ago: 2h, 3d.',
] as const;

const exitCodes = [
  ['0', 'All is well.'],
  ['1', 'It could not be done, or something was found that is not as it should be.'],
  ['2', 'The command line is wrong.'],
  ['78', 'The settings are wrong, or a directory that they name cannot be used.'],
] as const;

const environment = [
  ['CLIPWARD_CONFIG', 'The settings file, where --config does not name one.'],
  [
    'NO_COLOR',
    'When it is set and not empty, nothing is coloured. Colours are for terminals only in any case.',
  ],
  ['TERM', 'When it is dumb, nothing is coloured, and no progress is shown.'],
  ['CLIPWARD_DEBUG', 'When it is set, a mistake of the program is shown with where it happened.'],
] as const;

const seeAlso =
  'README.md and docs/ beside the program: what to type into cameras, every setting, what the log says and what to do.';

function commandLines({ path, usage, description, options, arguments: places }: CommandFacts): string[] {
  const examples = examplesOf(path.join(' '));
  return [
    `.SS ${quoted(`clipward ${path.join(' ')} ${usage}`.trim())}`,
    wrapped(sentence(description)),
    ...places
      .filter(each => each.description !== '')
      .flatMap(each => tagged(each.name, sentence(each.description))),
    ...options
      .filter(({ names }) => !names.includes('--help'))
      .flatMap(({ flags, description }) => tagged(flags, sentence(description))),
    ...examples.flatMap(([line, what]) => [
      '.PP',
      wrapped(`${sentence(what).slice(0, -1)}:`),
      '.PP',
      '.nf',
      '.RS',
      text(`clipward ${line}`),
      '.RE',
      '.fi',
    ]),
  ];
}

function tagged(tag: string, meaning: string): string[] {
  return ['.TP', `.B ${text(tag)}`, wrapped(meaning)];
}

function sentence(description: string): string {
  const ended = /[.!?]$/.test(description) ? description : `${description}.`;
  // A word to be typed, and what it means, stay as they are.
  return /^[a-z]+:/.test(ended) ? ended : ended.charAt(0).toUpperCase() + ended.slice(1);
}

/** Running text: roff's lines are to be short, and it fills them itself. */
function wrapped(paragraph: string): string {
  const lines = [''];
  for (const word of paragraph.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + word.length >= maxLineLength) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map(text).join('\n');
}

const maxLineLength = 70;

/** A line that roff sets as it is: no backslash, hyphen or first dot in it means anything. */
function text(line: string): string {
  return line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
    .replaceAll('`', '\\(ga')
    .replace(/^\./, '\\&.');
}

function quoted(line: string): string {
  return `"${text(line).replaceAll('"', '\\(dq')}"`;
}
