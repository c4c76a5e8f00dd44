// nftables: a table of its own, replaced as a whole, so that what others have set up stays. A packet that is accepted here is
// still judged by the other tables.

import { formatNetwork, type Network } from '../networks.ts';
import type { FirewallPlan, FirewallRule, Ports, SetName } from './firewall-plan.ts';

type Family = Network['family'];

const ip: Record<Family, string> = { ipv4: 'ip', ipv6: 'ip6' };
/** Without them there is no IPv6 (RFC 4890): neighbours, routers, who listens to which group. */
const neighbours =
  'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert, mld-listener-query, mld-listener-report, mld2-listener-report } accept';
const sets = { recorder: ['senders', 'cameras'], router: ['senders', 'cameras', 'recorder'] } as const;
const answers = ['ct state established,related accept'];

/** `on`: the machine that it is for. `passing` on the recorder closes the way of cameras for which it is the router. */
export function renderNft(plan: FirewallPlan, on: 'recorder' | 'router'): string {
  const chains =
    on === 'recorder'
      ? [
          chain('input', [
            ...answers,
            'iif "lo" accept',
            neighbours,
            // A server of addresses on this machine, which cameras that have one ask to keep it.
            'udp dport 67 accept',
            ...rulesOf(plan, plan.incoming),
          ]),
          chain('output', [
            ...answers,
            'oif "lo" accept',
            neighbours,
            'udp sport 68 udp dport 67 accept',
            'udp sport 546 udp dport 547 accept',
            ...rulesOf(
              plan,
              plan.outgoing.map(({ from: _, ...rule }) => rule),
            ),
            'drop comment "the recorder reaches nothing else"',
          ]),
          chain('forward', [
            ...answers,
            ...rulesOf(
              plan,
              plan.passing.filter(({ from, to }) => from === 'cameras' && to !== 'recorder'),
            ),
          ]),
        ]
      : [chain('forward', [...answers, ...rulesOf(plan, plan.passing)])];
  return [
    'table inet clipward',
    'delete table inet clipward',
    'table inet clipward {',
    ...sets[on].flatMap(name => setsOf(plan, name)),
    ...chains.flat(),
    '}',
  ].join('\n');
}

function setsOf(plan: FirewallPlan, name: SetName): string[] {
  return (['ipv4', 'ipv6'] as const).flatMap(family => {
    const elements = plan.sets[name].filter(each => each.family === family).map(formatNetwork);
    return [
      `  set ${name}-${family} {`,
      `    type ${family}_addr`,
      '    flags interval',
      ...(elements.length === 0 ? [] : [`    elements = { ${elements.join(', ')} }`]),
      '  }',
    ];
  });
}

function chain(hook: 'input' | 'output' | 'forward', lines: readonly string[]): string[] {
  return [
    `  chain ${hook} {`,
    `    type filter hook ${hook} priority filter; policy accept;`,
    ...lines.map(line => `    ${line}`),
    '  }',
  ];
}

function rulesOf(plan: FirewallPlan, rules: readonly FirewallRule[]): string[] {
  return rules.flatMap(rule => familiesOf(plan, rule).map(family => ruleOf(rule, family)));
}

/** Both at once where no address is in the rule; none where one of its sets is empty. */
function familiesOf({ sets }: FirewallPlan, { from, to }: FirewallRule): readonly (Family | undefined)[] {
  const places = [from, to].filter(place => place !== undefined);
  if (places.length === 0) return [undefined];
  return (['ipv4', 'ipv6'] as const).filter(family =>
    places.every(place =>
      typeof place === 'string' ? sets[place].some(each => each.family === family) : place.family === family,
    ),
  );
}

function ruleOf(
  { action, from, to, protocol, ports, why }: FirewallRule,
  family: Family | undefined,
): string {
  const place = (which: 'saddr' | 'daddr', each: FirewallRule['from']) =>
    each === undefined || family === undefined
      ? []
      : [`${ip[family]} ${which} ${typeof each === 'string' ? `@${each}-${family}` : formatNetwork(each)}`];
  return [
    ...place('saddr', from),
    ...place('daddr', to),
    ...(protocol === undefined ? [] : [portsOf(protocol, ports)]),
    action,
    `comment "${why}"`,
  ].join(' ');
}

function portsOf(protocol: string, ports: readonly Ports[] | undefined): string {
  if (ports === undefined) return `meta l4proto ${protocol}`;
  const texts = ports.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`));
  return `${protocol} dport ${texts.length === 1 ? texts[0] : `{ ${texts.join(', ')} }`}`;
}
