// Which packets may pass, as data: what the firewall of the recorder, or of the router before it, is to do. One renderer for
// each kind of firewall writes it down. Only what begins a connection is judged; answers pass.

import { formatNetwork, type Network, networkMatcher } from '../networks.ts';

export type Ports = Readonly<{ from: number; to: number }>;

export type FirewallCamera = Readonly<{
  name: string;
  enabled: boolean;
  /** From which it may upload; empty: the whole global list. */
  allowedNetworks: readonly Network[];
  /** Where its own streams are. */
  streams: readonly Readonly<{ address: Network; port: number }>[];
}>;

/** Something that the recorder and the cameras may reach; null: wherever it is. */
export type AllowedService = Readonly<{
  name: 'NTP' | 'DNS' | 'mail' | 'HTTPS';
  to: Network | null;
  protocols: readonly Protocol[];
  ports: readonly Ports[];
  /** Cameras are not let there. */
  isForRecorderOnly?: boolean;
}>;

export type FirewallFacts = Readonly<{
  cameras: readonly FirewallCamera[];
  globalNetworks: readonly Network[];
  /** The ports of the listeners and the passive ports. */
  doors: readonly Ports[];
  /** Addresses of the machine that runs clipward. */
  recorder: readonly Network[];
  services: readonly AllowedService[];
  /** Networks in which nothing but cameras is. */
  cameraNetworks: readonly Network[];
}>;

export type Protocol = 'tcp' | 'udp';

/** `senders`: from where cameras upload. `cameras`: devices whose own way out is closed. */
export type SetName = 'senders' | 'cameras' | 'recorder';
export type Place = SetName | Network;

export type FirewallRule = Readonly<{
  action: 'accept' | 'drop';
  /** Absent: anybody, anywhere. */
  from?: Place;
  to?: Place;
  /** Absent: whatever the protocol. */
  protocol?: Protocol;
  ports?: readonly Ports[];
  /** A few words without quotes. */
  why: string;
}>;

export type FirewallPlan = Readonly<{
  sets: Readonly<Record<SetName, readonly Network[]>>;
  /** On the recorder: what comes in. Nothing else that comes in is touched. */
  incoming: readonly FirewallRule[];
  /** On the recorder: what goes out. All else is dropped. */
  outgoing: readonly FirewallRule[];
  /** On a router between them: what passes from one network to another. Nothing else is touched. */
  passing: readonly FirewallRule[];
  /** What the one who reads it should know, in sentences. */
  remarks: readonly string[];
}>;

/** First match decides, in the order of each list. */
export function planFirewall(facts: FirewallFacts): FirewallPlan {
  const { doors, services, recorder } = facts;
  const streams = facts.cameras.flatMap(({ name, streams }) => streams.map(each => ({ ...each, name })));
  const upload = { protocol: 'tcp', ports: doors } as const;
  const isRecorder = networkMatcher(recorder);
  const toServices = (from: SetName, reachable = services): FirewallRule[] =>
    reachable.flatMap(({ name, to, protocols, ports }) =>
      protocols.map(protocol => ({
        ...({ action: 'accept', from, protocol, ports, why: `${name} as asked` } as const),
        ...(to !== null && { to }),
      })),
    );
  const toStreams: FirewallRule[] = streams.map(({ name, address, port }) => ({
    ...{ action: 'accept', from: 'recorder', to: address, protocol: 'tcp' },
    ...{ ports: [{ from: port, to: port }], why: `stream of ${name}` },
  }));
  const forCameras = services.filter(({ isForRecorderOnly }) => isForRecorderOnly !== true);
  const ownServices = forCameras.filter(({ to }) => to === null || isRecorder(to.address));
  return {
    sets: {
      senders: reduced(
        facts.cameras.filter(({ enabled }) => enabled).flatMap(each => sendersOf(each, facts)),
      ),
      cameras: reduced([...facts.cameras.flatMap(ownAddresses), ...facts.cameraNetworks]),
      recorder: reduced(recorder),
    },
    incoming: [
      { action: 'accept', from: 'senders', ...upload, why: 'cameras upload' },
      { action: 'drop', ...upload, why: 'nobody else does' },
      ...withoutTo(toServices('cameras', ownServices)),
      { action: 'drop', from: 'cameras', why: 'cameras do nothing but upload' },
    ],
    outgoing: [...toStreams, ...toServices('recorder')],
    passing: [
      { action: 'accept', from: 'senders', to: 'recorder', ...upload, why: 'cameras upload' },
      { action: 'drop', to: 'recorder', ...upload, why: 'nobody else does' },
      ...toStreams,
      ...toServices('recorder'),
      ...toServices('cameras', forCameras),
      { action: 'drop', from: 'cameras', why: 'cameras reach nothing else' },
      { action: 'drop', from: 'recorder', why: 'the recorder reaches nothing else' },
    ],
    remarks: remarksOn(facts),
  };
}

/** On the recorder itself every destination is the recorder. */
function withoutTo(rules: readonly FirewallRule[]): FirewallRule[] {
  return rules.map(({ to: _, ...rule }) => rule);
}

function sendersOf(camera: FirewallCamera, { globalNetworks }: FirewallFacts): readonly Network[] {
  const networks = camera.allowedNetworks.length === 0 ? globalNetworks : camera.allowedNetworks;
  return networks.filter(network => !isLoopback(network));
}

/** A wider network may hold others than cameras, whose way out is nobody's to close. */
function ownAddresses({ allowedNetworks, streams }: FirewallCamera): readonly Network[] {
  return [...allowedNetworks, ...streams.map(({ address }) => address)].filter(
    network => isOneAddress(network) && !isLoopback(network),
  );
}

function remarksOn({ cameras, cameraNetworks }: FirewallFacts): readonly string[] {
  const isCovered = (network: Network) => cameraNetworks.some(each => holds(each, network));
  return cameras.flatMap(camera => {
    const { name, allowedNetworks } = camera;
    if (allowedNetworks.length === 0)
      return [
        ownAddresses(camera).length === 0
          ? `${name} may upload from every allowed network, and its own way out is not closed: give it an address, clipward camera allow ${name} ADDRESS.`
          : `${name} may upload from every allowed network: give it an address, clipward camera allow ${name} ADDRESS.`,
      ];
    const wide = allowedNetworks.filter(each => !isOneAddress(each) && !isCovered(each));
    return wide.map(
      network =>
        `${name} may upload from ${formatNetwork(network)}, whose way out is not closed since others may be in it: allow its address alone, or add --camera-network ${formatNetwork(network)} when only cameras are.`,
    );
  });
}

function isOneAddress({ prefix, family }: Network): boolean {
  return prefix === (family === 'ipv4' ? 32 : 128);
}

const isLoopbackAddress = networkMatcher([
  { address: '127.0.0.0', prefix: 8, family: 'ipv4' },
  { address: '::1', prefix: 128, family: 'ipv6' },
]);

function isLoopback({ address }: Network): boolean {
  return isLoopbackAddress(address);
}

function holds(outer: Network, inner: Network): boolean {
  return (
    outer.family === inner.family && outer.prefix <= inner.prefix && networkMatcher([outer])(inner.address)
  );
}

/** Without what lies in another one: some firewalls take no overlaps. IPv4 first, in a lasting order. */
function reduced(networks: readonly Network[]): readonly Network[] {
  const unique = [...new Map(networks.map(network => [formatNetwork(network), network])).values()];
  return unique
    .filter(network => !unique.some(other => other !== network && holds(other, network)))
    .sort(
      (a, b) =>
        a.family.localeCompare(b.family) ||
        formatNetwork(a).localeCompare(formatNetwork(b), 'en', { numeric: true }),
    );
}
