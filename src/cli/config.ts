// clipward config: what the settings are, and what they mean.

import type { Command } from 'commander';
import { formatNetwork, type Network } from '../domain/networks.ts';
import { keysInFile } from '../settings/load-settings.ts';
import { type SettingKey, settingKeys } from '../settings/setting-keys.ts';
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
      const settings = desk.settings(command);
      const facts = explainSettings(settings);
      if (desk.wantsJson(command)) return desk.print(JSON.stringify(facts, null, 2));
      for (const fact of facts) desk.print(`${formatFact(fact, settings)}\n`);
    });
  withCommonOptions(explain, { json: true });
}

/** docs/json.md describes it. */
type SettingFact = SettingKey & Readonly<{ value: unknown; from: 'file' | 'default' }>;

/** Every key with the value in force; directories are absolute. */
function explainSettings(settings: Settings): SettingFact[] {
  const given = settings.file === null ? new Set<string>() : keysInFile(settings.file);
  return settingKeys().map(({ key, type, default: standard, explanation }) => ({
    key,
    value: plain(valueAt(settings, key)),
    from: given.has(key) ? 'file' : 'default',
    default: standard ?? null,
    type,
    explanation,
  }));
}

function formatFact(fact: SettingFact, settings: Settings): string {
  const standard = fact.default === null ? '' : `; default: ${show(fact.default)}`;
  const origin = fact.from === 'file' ? `from ${settings.file}${standard}` : 'default';
  return `${fact.key}: ${show(fact.value)}  (${origin})\n    ${fact.explanation} ${capitalised(fact.type)}.`;
}

function capitalised(text: string): string {
  return /^[a-z]+ /.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
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
