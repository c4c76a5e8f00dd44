// argv to one command.

import { registerBackupCommand } from './cli/backup.ts';
import { registerBanCommands } from './cli/ban.ts';
import { registerCameraCommands } from './cli/camera.ts';
import { registerCertCommands } from './cli/cert.ts';
import { registerCheckCommand } from './cli/check.ts';
import { registerClipCommands } from './cli/clip.ts';
import { registerCompletionCommands } from './cli/completion.ts';
import { registerConfigCommands } from './cli/config.ts';
import { registerDoctorCommand } from './cli/doctor.ts';
import { registerEventCommands } from './cli/event.ts';
import { registerFirewallCommand } from './cli/firewall.ts';
import { registerFootageCommands } from './cli/footage.ts';
import { runProgram } from './cli/frame.ts';
import { registerHoldCommands } from './cli/hold.ts';
import { registerImportCommand } from './cli/import.ts';
import { registerManualCommand } from './cli/manual.ts';
import { registerNetworkCommands } from './cli/network.ts';
import { registerRetentionCommands } from './cli/retention.ts';
import { registerServeCommand } from './cli/serve.ts';
import { registerStatusCommand } from './cli/status.ts';
import { registerVerifyCommand } from './cli/verify.ts';

process.umask(0o077);
// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', error => {
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0);
  throw error;
});
// Nobody is left to be told.
process.stderr.on('error', () => {});
process.exitCode = await runProgram(process.argv.slice(2), [
  registerServeCommand,
  registerCameraCommands,
  registerNetworkCommands,
  registerBanCommands,
  registerCertCommands,
  registerClipCommands,
  registerEventCommands,
  registerFootageCommands,
  registerHoldCommands,
  registerRetentionCommands,
  registerImportCommand,
  registerBackupCommand,
  registerStatusCommand,
  registerCheckCommand,
  registerVerifyCommand,
  registerDoctorCommand,
  registerFirewallCommand,
  registerConfigCommands,
  registerCompletionCommands,
  registerManualCommand,
]);
