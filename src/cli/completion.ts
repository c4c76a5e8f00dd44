// clipward completion: what a shell needs to complete clipward's commands, options and the names of cameras.

import type { Command } from 'commander';
import { openAccountReader } from '../access/open-accounts.ts';
import { isCameraName } from '../domain/camera-name.ts';
import { type CommandFacts, commandTree } from './command-tree.ts';
import { bashCompletion } from './complete-bash.ts';
import { fishCompletion } from './complete-fish.ts';
import { zshCompletion } from './complete-zsh.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';

const shells: Readonly<Record<string, (tree: readonly CommandFacts[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

export function registerCompletionCommands(program: Command, desk: Desk): void {
  const completion = program.command('completion').description('completion with the Tab key, for a shell');
  for (const [shell, write] of Object.entries(shells))
    completion
      .command(shell)
      .description(`print the completion for ${shell}`)
      .action(() => desk.print(write(commandTree(program)).trimEnd()));
  registerCameraNames(completion, desk);
}

/** Asked by the completions at a press of a key, so it says nothing but names, whatever is wrong. */
function registerCameraNames(completion: Command, desk: Desk): void {
  const cameras = completion
    .command('cameras', { hidden: true })
    .description('print the names of the cameras, for the completions')
    .action((_options: unknown, command: Command) => {
      try {
        using accounts = openAccountReader(desk.settings(command));
        const names = accounts.cameras().map(({ name }) => name);
        if (names.length > 0) desk.print(names.filter(isCameraName).join('\n'));
      } catch {
        desk.setExitCode(1);
      }
    });
  withCommonOptions(cameras, { json: false });
}
