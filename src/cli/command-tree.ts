// The commands as plain facts, for what is written from them: completions for shells and the manual.

import type { Argument, Command, Option } from 'commander';
import { roles } from '../inspect/daemon.ts';

/** What may stand in a place: the name of a camera, a path, one of some words, or anything. */
export type Kind = 'camera' | 'file' | 'directory' | 'text' | readonly string[];

export type OptionFacts = Readonly<{
  /** Nearly always one: `--since`, or `--from` and `--since`. */
  names: readonly string[];
  /** As in the help: `--since <time>`. */
  flags: string;
  description: string;
  /** Of its value; undefined when it takes none. */
  kind: Kind | undefined;
}>;

export type ArgumentFacts = Readonly<{ name: string; description: string; kind: Kind; isVariadic: boolean }>;

export type CommandFacts = Readonly<{
  /** Without the program: `['camera', 'add']`; empty for the program itself. */
  path: readonly string[];
  description: string;
  /** What follows the path in the help: `[options] <name>`. */
  usage: string;
  options: readonly OptionFacts[];
  arguments: readonly ArgumentFacts[];
  children: ReadonlyArray<Readonly<{ name: string; description: string }>>;
}>;

/** The program and every command below it that is shown, each before those below it. */
export function commandTree(program: Command): CommandFacts[] {
  return factsBelow(program, []);
}

function factsBelow(command: Command, path: readonly string[]): CommandFacts[] {
  const help = command.createHelp();
  const children = help.visibleCommands(command).filter(child => child.name() !== 'help');
  const facts: CommandFacts = {
    path,
    description: command.description(),
    usage: command.usage(),
    options: help.visibleOptions(command).map(option => optionFacts(option)),
    arguments: command.registeredArguments.map(argument => argumentFacts(argument, path)),
    children: children.map(child => ({ name: child.name(), description: child.description() })),
  };
  return [facts, ...children.flatMap(child => factsBelow(child, [...path, child.name()]))];
}

function optionFacts(option: Option): OptionFacts {
  const { flags, description, required, optional } = option;
  const names = [option.short, option.long].filter(name => name?.startsWith('--')) as string[];
  const value = /[<[]([^>\]]+)[>\]]$/.exec(flags)?.[1] ?? '';
  const kind = required || optional ? kindOfOption(names, value) : undefined;
  return { names, flags, description, kind };
}

/** Options that take one of a few words, where the words are not in their flags. */
const wordsOf: Readonly<Record<string, readonly string[]>> = {
  '--only': roles,
  '--truncation': ['container', 'strict', 'default'],
  '--record': ['on', 'off'],
  '--format': ['proxmox', 'nft', 'ufw', 'edgeos'],
  '--on': ['recorder', 'router'],
};

function kindOfOption(names: readonly string[], value: string): Kind {
  const words = names.map(name => wordsOf[name]).find(each => each !== undefined);
  if (words !== undefined) return words;
  if (names.includes('--camera')) return 'camera';
  if (value.includes('|')) return value.split('|');
  return kindOfPath(value);
}

function argumentFacts(argument: Argument, path: readonly string[]): ArgumentFacts {
  const { description, variadic } = argument;
  const name = argument.name();
  const isCamera = path[0] === 'camera' && path[1] !== 'add' && name === 'name';
  return { name, description, kind: isCamera ? 'camera' : kindOfPath(name), isVariadic: variadic };
}

function kindOfPath(name: string): Kind {
  if (name === 'file' || name === 'path') return 'file';
  return name === 'directory' ? 'directory' : 'text';
}
