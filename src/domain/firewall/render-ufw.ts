// ufw on the recorder: commands in the order in which the rules are to be. Answers, neighbours of IPv6 and the own machine are
// let through by what ufw comes with (before.rules).

import { formatNetwork, type Network } from '../networks.ts';
import type { FirewallPlan, FirewallRule, Place, Ports } from './firewall-plan.ts';

export function renderUfw(plan: FirewallPlan): string {
  return [
    ...plan.incoming.flatMap(rule => commandsOf(plan, 'in', rule)),
    ...plan.outgoing.flatMap(({ from: _, ...rule }) => commandsOf(plan, 'out', rule)),
    "ufw allow out proto udp from any port 68 to any port 67 comment 'clipward: address by DHCP'",
    "ufw allow out proto udp from any port 546 to any port 547 comment 'clipward: address by DHCPv6'",
    'ufw default deny outgoing',
  ].join('\n');
}

/** ufw knows no sets: a command for each address. */
function commandsOf({ sets }: FirewallPlan, direction: 'in' | 'out', rule: FirewallRule): string[] {
  const all = (place: Place | undefined): readonly (Network | undefined)[] => {
    if (place === undefined) return [undefined];
    return typeof place === 'string' ? sets[place] : [place];
  };
  return all(rule.from).flatMap(from =>
    all(rule.to)
      .filter(to => from === undefined || to === undefined || from.family === to.family)
      .map(to => commandOf(direction, rule, { from, to })),
  );
}

function commandOf(
  direction: 'in' | 'out',
  { action, protocol, ports, why }: FirewallRule,
  { from, to }: { from: Network | undefined; to: Network | undefined },
): string {
  return [
    `ufw ${action === 'accept' ? 'allow' : 'deny'} ${direction}`,
    ...(protocol === undefined ? [] : [`proto ${protocol}`]),
    `from ${from === undefined ? 'any' : formatNetwork(from)}`,
    `to ${to === undefined ? 'any' : formatNetwork(to)}`,
    ...(ports === undefined ? [] : [`port ${ports.map(portText).join(',')}`]),
    `comment 'clipward: ${why}'`,
  ].join(' ');
}

function portText({ from, to }: Ports): string {
  return from === to ? `${from}` : `${from}:${to}`;
}
