import t from 'tap';
import { type FirewallFacts, planFirewall } from '../../src/domain/firewall/firewall-plan.ts';
import { renderEdgeOs } from '../../src/domain/firewall/render-edgeos.ts';
import { renderNft } from '../../src/domain/firewall/render-nft.ts';
import { renderProxmox } from '../../src/domain/firewall/render-proxmox.ts';
import { renderUfw } from '../../src/domain/firewall/render-ufw.ts';
import { formatNetwork, type Network, parseNetwork } from '../../src/domain/networks.ts';

function networks(...texts: string[]): Network[] {
  return texts.map(text => {
    const network = parseNetwork(text);
    if (network === undefined) throw new Error(`${text} is no network`);
    return network;
  });
}

function camera(name: string, allowed: string[], streams: [string, number][] = [], enabled = true) {
  return {
    ...{ name, enabled, allowedNetworks: networks(...allowed) },
    streams: streams.flatMap(([address, port]) => networks(address).map(each => ({ address: each, port }))),
  };
}

function facts(more: Partial<FirewallFacts> = {}): FirewallFacts {
  return {
    cameras: [camera('den', ['192.168.20.11', 'fd00:20::11'], [['192.168.20.11', 554]])],
    globalNetworks: networks('127.0.0.0/8', '::1', '192.168.0.0/16'),
    doors: [
      { from: 21, to: 21 },
      { from: 990, to: 990 },
      { from: 30_000, to: 30_099 },
    ],
    recorder: networks('192.168.1.5', 'fd00:1::5'),
    services: [],
    cameraNetworks: [],
    ...more,
  };
}

const ntp = { name: 'NTP', protocols: ['udp'], ports: [{ from: 123, to: 123 }] } as const;
const setsOf = (more: Partial<FirewallFacts>) => {
  const { senders, cameras } = planFirewall(facts(more)).sets;
  return { senders: senders.map(formatNetwork), cameras: cameras.map(formatNetwork) };
};

t.test('who may upload, and whose way out is closed', t => {
  t.same(setsOf({}), {
    senders: ['192.168.20.11', 'fd00:20::11'],
    cameras: ['192.168.20.11', 'fd00:20::11'],
  });
  t.same(
    setsOf({ cameras: [camera('den', [], [['192.168.20.11', 554]])] }),
    { senders: ['192.168.0.0/16'], cameras: ['192.168.20.11'] },
    'without a list of its own it may come from the global one, but for this machine',
  );
  t.same(
    setsOf({ cameras: [camera('den', ['192.168.1.0/24'])] }),
    { senders: ['192.168.1.0/24'], cameras: [] },
    'others may be in a network: it is not cut off',
  );
  t.same(
    setsOf({ cameras: [camera('den', ['192.168.20.0/24'])], cameraNetworks: networks('192.168.20.0/24') }),
    { senders: ['192.168.20.0/24'], cameras: ['192.168.20.0/24'] },
    'unless only cameras are',
  );
  t.same(
    setsOf({ cameras: [camera('den', ['192.168.20.11'], [], false)] }),
    { senders: [], cameras: ['192.168.20.11'] },
    'a disabled camera uploads nothing, and still gets nowhere',
  );
  t.same(
    setsOf({
      cameras: [camera('b', ['192.168.20.0/24']), camera('a', ['192.168.20.11', '10.0.0.10', '10.0.0.9'])],
    }),
    {
      senders: ['10.0.0.9', '10.0.0.10', '192.168.20.0/24'],
      cameras: ['10.0.0.9', '10.0.0.10', '192.168.20.11'],
    },
    'in order, and without what lies in another one',
  );
  t.same(setsOf({ cameras: [camera('den', ['127.0.0.1', '::1'])] }), { senders: [], cameras: [] });
  t.end();
});

t.test('what the reader should know is said', t => {
  const remarks = (more: Partial<FirewallFacts>) => planFirewall(facts(more)).remarks;
  t.same(remarks({}), []);
  t.match(remarks({ cameras: [camera('den', [])] }), [
    /every allowed network, and its own way out is not closed/,
  ]);
  t.match(remarks({ cameras: [camera('den', [], [['10.0.0.1', 554]])] }), [/every allowed network: give it/]);
  t.match(remarks({ cameras: [camera('den', ['10.0.0.0/8'])] }), [
    /10\.0\.0\.0\/8, whose way out is not closed/,
  ]);
  t.same(remarks({ cameras: [camera('den', ['10.1.0.0/16'])], cameraNetworks: networks('10.0.0.0/8') }), []);
  t.end();
});

t.test('a service on the recorder itself lets cameras in, one elsewhere does not', t => {
  const incoming = (to: Network | null) =>
    planFirewall(facts({ services: [{ ...ntp, to }] })).incoming.filter(({ why }) => why.startsWith('NTP'));
  t.equal(incoming(networks('192.168.1.5')[0] ?? null).length, 1);
  t.equal(incoming(null).length, 1);
  t.equal(incoming(networks('192.168.1.1')[0] ?? null).length, 0);
  t.end();
});

t.test('the web is for the recorder alone, on whichever machine the rules are', t => {
  const https = { name: 'HTTPS', protocols: ['tcp'], ports: [{ from: 443, to: 443 }] } as const;
  const [to = null] = networks('203.0.113.9');
  const plan = planFirewall(facts({ services: [{ ...https, to, isForRecorderOnly: true }] }));
  const those = (rules: typeof plan.passing) => rules.filter(({ why }) => why.startsWith('HTTPS'));
  t.match(those(plan.outgoing), [{ action: 'accept', from: 'recorder', to }]);
  t.match(those(plan.passing), [{ action: 'accept', from: 'recorder', to }]);
  t.same(those(plan.passing).length, 1);
  t.same(those(plan.incoming), []);
  t.end();
});

t.test('Proxmox: the file of a virtual machine, as pve-firewall(8) has it', t => {
  const text = renderProxmox(planFirewall(facts({ services: [{ ...ntp, to: null }] })));
  t.equal(
    text,
    `[OPTIONS]
enable: 1
dhcp: 1
ndp: 1
policy_in: ACCEPT
policy_out: DROP

[IPSET clipward-senders]
192.168.20.11
fd00:20::11

[IPSET clipward-cameras]
192.168.20.11
fd00:20::11

[RULES]
IN ACCEPT -source +clipward-senders -p tcp -dport 21,990,30000:30099 # cameras upload
IN DROP -p tcp -dport 21,990,30000:30099 # nobody else does
IN ACCEPT -source +clipward-cameras -p udp -dport 123 # NTP as asked
IN DROP -source +clipward-cameras # cameras do nothing but upload
OUT ACCEPT -dest 192.168.20.11 -p tcp -dport 554 # stream of den
OUT ACCEPT -p udp -dport 123 # NTP as asked`,
  );
  const wide = renderProxmox(planFirewall(facts({ cameras: [camera('den', ['10.0.0.0/8'])] })));
  t.notMatch(wide, /clipward-cameras/, 'a set that would be empty is not named');
  t.match(wide, /IN DROP -p tcp/);
  t.end();
});

t.test('ufw: what is accepted comes before what is dropped, one command for each address', t => {
  const lines = renderUfw(
    planFirewall(facts({ services: [{ ...ntp, to: networks('fd00:1::1')[0] ?? null }] })),
  );
  t.same(lines.split('\n'), [
    "ufw allow in proto tcp from 192.168.20.11 to any port 21,990,30000:30099 comment 'clipward: cameras upload'",
    "ufw allow in proto tcp from fd00:20::11 to any port 21,990,30000:30099 comment 'clipward: cameras upload'",
    "ufw deny in proto tcp from any to any port 21,990,30000:30099 comment 'clipward: nobody else does'",
    "ufw deny in from 192.168.20.11 to any comment 'clipward: cameras do nothing but upload'",
    "ufw deny in from fd00:20::11 to any comment 'clipward: cameras do nothing but upload'",
    "ufw allow out proto tcp from any to 192.168.20.11 port 554 comment 'clipward: stream of den'",
    "ufw allow out proto udp from any to fd00:1::1 port 123 comment 'clipward: NTP as asked'",
    "ufw allow out proto udp from any port 68 to any port 67 comment 'clipward: address by DHCP'",
    "ufw allow out proto udp from any port 546 to any port 547 comment 'clipward: address by DHCPv6'",
    'ufw default deny outgoing',
  ]);
  t.end();
});

t.test('EdgeOS: groups, a rule set for each family, and the interfaces it is put on', t => {
  const ours = facts({ services: [{ ...ntp, to: networks('192.168.1.1')[0] ?? null }] });
  const lines = renderEdgeOs(planFirewall(ours), ['ethernet eth1 vif 20', 'switch switch0']).split('\n');
  const of = (start: string) =>
    lines.filter(line => line.startsWith(start)).map(line => line.slice(start.length));
  t.same(of('set firewall group '), [
    'network-group CLIPWARD-SENDERS network 192.168.20.11/32',
    'network-group CLIPWARD-CAMERAS network 192.168.20.11/32',
    'network-group CLIPWARD-RECORDER network 192.168.1.5/32',
    'ipv6-network-group CLIPWARD-SENDERS6 ipv6-network fd00:20::11/128',
    'ipv6-network-group CLIPWARD-CAMERAS6 ipv6-network fd00:20::11/128',
    'ipv6-network-group CLIPWARD-RECORDER6 ipv6-network fd00:1::5/128',
  ]);
  t.same(of('set firewall name CLIPWARD rule 20 '), [
    'action accept',
    "description 'cameras upload'",
    'source group network-group CLIPWARD-SENDERS',
    'destination group network-group CLIPWARD-RECORDER',
    'protocol tcp',
    'destination port 21,990,30000-30099',
  ]);
  const actions = (set: string) =>
    lines.filter(line => line.startsWith(`set firewall ${set} `) && / action /.test(line));
  t.same(
    actions('name CLIPWARD').map(line => line.split(' ').at(-1)),
    ['accept', 'accept', 'drop', 'accept', 'accept', 'accept', 'drop', 'drop'],
  );
  t.same(
    actions('ipv6-name CLIPWARD6').map(line => line.split(' ').at(-1)),
    ['accept', 'accept', 'drop', 'drop', 'drop'],
    'no rule about addresses of the other family',
  );
  for (const set of ['name CLIPWARD', 'ipv6-name CLIPWARD6'])
    t.ok(lines.includes(`set firewall ${set} default-action accept`), 'the rest is not touched');
  t.same(of('set interfaces '), [
    'ethernet eth1 vif 20 firewall in name CLIPWARD',
    'switch switch0 firewall in name CLIPWARD',
    'ethernet eth1 vif 20 firewall in ipv6-name CLIPWARD6',
    'switch switch0 firewall in ipv6-name CLIPWARD6',
  ]);
  t.end();
});

t.test('nft: nobody who is not on a list gets to the doors, also when no camera may upload', t => {
  const none = renderNft(
    planFirewall(facts({ cameras: [camera('den', ['10.0.0.1'], [], false)] })),
    'recorder',
  );
  t.notMatch(none, /cameras upload/);
  t.match(none, /tcp dport { 21, 990, 30000-30099 } drop/);
  t.match(none, /ip saddr @cameras-ipv4 drop/);
  const router = renderNft(planFirewall(facts()), 'router');
  t.notMatch(router, /hook (input|output)/, 'the router itself is not touched');
  t.end();
});
