// The program as main.ts puts it together, with commands that do nothing: to see whether a line can be typed like that.

import { type Command, CommanderError } from 'commander';
import { allCommands } from '../../src/cli/all-commands.ts';
import type { Desk } from '../../src/cli/desk.ts';
import { buildProgram } from '../../src/cli/frame.ts';

export function programOfMain(): Command {
  return buildProgram(allCommands, {} as Desk);
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
  const program = programOfMain();
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
