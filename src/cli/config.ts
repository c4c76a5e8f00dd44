// clipward config: what the settings are, and what they mean.

import type { Command } from 'commander';
import { formatNetwork, type Network } from '../domain/networks.ts';
import { loadSettings } from '../settings/load-settings.ts';
import { settingKeys } from '../settings/setting-keys.ts';
import type { Settings } from '../settings/settings.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';

export function registerConfigCommands(program: Command, desk: Desk): void {
  const config = program.command('config').description('the settings file');
  const check = config
    .command('check')
    .description('read the settings file and say whether it is right')
    .action((_options: unknown, command: Command) => {
      const { file } = desk.settings(command);
      desk.print(file === null ? 'There is no settings file; the defaults are used.' : `${file} is right.`);
    });
  withCommonOptions(check, { json: false });
  const explain = config
    .command('explain')
    .description('every setting: its value now, its default, what it means')
    .action((_options: unknown, command: Command) => {
      const facts = explainSettings(desk.settings(command));
      if (desk.wantsJson(command)) return desk.print(JSON.stringify(facts, null, 2));
      for (const fact of facts)
        desk.print(
          `${fact.key}: ${show(fact.value)}${fact.isDefault ? ' (default)' : ''}\n    ${fact.explanation}\n`,
        );
    });
  withCommonOptions(explain, { json: true });
}

export type SettingFact = Readonly<{
  key: string;
  value: unknown;
  default: unknown;
  isDefault: boolean;
  type: string;
  explanation: string;
}>;

/** Every key with the value in force; directories are absolute. */
export function explainSettings(settings: Settings): SettingFact[] {
  const defaults = loadSettings({ file: '/dev/null', environment: {} });
  return settingKeys().map(({ key, default: standard, type, explanation }) => {
    const value = plain(valueAt(settings, key));
    const isDefault =
      JSON.stringify(value) === JSON.stringify(plain(valueAt(defaults, key))) || settings.file === null;
    return { key, value, default: standard ?? null, isDefault, type, explanation };
  });
}

function valueAt(settings: Settings, key: string): unknown {
  return key.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], settings);
}

function plain(value: unknown): unknown {
  return Array.isArray(value) ? value.map(each => formatNetwork(each as Network)) : value;
}

function show(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}
