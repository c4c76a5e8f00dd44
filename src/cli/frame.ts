// What all commands have in common: the options that every one takes, and how what went wrong is told and counted.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import { isDiskFull } from '../archive/ballast.ts';
import { FailedError, messageOf, SettingsError, TransientError, UsageError } from '../base/errors.ts';
import { loadSettings, projectRoot } from '../settings/load-settings.ts';
import type { Settings } from '../settings/settings.ts';
import type { Desk } from './desk.ts';
import { showExamples } from './examples.ts';
import { becomeOwner } from './state-owner.ts';
import { unusableDirectory } from './unusable-directory.ts';
import { writeOut } from './write-out.ts';

/** sysexits.h, for service managers and scripts (systemd's RestartPreventExitStatus). */
const exitCodes = { done: 0, failed: 1, usage: 2, settings: 78 } as const;
/** A password is one line; what is longer is something else by mistake. */
const maxSecretBytes = 4096;

/** Adds what every command takes: `--config`, and `--json` where it prints facts. */
export function withCommonOptions(command: Command, options: { json: boolean }): Command {
  command.option('--config <file>', 'the settings file');
  if (options.json) command.option('--json', 'print the facts as JSON (docs/json.md)');
  return command;
}

/** Of the program that this command belongs to. */
export function programVersion(command: Command): string {
  return command.parent ? programVersion(command.parent) : (command.version() ?? 'unknown');
}

/** Parses the arguments (without `node` and the script), runs one command and answers the exit code. */
export async function runProgram(
  args: readonly string[],
  register: readonly ((program: Command, desk: Desk) => void)[],
): Promise<number> {
  let exitCode: number = exitCodes.done;
  let settings: Settings | undefined;
  const desk = openDesk({
    loaded: loaded => {
      settings = loaded;
    },
    setExitCode: code => {
      exitCode = code;
    },
  });
  const program = buildProgram(register, desk);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return report((settings && unusableDirectory(error, settings)) ?? error);
  }
}

/** All commands below one program, with what they have in common. */
export function buildProgram(
  register: readonly ((program: Command, desk: Desk) => void)[],
  desk: Desk,
): Command {
  const program = new Command('clipward')
    .description('Receives security camera clips over FTPS and keeps them as evidence.')
    .version(readVersion())
    .helpCommand(true);
  for (const each of register) each(program, desk);
  everyCommand(program, command => {
    showExamples(command, pathOf(command).replace(/^clipward ?/, ''));
    command
      .exitOverride()
      .configureOutput({ outputError: (text, write) => write(oneSentence(text, command)) });
  });
  return program;
}

function everyCommand(command: Command, work: (command: Command) => void): void {
  work(command);
  for (const child of command.commands) everyCommand(child, work);
}

/** Commander's `error: unknown option '--x'` with its suggestion on a second line, as every other complaint reads. */
function oneSentence(text: string, command: Command): string {
  const [what = '', ...more] = text
    .trim()
    .replace(/^error: /, '')
    .split('\n');
  const suggestion = more.length === 0 ? '' : ` ${more.join(' ')}`;
  return `clipward: ${what.replace(/\.$/, '')}${suggestion}: see ${pathOf(command)} --help.\n`;
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong; help and version are no errors, a missing subcommand is.
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
  if (error instanceof UsageError) return complain(error.message, exitCodes.usage);
  // A daemon asks again for accounts of another schema, which may be replaced as it runs; for a command they are what they are.
  if (
    error instanceof SettingsError ||
    (error instanceof TransientError && error.cause instanceof SettingsError)
  )
    return complain(error.message, exitCodes.settings);
  if (error instanceof FailedError || error instanceof TransientError)
    return complain(error.message, exitCodes.failed);
  if (isDiskFull(error))
    return complain(
      'there is no room left on the disk: free some of it, and try again (clipward retention plan shows what may go).',
      exitCodes.failed,
    );
  if (process.env.CLIPWARD_DEBUG) console.error(error);
  return complain(
    `this should not happen: ${messageOf(error)} (CLIPWARD_DEBUG=1 shows more).`,
    exitCodes.failed,
  );
}

function complain(sentence: string, code: number): number {
  process.stderr.write(`clipward: ${sentence}\n`);
  return code;
}

type Outcome = Readonly<{ loaded: (settings: Settings) => void; setExitCode: Desk['setExitCode'] }>;

function openDesk({ loaded, setExitCode }: Outcome): Desk {
  return {
    settings: command => {
      const { config } = command.optsWithGlobals<{ config?: string }>();
      const settings = loadSettings({ file: config, environment: process.env });
      loaded(settings);
      becomeOwner(settings.stateDir);
      return settings;
    },
    wantsJson: command => command.optsWithGlobals<{ json?: boolean }>().json === true,
    print: text => writeOut(`${text}\n`),
    remark: text => void process.stderr.write(`${text}\n`),
    readSecret: prompt => (process.stdin.isTTY ? askSecret(prompt) : readFirstLine()),
    setExitCode,
  };
}

/** Asks on the terminal without showing what is typed. */
async function askSecret(prompt: string): Promise<string> {
  process.stderr.write(`${prompt}: `);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

async function readFirstLine(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) {
    text += chunk;
    if (text.includes('\n') || text.length > maxSecretBytes) break;
  }
  const [line = ''] = text.split(/\r?\n/);
  if (line === '')
    throw new UsageError(
      'A password was expected on standard input, and nothing came: pipe one line into the command.',
    );
  if (line.length > maxSecretBytes)
    throw new UsageError('One line with a password was expected on standard input, and far more came.');
  return line;
}
