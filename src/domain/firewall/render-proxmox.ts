// The firewall of Proxmox VE for one virtual machine: /etc/pve/firewall/VMID.fw (pve-firewall(8)). It sees only what this
// machine sends and receives; answers and neighbours of IPv6 pass by themselves.

import { formatNetwork } from '../networks.ts';
import type { FirewallPlan, FirewallRule, Place, Ports, SetName } from './firewall-plan.ts';

export function renderProxmox(plan: FirewallPlan): string {
  const { incoming, outgoing } = plan;
  const inbound = incoming.filter(rule => !isEmpty(plan, rule.from));
  const used = (['senders', 'cameras'] as const).filter(name => plan.sets[name].length > 0);
  return [
    '[OPTIONS]',
    'enable: 1',
    'dhcp: 1',
    'ndp: 1',
    'policy_in: ACCEPT',
    'policy_out: DROP',
    ...used.flatMap(name => [
      '',
      `[IPSET ${setName(name)}]`,
      ...plan.sets[name].map(network => formatNetwork(network)),
    ]),
    '',
    '[RULES]',
    ...inbound.map(rule => ruleOf('IN', rule)),
    ...outgoing.map(({ from: _, ...rule }) => ruleOf('OUT', rule)),
  ].join('\n');
}

function isEmpty({ sets }: FirewallPlan, place: Place | undefined): boolean {
  return typeof place === 'string' && sets[place].length === 0;
}

function setName(name: SetName): string {
  return `clipward-${name}`;
}

function ruleOf(direction: 'IN' | 'OUT', { action, from, to, protocol, ports, why }: FirewallRule): string {
  return [
    direction,
    action.toUpperCase(),
    ...(from === undefined ? [] : [`-source ${placeOf(from)}`]),
    ...(to === undefined ? [] : [`-dest ${placeOf(to)}`]),
    ...(protocol === undefined ? [] : [`-p ${protocol}`]),
    ...(ports === undefined ? [] : [`-dport ${ports.map(portText).join(',')}`]),
    `# ${why}`,
  ].join(' ');
}

function placeOf(place: Place): string {
  return typeof place === 'string' ? `+${setName(place)}` : formatNetwork(place);
}

function portText({ from, to }: Ports): string {
  return from === to ? `${from}` : `${from}:${to}`;
}
