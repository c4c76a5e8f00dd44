// `clipward serve` that has little time to end: so many milliseconds, the first argument.

import { runProgram } from '../../src/cli/frame.ts';
import { registerServeCommand } from '../../src/cli/serve.ts';

const [, , stopTimeoutMs, ...args] = process.argv;
process.exitCode = await runProgram(args, [
  (program, desk) => registerServeCommand(program, desk, Number(stopTimeoutMs)),
]);
