// clipward camera: accounts of cameras. What is changed takes effect in a running daemon within a second.

import type { Command } from 'commander';
import { noSuchCamera } from '../access/account-changes.ts';
import type { AccountReader, AccountWriter, Camera, NewCamera } from '../access/accounts.ts';
import { readCameraHabits } from '../access/camera-habits.ts';
import { networkAround } from '../access/network-lists.ts';
import { openAccountReader, openAccountWriter } from '../access/open-accounts.ts';
import { generatePassword, hashPassword, passwordWarnings } from '../access/password-hash.ts';
import { readLastLogins } from '../access/receiver-memory.ts';
import { removeStreamPassword, writeStreamPassword } from '../access/stream-passwords.ts';
import { systemClock } from '../base/clock.ts';
import { UsageError } from '../base/errors.ts';
import { formatNetwork } from '../domain/networks.ts';
import type { Settings } from '../settings/settings.ts';
import {
  machineTimeZone,
  parseCameraName,
  parseNetworks,
  parseNewCameraName,
  parsePassword,
  parseTimeZone,
} from './camera-arguments.ts';
import { behaviourOf } from './camera-behaviour.ts';
import { cameraBlock, formatCameraBlock } from './camera-block.ts';
import { cameraFacts, cameraNow, formatCamera, formatCameraTable } from './camera-facts.ts';
import { registerCameraSet } from './camera-set.ts';
import { registerSnapshot } from './camera-snapshot.ts';
import type { Desk } from './desk.ts';
import { followCamera } from './follow-camera.ts';
import { withCommonOptions } from './frame.ts';
import { openIfUsable } from './open-catalogue.ts';
import {
  bringsPassword,
  parseStreamChanges,
  readStreamSecret,
  requireUser,
  type StreamOptions,
  streamRemarks,
  withStreamOptions,
} from './stream-arguments.ts';

export function registerCameraCommands(program: Command, desk: Desk): void {
  const camera = program.command('camera').description('cameras and their accounts');
  registerAdd(camera, desk);
  registerFacts(camera, desk);
  registerPassword(camera, desk);
  registerSettings(camera, desk);
  registerCameraSet(camera, desk);
  registerNetworks(camera, desk);
  registerSnapshot(camera, desk);
}

type AddOptions = StreamOptions & { allow: string[]; timeZone?: string; passwordStdin?: boolean };

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
      const changes = parseStreamChanges(options);
      if (bringsPassword(options)) requireUser(changes.rtspUrl);
      if (options.passwordStdin && options.rtspPasswordStdin)
        throw new UsageError(
          'Only one password can come on standard input: give that of the stream with --rtsp-password-file.',
        );
      const settings = desk.settings(command);
      const { password, isGenerated } = await choosePassword(desk, name, options);
      const streamPassword = await readStreamSecret(desk, options);
      const passwordHash = await hashPassword(password);
      using accounts = await openWriter(settings);
      const added = await addWithStream(
        { accounts, stateDir: settings.stateDir, streamPassword },
        { name, passwordHash, allowedNetworks, timeZone, changes },
      );
      const block = await cameraBlock(added, isGenerated ? password : null, settings);
      desk.print(desk.wantsJson(command) ? JSON.stringify(block, null, 2) : formatCameraBlock(block));
      warnOutsideGlobalList(desk, accounts, settings, name);
      for (const remark of streamRemarks(added, settings.stateDir)) desk.remark(remark);
    });
  withCommonOptions(withStreamOptions(add), { json: true });
}

/** The password is there before the account is, so that the recorder finds it; nothing of it stays when there is no account. */
async function addWithStream(
  parts: { accounts: AccountWriter; stateDir: string; streamPassword: string | undefined },
  camera: NewCamera,
): Promise<Camera> {
  const { accounts, stateDir, streamPassword } = parts;
  if (accounts.camera(camera.name) === undefined) {
    // Perhaps of an earlier camera of this name, from a backup.
    await removeStreamPassword(stateDir, camera.name);
    if (streamPassword !== undefined) await writeStreamPassword(stateDir, camera.name, streamPassword);
  }
  try {
    return accounts.addCamera(camera);
  } catch (error) {
    if (accounts.camera(camera.name) === undefined) await removeStreamPassword(stateDir, camera.name);
    throw error;
  }
}

function registerFacts(camera: Command, desk: Desk): void {
  const list = camera
    .command('list')
    .description('the cameras there are')
    .action((_options: unknown, command: Command) => {
      const settings = desk.settings(command);
      using accounts = openAccountReader(settings);
      const logins = readLastLogins(settings.stateDir);
      using catalogue = openIfUsable(settings);
      const facts = accounts.cameras().map(each => ({
        ...cameraFacts(each, { stateDir: settings.stateDir, logins }),
        ...cameraNow(each, { catalogue, settings, now: systemClock.now() }),
      }));
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
      using catalogue = openIfUsable(settings);
      const { stateDir } = settings;
      const facts = cameraFacts(found, { stateDir, logins: readLastLogins(stateDir) });
      const present = cameraNow(found, { catalogue, settings, now: systemClock.now() });
      const seen = readCameraHabits(stateDir, found);
      const habits = seen === undefined ? null : behaviourOf(name, seen);
      desk.print(
        desk.wantsJson(command)
          ? JSON.stringify({ ...facts, ...present, habits }, null, 2)
          : formatCamera(facts, settings.ftps.tls.truncation, { present, habits }),
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
      const { password, isGenerated } = await choosePassword(desk, name, options);
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
    work: (accounts: AccountWriter, camera: string, stateDir: string) => string | Promise<string>,
  ) => {
    const command = camera
      .command(name)
      .argument('<name>')
      .description(description)
      .action(async (nameText: string, _options: unknown, command: Command) => {
        const named = parseCameraName(nameText);
        const settings = desk.settings(command);
        using accounts = await openWriter(settings);
        desk.print(await work(accounts, named, settings.stateDir));
      });
    withCommonOptions(command, { json: false });
  };
  change('enable', 'let a camera log in again', (accounts, name) => {
    accounts.setEnabled(name, true);
    return `Camera ${name} may log in.`;
  });
  change('disable', 'keep a camera out; its sessions end', (accounts, name) => {
    accounts.setEnabled(name, false);
    return `Camera ${name} cannot log in any more, and its sessions end within a second. Its own stream is not recorded any more. Its clips stay.`;
  });
  change('remove', 'forget a camera; its clips and its footage stay', async (accounts, name, stateDir) => {
    const isThere = accounts.camera(name) !== undefined;
    if (isThere) accounts.removeCamera(name);
    // Also what an interruption left of a camera that is gone already.
    await removeStreamPassword(stateDir, name);
    if (!isThere) throw noSuchCamera(name);
    return `Camera ${name} is removed, and its sessions end within a second. Its clips stay: clipward clip list --camera ${name}`;
  });
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

async function choosePassword(desk: Desk, camera: string, options: { passwordStdin?: boolean }) {
  if (options.passwordStdin !== true) return { password: generatePassword(), isGenerated: true };
  const password = parsePassword(await desk.readSecret('Password'), [camera]);
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
