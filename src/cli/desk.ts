// What a command may touch of the outside: its settings, the terminal, standard input. Commands get it handed in.

import type { Command } from 'commander';
import type { Settings } from '../settings/settings.ts';

export type Desk = Readonly<{
  /** Loads the settings that the `--config` of this command line names. Throws SettingsError. */
  settings(command: Command): Settings;
  /** Whether `--json` was given. */
  wantsJson(command: Command): boolean;
  /** Prints facts to standard output; a line feed is added. */
  print(text: string): void;
  /** Prints a remark to standard error; a line feed is added. */
  remark(text: string): void;
  /** The first line of standard input without its line feed, for `--password-stdin`. Throws UsageError on a terminal without one. */
  readSecret(prompt: string): Promise<string>;
  /** Ends the program with this exit code once the command is done (default 0). */
  setExitCode(code: 0 | 1): void;
}>;
