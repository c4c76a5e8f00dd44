// EdgeOS, the system of Ubiquiti's EdgeRouters (and of others that come from Vyatta): two rule sets, for IPv4 and IPv6, that
// are put on the interfaces behind which cameras, recorder and everybody else are.

import { formatNetwork, type Network } from '../networks.ts';
import type { FirewallPlan, FirewallRule, Place, SetName } from './firewall-plan.ts';

type Family = Network['family'];
type Words = Readonly<{ set: string; group: string; member: string; suffix: string }>;

const words: Record<Family, Words> = {
  ipv4: { set: 'name CLIPWARD', group: 'network-group', member: 'network', suffix: '' },
  ipv6: { set: 'ipv6-name CLIPWARD6', group: 'ipv6-network-group', member: 'ipv6-network', suffix: '6' },
};

/** `interfaces`: as in the configuration, `ethernet eth1` or `ethernet eth1 vif 20`. */
export function renderEdgeOs(plan: FirewallPlan, interfaces: readonly string[]): string {
  return (['ipv4', 'ipv6'] as const)
    .filter(family => plan.sets.recorder.some(each => each.family === family) || hasCamera(plan, family))
    .flatMap(family => [
      ...groupsOf(plan, family),
      `set firewall ${words[family].set} default-action accept`,
      `set firewall ${words[family].set} description 'clipward: cameras and recorder'`,
      ...rulesOf(plan, family),
      ...interfaces.map(each => `set interfaces ${each} firewall in ${words[family].set}`),
    ])
    .join('\n');
}

function hasCamera({ sets }: FirewallPlan, family: Family): boolean {
  return sets.cameras.some(each => each.family === family);
}

function groupName(name: SetName, family: Family): string {
  return `CLIPWARD-${name.toUpperCase()}${words[family].suffix}`;
}

function groupsOf({ sets }: FirewallPlan, family: Family): string[] {
  const { group, member } = words[family];
  return (Object.keys(sets) as SetName[]).flatMap(name =>
    sets[name]
      .filter(each => each.family === family)
      .map(
        each =>
          `set firewall group ${group} ${groupName(name, family)} ${member} ${each.address}/${each.prefix}`,
      ),
  );
}

function rulesOf(plan: FirewallPlan, family: Family): string[] {
  const rules = plan.passing.filter(({ from, to }) =>
    [from, to].every(
      place =>
        place === undefined ||
        (typeof place === 'string'
          ? plan.sets[place].some(each => each.family === family)
          : place.family === family),
    ),
  );
  const { set } = words[family];
  return [
    ...['action accept', "description 'answers'", 'state established enable', 'state related enable'].map(
      text => `set firewall ${set} rule 10 ${text}`,
    ),
    ...rules.flatMap((rule, index) =>
      linesOf(rule, family).map(text => `set firewall ${set} rule ${10 * (index + 2)} ${text}`),
    ),
  ];
}

function linesOf({ action, from, to, protocol, ports, why }: FirewallRule, family: Family): string[] {
  const place = (side: 'source' | 'destination', each: Place | undefined) => {
    if (each === undefined) return [];
    if (typeof each !== 'string') return [`${side} address ${formatNetwork(each)}`];
    return [`${side} group ${words[family].group} ${groupName(each, family)}`];
  };
  const numbers = ports?.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`));
  return [
    `action ${action}`,
    `description '${why}'`,
    ...place('source', from),
    ...place('destination', to),
    ...(protocol === undefined ? [] : [`protocol ${protocol}`]),
    ...(numbers === undefined ? [] : [`destination port ${numbers.join(',')}`]),
  ];
}
