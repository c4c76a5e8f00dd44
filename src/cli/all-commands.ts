// All commands, in the order of the help.

import { registerBackupCommand } from './backup.ts';
import { registerBanCommands } from './ban.ts';
import { registerCameraCommands } from './camera.ts';
import { registerCertCommands } from './cert.ts';
import { registerCheckCommand } from './check.ts';
import { registerClipCommands } from './clip.ts';
import { registerCompletionCommands } from './completion.ts';
import { registerConfigCommands } from './config.ts';
import { registerDoctorCommand } from './doctor.ts';
import { registerEventCommands } from './event.ts';
import { registerFirewallCommand } from './firewall.ts';
import { registerFootageCommands } from './footage.ts';
import { registerHoldCommands } from './hold.ts';
import { registerImportCommand } from './import.ts';
import { registerManualCommand } from './manual.ts';
import { registerNetworkCommands } from './network.ts';
import { registerRetentionCommands } from './retention.ts';
import { registerServeCommand } from './serve.ts';
import { registerStatusCommand } from './status.ts';
import { registerVerifyCommand } from './verify.ts';

export const allCommands = [
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
];
