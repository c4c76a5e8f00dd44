// clipward manual: the manual page, written from the commands themselves.

import type { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { commandTree } from './command-tree.ts';
import type { Desk } from './desk.ts';
import { manualPage } from './manual-page.ts';

export function registerManualCommand(program: Command, desk: Desk): void {
  program
    .command('manual')
    .description('print the manual page, for man')
    .action(() => {
      const day = new Date(systemClock.now()).toISOString().slice(0, 10);
      desk.print(manualPage(commandTree(program), { version: program.version() ?? '', day }).trimEnd());
    });
}
