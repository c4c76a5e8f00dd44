// clipward camera set: what is assumed of a camera, its limits, and its own stream.

import type { Command } from 'commander';
import { noSuchCamera } from '../access/account-changes.ts';
import { openAccountWriter } from '../access/open-accounts.ts';
import { readLastLogins } from '../access/receiver-memory.ts';
import { removeStreamPassword, writeStreamPassword } from '../access/stream-passwords.ts';
import { systemClock } from '../base/clock.ts';
import { parseCameraChanges, parseCameraName, type SetOptions } from './camera-arguments.ts';
import { cameraFacts, formatCamera } from './camera-facts.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { readStreamSecret, requireUser, streamRemarks, withStreamOptions } from './stream-arguments.ts';

export function registerCameraSet(camera: Command, desk: Desk): void {
  const set = withLimitOptions(
    camera
      .command('set')
      .argument('<name>')
      .description('change what is assumed of a camera, its limits, and its own stream'),
  ).action((nameText: string, options: SetOptions, command: Command) =>
    setCamera(desk, { nameText, options, command }),
  );
  withCommonOptions(withStreamOptions(set), { json: true });
}

async function setCamera(
  desk: Desk,
  { nameText, options, command }: { nameText: string; options: SetOptions; command: Command },
): Promise<void> {
  const name = parseCameraName(nameText);
  const changes = parseCameraChanges(options);
  const { stateDir, ftps } = desk.settings(command);
  using accounts = await openAccountWriter({ stateDir, clock: systemClock });
  const before = accounts.camera(name);
  if (before === undefined) throw noSuchCamera(name);
  const password = await readStreamSecret(desk, options);
  if (password !== undefined) {
    requireUser(changes.rtspUrl === undefined ? before.rtspUrl : changes.rtspUrl);
    // First, so that it is there when the recorder sees that the account has changed.
    await writeStreamPassword(stateDir, name, password);
  }
  const after = accounts.setCamera(name, changes);
  if (changes.rtspUrl === null) await removeStreamPassword(stateDir, name);
  const facts = cameraFacts(after, { stateDir, logins: readLastLogins(stateDir) });
  desk.print(
    desk.wantsJson(command) ? JSON.stringify(facts, null, 2) : formatCamera(facts, ftps.tls.truncation),
  );
  for (const remark of streamRemarks(after, stateDir)) desk.remark(remark);
}

function withLimitOptions(command: Command): Command {
  return command
    .option('--time-zone <zone>', "IANA name of the zone that the camera's clock is set to")
    .option(
      '--truncation <rule>',
      'strict: an upload is whole only with close_notify; container: or when its format shows it; default: as in the settings',
    )
    .option('--acceptance-days <days>', 'how far back a time in a file name is believed')
    .option(
      '--require-resumption <on|off>',
      'on: data connections must resume the TLS session of their control connection',
    )
    .option('--max-bytes-per-day <bytes>', 'what it may upload in a day (UTC); default: as in the settings')
    .option(
      '--max-files-per-day <files>',
      'how many files it may upload in a day; default: as in the settings',
    )
    .option(
      '--keep-clips-days <days>',
      'after how many days its clips are deleted; default: as in the settings',
    )
    .option(
      '--keep-footage-days <days>',
      'after how many days its continuous footage is deleted; default: as in the settings',
    )
    .option(
      '--expect-every <duration>',
      'alert when it sends nothing for so long, such as 36h or 2d; off: never; default: by its habit',
    )
    .option('--max-bytes <bytes>', 'what all its media may take; default: an equal part of the disk');
}
