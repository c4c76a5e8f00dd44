// clipward camera: accounts of cameras. What is changed takes effect in a running daemon within a second.

import type { Command } from 'commander';
import { noSuchCamera } from '../access/account-changes.ts';
import type { AccountReader, AccountWriter, Camera } from '../access/accounts.ts';
import { readCameraHabits } from '../access/camera-habits.ts';
import { networkAround } from '../access/network-lists.ts';
import { openAccountReader, openAccountWriter } from '../access/open-accounts.ts';
import { generatePassword, hashPassword, passwordWarnings } from '../access/password-hash.ts';
import { readLastLogins } from '../access/receiver-memory.ts';
import { systemClock } from '../base/clock.ts';
import { formatNetwork } from '../domain/networks.ts';
import type { Settings } from '../settings/settings.ts';
import {
  machineTimeZone,
  parseCameraChanges,
  parseCameraName,
  parseNetworks,
  parseNewCameraName,
  parsePassword,
  parseTimeZone,
  type SetOptions,
} from './camera-arguments.ts';
import { behaviourOf } from './camera-behaviour.ts';
import { cameraBlock, formatCameraBlock } from './camera-block.ts';
import { cameraFacts, formatCamera, formatCameraTable } from './camera-facts.ts';
import { registerSnapshot } from './camera-snapshot.ts';
import type { Desk } from './desk.ts';
import { followCamera } from './follow-camera.ts';
import { withCommonOptions } from './frame.ts';

export function registerCameraCommands(program: Command, desk: Desk): void {
  const camera = program.command('camera').description('cameras and their accounts');
  registerAdd(camera, desk);
  registerFacts(camera, desk);
  registerPassword(camera, desk);
  registerSettings(camera, desk);
  registerNetworks(camera, desk);
  registerSnapshot(camera, desk);
}

type AddOptions = { allow: string[]; timeZone?: string; passwordStdin?: boolean };

function registerAdd(camera: Command, desk: Desk): void {
  const add = camera
    .command('add')
    .argument('<name>')
    .description('add a camera and print what to type into it')
    .option('--allow <network>', 'a network from which it may log in; repeat for more', collected, [])
    .option('--time-zone <zone>', "IANA name of the zone that the camera's clock is set to")
    .option('--password-stdin', 'read the password from standard input instead of making one')
    .action(async (nameText: string, options: AddOptions, command: Command) => {
      const name = parseNewCameraName(nameText);
      const allowedNetworks = parseNetworks(options.allow);
      const timeZone = parseTimeZone(options.timeZone ?? machineTimeZone());
      const settings = desk.settings(command);
      const { password, isGenerated } = await choosePassword(desk, options);
      const passwordHash = await hashPassword(password);
      using accounts = await openWriter(settings);
      const added = accounts.addCamera({ name, passwordHash, allowedNetworks, timeZone });
      const block = await cameraBlock(added, isGenerated ? password : null, settings);
      desk.print(desk.wantsJson(command) ? JSON.stringify(block, null, 2) : formatCameraBlock(block));
      warnOutsideGlobalList(desk, accounts, settings, name);
    });
  withCommonOptions(add, { json: true });
}

function registerFacts(camera: Command, desk: Desk): void {
  const list = camera
    .command('list')
    .description('the cameras there are')
    .action((_options: unknown, command: Command) => {
      const settings = desk.settings(command);
      using accounts = openAccountReader(settings);
      const logins = readLastLogins(settings.stateDir);
      const facts = accounts.cameras().map(each => cameraFacts(each, logins));
      if (desk.wantsJson(command)) desk.print(JSON.stringify(facts, null, 2));
      else if (facts.length > 0) desk.print(formatCameraTable(facts));
      else desk.remark('There is no camera yet: clipward camera add front-door --allow NETWORK adds one.');
    });
  const show = camera
    .command('show')
    .argument('<name>')
    .description('what is known of one camera, how it behaves, and what was refused')
    .option('--follow', 'tell what happens, while somebody presses its Test button')
    .action(async (nameText: string, options: { follow?: boolean }, command: Command) => {
      const name = parseCameraName(nameText);
      const settings = desk.settings(command);
      if (options.follow) return followUntilStopped(desk, settings, name, desk.wantsJson(command));
      using accounts = openAccountReader(settings);
      const found = accounts.camera(name);
      if (found === undefined) throw noSuchCamera(name);
      const facts = cameraFacts(found, readLastLogins(settings.stateDir));
      const seen = readCameraHabits(settings.stateDir, found);
      const habits = seen === undefined ? null : behaviourOf(name, seen);
      desk.print(
        desk.wantsJson(command)
          ? JSON.stringify({ ...facts, habits }, null, 2)
          : formatCamera(facts, settings.ftps.tls.truncation, habits),
      );
    });
  for (const command of [list, show]) withCommonOptions(command, { json: true });
}

async function followUntilStopped(
  desk: Desk,
  settings: Settings,
  camera: string,
  wantsJson: boolean,
): Promise<void> {
  using accounts = await openWriter(settings);
  if (accounts.camera(camera) === undefined) throw noSuchCamera(camera);
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopped.abort());
  await followCamera({
    camera,
    stateDir: settings.stateDir,
    accounts,
    clock: systemClock,
    wantsJson,
    print: desk.print,
    remark: desk.remark,
    signal: stopped.signal,
  });
}

function registerPassword(camera: Command, desk: Desk): void {
  const passwd = camera
    .command('passwd')
    .argument('<name>')
    .description('give a camera a new password; its sessions end')
    .option('--password-stdin', 'read the password from standard input instead of making one')
    .action(async (nameText: string, options: { passwordStdin?: boolean }, command: Command) => {
      const name = parseCameraName(nameText);
      const settings = desk.settings(command);
      using accounts = await openWriter(settings);
      if (accounts.camera(name) === undefined) throw noSuchCamera(name);
      const { password, isGenerated } = await choosePassword(desk, options);
      accounts.setPassword(name, await hashPassword(password));
      if (desk.wantsJson(command))
        desk.print(JSON.stringify({ camera: name, password: isGenerated ? password : null }, null, 2));
      else if (isGenerated) desk.print(`The new password of ${name}, shown only now: ${password}`);
      else desk.print(`Camera ${name} has the new password.`);
    });
  withCommonOptions(passwd, { json: true });
}

function registerSettings(camera: Command, desk: Desk): void {
  const change = (
    name: string,
    description: string,
    work: (accounts: AccountWriter, camera: string) => string,
  ) => {
    const command = camera
      .command(name)
      .argument('<name>')
      .description(description)
      .action(async (nameText: string, _options: unknown, command: Command) => {
        const named = parseCameraName(nameText);
        using accounts = await openWriter(desk.settings(command));
        desk.print(work(accounts, named));
      });
    withCommonOptions(command, { json: false });
  };
  change('enable', 'let a camera log in again', (accounts, name) => {
    accounts.setEnabled(name, true);
    return `Camera ${name} may log in.`;
  });
  change('disable', 'keep a camera out; its sessions end', (accounts, name) => {
    accounts.setEnabled(name, false);
    return `Camera ${name} cannot log in any more, and its sessions end within a second. Its clips stay.`;
  });
  change('remove', 'forget a camera; its clips stay', (accounts, name) => {
    accounts.removeCamera(name);
    return `Camera ${name} is removed, and its sessions end within a second. Its clips stay: clipward clip list --camera ${name}`;
  });
  const set = camera
    .command('set')
    .argument('<name>')
    .description('change what is assumed of a camera')
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
    .option('--max-bytes <bytes>', 'what all its media may take; default: an equal part of the disk')
    .action(async (nameText: string, options: SetOptions, command: Command) => {
      const name = parseCameraName(nameText);
      const changes = parseCameraChanges(options);
      const settings = desk.settings(command);
      using accounts = await openWriter(settings);
      const facts = cameraFacts(accounts.setCamera(name, changes), readLastLogins(settings.stateDir));
      desk.print(formatCamera(facts, settings.ftps.tls.truncation));
    });
  withCommonOptions(set, { json: false });
}

function registerNetworks(camera: Command, desk: Desk): void {
  const allow = camera
    .command('allow')
    .argument('<name>')
    .argument('<network...>')
    .description('add networks from which a camera may log in')
    .action(async (nameText: string, texts: string[], _options: unknown, command: Command) => {
      const name = parseCameraName(nameText);
      const networks = parseNetworks(texts);
      const settings = desk.settings(command);
      using accounts = await openWriter(settings);
      desk.print(allowedText(accounts.allow(name, networks)));
      warnOutsideGlobalList(desk, accounts, settings, name);
    });
  const deny = camera
    .command('deny')
    .argument('<name>')
    .argument('<network...>')
    .description('take away networks that were allowed')
    .action(async (nameText: string, texts: string[], _options: unknown, command: Command) => {
      const name = parseCameraName(nameText);
      const networks = parseNetworks(texts);
      using accounts = await openWriter(desk.settings(command));
      desk.print(allowedText(accounts.deny(name, networks)));
    });
  for (const command of [allow, deny]) withCommonOptions(command, { json: false });
}

async function choosePassword(desk: Desk, options: { passwordStdin?: boolean }) {
  if (options.passwordStdin !== true) return { password: generatePassword(), isGenerated: true };
  const password = parsePassword(await desk.readSecret('Password: '));
  for (const warning of passwordWarnings(password)) desk.remark(warning);
  return { password, isGenerated: false };
}

function warnOutsideGlobalList(desk: Desk, accounts: AccountReader, settings: Settings, name: string): void {
  const list = accounts.globalNetworks(settings.ftps.allowedNetworks);
  for (const network of accounts.camera(name)?.allowedNetworks ?? []) {
    if (networkAround(list, network) !== undefined) continue;
    const text = formatNetwork(network);
    desk.remark(
      `${text} does not lie in the global list, so addresses there may be closed before the camera can log in: clipward network add ${text}`,
    );
  }
}

function allowedText(camera: Camera): string {
  return `Camera ${camera.name} may log in from ${camera.allowedNetworks.map(formatNetwork).join(', ')}.`;
}

function openWriter(settings: Settings): Promise<AccountWriter> {
  return openAccountWriter({ stateDir: settings.stateDir, clock: systemClock });
}

function collected(value: string, before: string[]): string[] {
  return [...before, value];
}
