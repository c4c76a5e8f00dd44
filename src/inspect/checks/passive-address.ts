import { lookup } from 'node:dns/promises';
import { isIPv4 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { networkInterfaces } from 'node:os';
import { type Network, networkMatcher, parseNetwork } from '../../domain/networks.ts';
import { type Check, type Finding, fail, pass, warn } from '../check.ts';

const lookupDeadlineMs = 3000;

export type PassiveParts = Readonly<{
  /** ftps.passive.address */
  address: string | null;
  /** The addresses that cameras last logged in from. */
  cameraAddresses(): readonly string[];
}>;

export type Surroundings = Readonly<{
  interfaces(): readonly Pick<NetworkInterfaceInfo, 'address' | 'cidr' | 'internal'>[];
  /** IPv4 addresses of a name. */
  resolve(name: string): Promise<readonly string[]>;
}>;

/** Whether the address that cameras are told for their data connections leads here, as far as this machine can know. */
export function passiveAddress(parts: PassiveParts, around: Surroundings = thisMachine): Check {
  return {
    name: 'passive-address',
    async run() {
      const { address } = parts;
      if (address === null) return ofTheConnection(around);
      if (isIPv4(address)) return judge(address, address, parts, around);
      if (address.includes(':'))
        return fail(
          `ftps.passive.address is ${address}, and PASV can only tell an IPv4 address`,
          'Set it to an IPv4 address, or to null: cameras on IPv6 ask with EPSV, which needs none.',
        );
      const found = await around.resolve(address);
      const [first] = found;
      if (first === undefined)
        return fail(
          `ftps.passive.address is ${address}, a name that cannot be looked up here, so that PASV is refused`,
          'Mend the name or the name server, or set the IPv4 address itself.',
        );
      return judge(first, `${address} (${found.join(', ')})`, parts, around);
    },
  };
}

function ofTheConnection(around: Surroundings): Finding {
  const own = around.interfaces().filter(each => !each.internal && isIPv4(each.address));
  return own.length === 0
    ? warn(
        'this machine has no IPv4 address but loopback, so that cameras that know only PASV cannot upload',
        'Give it an IPv4 address in the network of the cameras.',
      )
    : pass('cameras are told the address that they connected to (ftps.passive.address is not set)');
}

function judge(
  address: string,
  shown: string,
  { cameraAddresses }: PassiveParts,
  around: Surroundings,
): Finding {
  const remedy =
    'Set ftps.passive.address to null unless there is NAT between the cameras and this machine; with NAT, to the address that they reach it by.';
  if (isNoHost(address)) return fail(`cameras are told to connect to ${shown}, which leads nowhere`, remedy);
  const interfaces = around.interfaces();
  if (interfaces.some(own => own.address === address))
    return pass(`cameras are told ${shown}, which is this machine`);
  const neighbour = interfaces.find(own => own.cidr !== null && isIn([asNetwork(own.cidr)], address));
  if (neighbour !== undefined)
    return warn(
      `cameras are told ${shown}, which is in the network of this machine (${neighbour.cidr}) and not its address`,
      remedy,
    );
  const inside = cameraAddresses().find(isPrivate);
  if (!isPrivate(address) && inside !== undefined)
    return warn(
      `cameras are told the public address ${shown}, and ${inside} connects from inside, where it may lead nowhere`,
      remedy,
    );
  return pass(
    `cameras are told ${shown}, no address of this machine: right where a router passes its ports on to here`,
  );
}

const isNoHost = networkMatcher(networks('0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'));
const isPrivate = networkMatcher(networks('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'));

function isIn(network: readonly (Network | undefined)[], address: string): boolean {
  return networkMatcher(network.filter(each => each !== undefined))(address);
}

/** Of an interface: `192.168.20.5/24`, with its own bits set behind the prefix. */
function asNetwork(cidr: string): Network | undefined {
  const [address = '', prefix] = cidr.split('/');
  return isIPv4(address) ? { address, prefix: Number(prefix), family: 'ipv4' } : undefined;
}

function networks(...texts: string[]): Network[] {
  return texts.map(parseNetwork).filter(network => network !== undefined);
}

const thisMachine: Surroundings = {
  interfaces: () => Object.values(networkInterfaces()).flatMap(entries => entries ?? []),
  async resolve(name) {
    const late = AbortSignal.timeout(lookupDeadlineMs);
    const aborted = new Promise<never>((_resolve, reject) =>
      late.addEventListener('abort', () => reject(late.reason), { once: true }),
    );
    try {
      const found = await Promise.race([lookup(name, { family: 4, all: true }), aborted]);
      return found.map(({ address }) => address);
    } catch {
      return [];
    }
  },
};
