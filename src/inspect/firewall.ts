// What a firewall has to know of this installation: where cameras are, which ports are doors, and what was asked for besides.

import type { AccountReader, Camera } from '../access/accounts.ts';
import { interfaceAddresses } from '../access/server-names.ts';
import { FailedError } from '../base/errors.ts';
import type { AllowedService, FirewallFacts, Ports } from '../domain/firewall/firewall-plan.ts';
import { type Network, parseAddress, parseNetwork } from '../domain/networks.ts';
import { parseRtspAddress } from '../domain/rtsp/rtsp-address.ts';
import type { Settings } from '../settings/settings.ts';

/** `to`: names, addresses and networks; null: wherever it is. Absent: it was not asked for. */
export type FirewallWishes = Readonly<{
  ntp?: readonly string[] | null;
  dns?: readonly string[] | null;
  mail?: readonly string[];
  https?: readonly string[];
  cameraNetworks: readonly Network[];
  /** Empty: the addresses of this machine. */
  recorder: readonly Network[];
}>;

export type FirewallSources = Readonly<{
  accounts: Pick<AccountReader, 'cameras' | 'globalNetworks'>;
  ftps: Pick<Settings['ftps'], 'explicit' | 'implicit' | 'passive' | 'allowedNetworks'>;
  /** Addresses of a name; empty when it has none. */
  resolve(name: string): Promise<readonly string[]>;
}>;

const services = {
  ntp: { name: 'NTP', protocols: ['udp'], ports: [123] },
  dns: { name: 'DNS', protocols: ['udp', 'tcp'], ports: [53] },
  // Between servers, and handed in with TLS at once or after STARTTLS.
  mail: { name: 'mail', protocols: ['tcp'], ports: [25, 465, 587] },
  // Alerts by webhook, updates. No camera has to do with it.
  https: { name: 'HTTPS', protocols: ['tcp'], ports: [443], isForRecorderOnly: true },
} as const satisfies Record<
  string,
  Pick<AllowedService, 'name' | 'protocols' | 'isForRecorderOnly'> & { ports: readonly number[] }
>;

/** `found`: the addresses that names stood for, by name. Throws FailedError for a name that has none. */
export async function firewallFacts(
  sources: FirewallSources,
  wishes: FirewallWishes,
): Promise<{ facts: FirewallFacts; found: ReadonlyMap<string, readonly string[]> }> {
  const { accounts, ftps } = sources;
  const found = new Map<string, readonly string[]>();
  const networksOf = async (text: string): Promise<readonly Network[]> => {
    const network = parseNetwork(text);
    if (network !== undefined) return [network];
    const addresses = await sources.resolve(text);
    if (addresses.length === 0)
      throw new FailedError(
        `${text} has no address just now, and a firewall needs one: give its address in place of the name.`,
      );
    found.set(text, addresses);
    return addresses.flatMap(address => parseNetwork(parseAddress(address) ?? '') ?? []);
  };
  const cameras = [];
  for (const camera of accounts.cameras()) cameras.push(await cameraOf(camera, networksOf));
  const allowed: AllowedService[] = [];
  for (const key of ['ntp', 'dns', 'mail', 'https'] as const) {
    const wish = wishes[key];
    if (wish === undefined) continue;
    const service = { ...services[key], ports: services[key].ports.map(onePort) };
    if (wish === null) allowed.push({ ...service, to: null });
    for (const text of wish ?? []) for (const to of await networksOf(text)) allowed.push({ ...service, to });
  }
  const facts = {
    cameras,
    globalNetworks: accounts.globalNetworks(ftps.allowedNetworks),
    doors: doorsOf(ftps),
    recorder: wishes.recorder.length > 0 ? wishes.recorder : ownAddresses(),
    services: allowed,
    cameraNetworks: wishes.cameraNetworks,
  };
  return { facts, found };
}

/** Sentences about alerts that would not get out. */
export function shutInAlerts(
  { webhook, email }: Pick<Settings['alerts'], 'webhook' | 'email'>,
  wishes: FirewallWishes,
): readonly string[] {
  const remarks: string[] = [];
  const url = webhook.url === null ? undefined : new URL(webhook.url);
  // Of an IPv6 address without the brackets.
  const host = url?.hostname.replace(/^\[|\]$/g, '');
  // What goes to this machine itself is never held back.
  const webHost = host === undefined || isThisMachine(host) ? undefined : host;
  const port = Number(url?.port || 443);
  const mailHost = email.host ?? undefined;
  if (webHost !== undefined && port !== 443)
    remarks.push(
      `Alerts go to ${webHost} on TCP port ${port}, which no option opens: add a rule for it by hand.`,
    );
  else if (webHost !== undefined && wishes.https === undefined)
    remarks.push(`Alerts go to ${webHost} and would not get out: add --allow-https ${webHost}.`);
  if (mailHost !== undefined && !isThisMachine(mailHost) && wishes.mail === undefined)
    remarks.push(`Alerts go out by ${mailHost} and would not get there: add --allow-mail ${mailHost}.`);
  const name = [webHost, mailHost].find(
    host => host !== undefined && parseAddress(host) === undefined && !isThisMachine(host),
  );
  if (name !== undefined && wishes.dns === undefined)
    remarks.push(`Alerts need the address of ${name}: add --allow-dns, best with the address of the server.`);
  return remarks;
}

function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

async function cameraOf(camera: Camera, networksOf: (text: string) => Promise<readonly Network[]>) {
  const { name, enabled, allowedNetworks, rtspUrl, subRtspUrl } = camera;
  const streams = [];
  const seen = new Set<string>();
  for (const url of [rtspUrl, subRtspUrl]) {
    const { address } = url === null ? { address: null } : parseRtspAddress(url);
    if (address === null || seen.has(`${address.host} ${address.port}`)) continue;
    seen.add(`${address.host} ${address.port}`);
    for (const network of await networksOf(address.host))
      streams.push({ address: network, port: address.port });
  }
  return { name, enabled, allowedNetworks, streams };
}

function doorsOf({ explicit, implicit, passive }: FirewallSources['ftps']): readonly Ports[] {
  return [
    ...[explicit, implicit].filter(({ enabled }) => enabled).map(({ port }) => onePort(port)),
    { from: passive.minPort, to: passive.maxPort },
  ];
}

function onePort(port: number): Ports {
  return { from: port, to: port };
}

function ownAddresses(): readonly Network[] {
  return interfaceAddresses()
    .filter(({ internal }) => !internal)
    .flatMap(({ address }) => parseNetwork(address) ?? []);
}
