// clipward firewall: rules for a firewall, printed. It changes nothing.

import { lookup } from 'node:dns/promises';
import type { Command } from 'commander';
import { openAccountReader } from '../access/open-accounts.ts';
import { FailedError, UsageError } from '../base/errors.ts';
import { type FirewallPlan, planFirewall } from '../domain/firewall/firewall-plan.ts';
import { renderEdgeOs } from '../domain/firewall/render-edgeos.ts';
import { renderNft } from '../domain/firewall/render-nft.ts';
import { renderProxmox } from '../domain/firewall/render-proxmox.ts';
import { renderUfw } from '../domain/firewall/render-ufw.ts';
import { parseNetwork } from '../domain/networks.ts';
import { firewallFacts, shutInAlerts } from '../inspect/firewall.ts';
import { parseNetworks } from './camera-arguments.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { escapeForTerminal } from './table.ts';

type Format = (plan: FirewallPlan, options: { on: 'recorder' | 'router'; interfaces: string[] }) => string;

const formats: Record<string, { render: Format; on: readonly ('recorder' | 'router')[]; use: string }> = {
  proxmox: {
    render: renderProxmox,
    on: ['recorder'],
    use: 'for /etc/pve/firewall/VMID.fw of the virtual machine; the firewall must be on for the datacenter and for its network card',
  },
  nft: {
    render: (plan, { on }) => renderNft(plan, on),
    on: ['recorder', 'router'],
    use: 'to be loaded with nft -f; it replaces the table that it made before, and no other',
  },
  ufw: {
    render: renderUfw,
    on: ['recorder'],
    use: 'commands to be run as root; remove earlier rules for these ports first (ufw status numbered)',
  },
  edgeos: {
    render: (plan, { interfaces }) => renderEdgeOs(plan, interfaces),
    on: ['router'],
    use: 'commands to be typed after configure, then commit and save',
  },
};

type Options = {
  format: string;
  on?: string;
  recorder?: string[];
  cameraNetwork?: string[];
  interface?: string[];
  allowNtp?: string[] | true;
  allowDns?: string[] | true;
  allowMail?: string[];
  allowHttps?: string[];
};

export function registerFirewallCommand(program: Command, desk: Desk): void {
  const gather = (value: string, earlier?: string[] | true) => [
    ...(Array.isArray(earlier) ? earlier : []),
    value,
  ];
  const command = program
    .command('firewall')
    .description('print rules for a firewall, from the cameras and the settings; nothing is changed')
    .requiredOption('--format <format>', Object.keys(formats).join(', '))
    .option('--on <machine>', 'recorder, or with nft also router: the machine between cameras and recorder')
    .option('--recorder <address>', 'an address of the recorder, if not those of this machine', gather)
    .option('--camera-network <network>', 'a network in which only cameras are', gather)
    .option('--interface <name>', 'edgeos: where the rules are put, such as "ethernet eth1 vif 20"', gather)
    .option('--allow-ntp [address]', 'let recorder and cameras ask for the time, there or anywhere', gather)
    .option('--allow-dns [address]', 'let them ask for names, there or anywhere', gather)
    .option('--allow-mail <host>', 'let them hand in mail there', gather)
    .option('--allow-https <host>', 'let the recorder alone reach a web server there', gather)
    .action(async (options: Options, self: Command) => print(options, self, desk));
  withCommonOptions(command, { json: false });
}

async function print(options: Options, command: Command, desk: Desk): Promise<void> {
  const format = Object.hasOwn(formats, options.format) ? formats[options.format] : undefined;
  if (format === undefined)
    throw new UsageError(
      `--format ${JSON.stringify(options.format)} is unknown: expected ${Object.keys(formats).join(', ')}.`,
    );
  const on = format.on.find(each => each === (options.on ?? format.on[0]));
  if (on === undefined)
    throw new UsageError(`--format ${options.format} is for the ${format.on.join(' or the ')}.`);
  const interfaces = (options.interface ?? []).map(parseInterface);
  const wishes = {
    ...(options.allowNtp && { ntp: wishOf(options.allowNtp) }),
    ...(options.allowDns && { dns: wishOf(options.allowDns) }),
    ...(options.allowMail && { mail: options.allowMail.map(parsePlace) }),
    ...(options.allowHttps && { https: options.allowHttps.map(parsePlace) }),
    cameraNetworks: parseNetworks(options.cameraNetwork ?? []),
    recorder: parseNetworks(options.recorder ?? []),
  };
  const { stateDir, ftps, alerts } = desk.settings(command);
  using accounts = openAccountReader({ stateDir });
  if (accounts.cameras().length === 0)
    throw new FailedError(
      'There is no camera yet to make rules for: clipward camera add NAME --allow ADDRESS.',
    );
  const { facts, found } = await firewallFacts({ accounts, ftps, resolve }, wishes);
  if (on === 'router' && facts.recorder.length === 0)
    throw new FailedError('This machine has no address that a router sees: add --recorder ADDRESS.');
  const plan = planFirewall(facts);
  const remarks = [...plan.remarks, ...shutInAlerts(alerts, wishes)];
  const notes = [
    `Made by clipward firewall, ${format.use}.`,
    'Print it again when cameras, their addresses or ports change.',
    ...[...found].map(([name, addresses]) => `${name} is taken to be ${addresses.join(' and ')}.`),
    ...remarks,
  ].map(each => escapeForTerminal(each));
  desk.print([...notes.map(each => `# ${each}`), format.render(plan, { on, interfaces })].join('\n'));
  for (const each of remarks) desk.remark(escapeForTerminal(each));
  if (options.format === 'edgeos' && interfaces.length === 0)
    desk.remark(
      'No rule is in force before it is on an interface: add --interface "ethernet eth1" for each.',
    );
}

function wishOf(values: readonly string[] | true): readonly string[] | null {
  return values === true ? null : values.map(parsePlace);
}

function parsePlace(text: string): string {
  const isName = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text) && !/^[\d.]+$/.test(text);
  if (parseNetwork(text) !== undefined || isName) return text;
  throw new UsageError(`${JSON.stringify(text)} is no address, network or name of a server.`);
}

function parseInterface(text: string): string {
  if (/^[a-z]+ [a-z0-9]+( vif \d{1,4})?$/.test(text)) return text;
  throw new UsageError(
    `--interface ${JSON.stringify(text)} is unknown: expected what the configuration has, such as "ethernet eth1" or "ethernet eth1 vif 20".`,
  );
}

async function resolve(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}
