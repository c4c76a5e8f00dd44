// clipward footage: what is recorded beside the clips.

import type { Command } from 'commander';
import type { Desk } from './desk.ts';
import { registerFootageExport } from './footage-export.ts';

export function registerFootageCommands(program: Command, desk: Desk): void {
  const footage = program.command('footage').description('continuous footage');
  registerFootageExport(footage, desk);
}
