// clipward network: the addresses that may reach the receiver at all. Others are closed before a word is said.

import type { Command } from 'commander';
import type { AccountReader, AccountWriter } from '../access/accounts.ts';
import { networkAround } from '../access/network-lists.ts';
import { openAccountReader, openAccountWriter } from '../access/open-accounts.ts';
import { systemClock } from '../base/clock.ts';
import { formatNetwork, type Network } from '../domain/networks.ts';
import type { Settings } from '../settings/settings.ts';
import { parseNetworks } from './camera-arguments.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { formatTable } from './table.ts';

export function registerNetworkCommands(program: Command, desk: Desk): void {
  const network = program.command('network').description('networks from which anybody may connect');
  const list = network
    .command('list')
    .description('the global list: the settings with what was added and removed')
    .action((_options: unknown, command: Command) => {
      const settings = desk.settings(command);
      using accounts = openAccountReader(settings);
      const facts = networkFacts(accounts.globalNetworks(settings.ftps.allowedNetworks), settings);
      if (desk.wantsJson(command)) desk.print(JSON.stringify(facts, null, 2));
      else if (facts.length > 0) desk.print(formatFactsTable(facts));
      else desk.remark(emptyListRemark);
    });
  withCommonOptions(list, { json: true });
  registerChange(network, desk, {
    name: 'add',
    description: 'let addresses of these networks connect',
    work: (accounts, base, networks) => accounts.addNetworks(base, networks),
  });
  registerChange(network, desk, {
    name: 'remove',
    description: 'close addresses of these networks out',
    work: (accounts, base, networks) => accounts.removeNetworks(base, networks),
  });
}

const emptyListRemark = 'The global list is empty, so no camera can connect: clipward network add NETWORK.';

type Change = Readonly<{
  name: string;
  description: string;
  work: (
    accounts: AccountWriter,
    base: readonly Network[],
    networks: readonly Network[],
  ) => readonly Network[];
}>;

function registerChange(network: Command, desk: Desk, { name, description, work }: Change): void {
  const command = network
    .command(name)
    .argument('<network...>')
    .description(description)
    .action(async (texts: string[], _options: unknown, command: Command) => {
      const networks = parseNetworks(texts);
      const settings = desk.settings(command);
      using accounts = await openAccountWriter({ stateDir: settings.stateDir, clock: systemClock });
      const list = work(accounts, settings.ftps.allowedNetworks, networks);
      if (list.length > 0) desk.print(formatFactsTable(networkFacts(list, settings)));
      else desk.remark(emptyListRemark);
      warnOfCamerasOutside(desk, accounts, list);
    });
  withCommonOptions(command, { json: false });
}

/** The shape of `network list --json` (docs/json.md). */
type NetworkFacts = Readonly<{ network: string; from: 'settings' | 'command' }>;

function networkFacts(list: readonly Network[], settings: Settings): NetworkFacts[] {
  const base = new Set(settings.ftps.allowedNetworks.map(formatNetwork));
  return list
    .map(formatNetwork)
    .map(text => ({ network: text, from: base.has(text) ? 'settings' : 'command' }));
}

function formatFactsTable(facts: readonly NetworkFacts[]): string {
  return formatTable(
    ['NETWORK', 'FROM'],
    facts.map(({ network, from }) => [network, from === 'settings' ? 'settings' : 'network add']),
  );
}

function warnOfCamerasOutside(desk: Desk, accounts: AccountReader, list: readonly Network[]): void {
  for (const camera of accounts.cameras()) {
    for (const network of camera.allowedNetworks) {
      if (networkAround(list, network) !== undefined) continue;
      desk.remark(
        `Camera ${camera.name} is allowed from ${formatNetwork(network)}, which does not lie in the global list: addresses there may be closed before it can log in.`,
      );
    }
  }
}
