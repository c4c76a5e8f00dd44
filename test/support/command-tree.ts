// The program as main.ts puts it together, with commands that do nothing: to see whether a line can be typed like that.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, CommanderError } from 'commander';
import type { Desk } from '../../src/cli/desk.ts';
import { buildProgram } from '../../src/cli/frame.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export async function programOfMain(): Promise<Command> {
  return buildProgram(await commandsOfMain(), {} as Desk);
}

/** main.ts's own imports say which commands there are. */
export async function commandsOfMain(): Promise<((program: Command, desk: Desk) => void)[]> {
  const source = readFileSync(join(root, 'src/main.ts'), 'utf8');
  const imports = source.matchAll(/import \{ (register\w+) \} from '\.\/(cli\/[\w-]+\.ts)'/g);
  const register: ((program: Command, desk: Desk) => void)[] = [];
  for (const [, name = '', path = ''] of imports) {
    const module = (await import(join(root, 'src', path))) as Record<string, (typeof register)[number]>;
    register.push(module[name] as (typeof register)[number]);
  }
  return register;
}

/** Those that do something; hidden ones too. */
export function leavesOf(
  command: Command,
  path: readonly string[] = [],
): { path: string; command: Command }[] {
  if (command.commands.length === 0) return [{ path: path.join(' '), command }];
  return command.commands.flatMap(child => leavesOf(child, [...path, child.name()]));
}

/** What commander says of a line behind `clipward`, or undefined when it would run a command. */
export async function complaintAbout(line: string): Promise<string | undefined> {
  const program = await programOfMain();
  let complaint: string | undefined;
  let ran = false;
  for (const { command } of leavesOf(program)) {
    command.configureOutput({
      writeOut: () => {},
      writeErr: () => {},
      outputError: text => {
        complaint = text;
      },
    });
    command.action(() => {
      ran = true;
    });
  }
  try {
    await program.parseAsync(wordsOf(line), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help was asked for, and there is some.
    if (error.exitCode === 0) return undefined;
    return complaint ?? error.message;
  }
  return ran ? undefined : 'no command';
}

/** The words of a shell's line up to a pipe, a redirection or a comment. */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [token, double, single, plain] of line.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']+)/g)) {
    if (plain !== undefined && /^([|<>;]|&&|#|2>)/.test(plain)) break;
    words.push(double ?? single ?? plain ?? token);
  }
  return words;
}
