// argv to one command.

import { runProgram } from './cli/frame.ts';
import { registerServeCommand } from './cli/serve.ts';

process.umask(0o077);
// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', error => {
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0);
  throw error;
});
// Nobody is left to be told.
process.stderr.on('error', () => {});
const args = process.argv.slice(2);
// The daemon keeps for weeks what was loaded: the other commands would be 8 MiB.
const commands =
  args[0] === 'serve' ? [registerServeCommand] : (await import('./cli/all-commands.ts')).allCommands;
process.exitCode = await runProgram(args, commands);
