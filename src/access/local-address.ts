// Which address of this machine a camera can reach: the one that the kernel would answer it from.

import { createSocket } from 'node:dgram';
import { addressBytes, type Network, parseAddress } from '../domain/networks.ts';

/** Documentation addresses (RFC 5737, RFC 3849): they are reached through the default route, and nobody has them. */
const anywhere = { ipv4: '192.0.2.1', ipv6: '2001:db8::1' } as const;
const anyPort = 9;

/**
 * The local address of the interface that routes to a network, or without one that of the default route, IPv4 before IPv6.
 * Undefined when there is no route. Connecting a UDP socket asks the routing table; no packet is sent.
 */
export async function localAddressTowards(network: Network | undefined): Promise<string | undefined> {
  if (network !== undefined && network.prefix > 0) return localAddressFor(firstHost(network), network.family);
  const families = network === undefined ? (['ipv4', 'ipv6'] as const) : [network.family];
  for (const family of families) {
    const address = await localAddressFor(anywhere[family], family);
    if (address !== undefined) return address;
  }
  return undefined;
}

function localAddressFor(target: string, family: Network['family']): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = createSocket(family === 'ipv4' ? 'udp4' : 'udp6');
    const finish = (address: string | undefined) => {
      socket.close();
      resolve(address);
    };
    socket.once('error', () => finish(undefined));
    socket.connect(anyPort, target, (error?: Error) =>
      finish(error === undefined ? parseAddress(socket.address().address) : undefined),
    );
  });
}

/** The address behind the network's own: that one can mean a broadcast, which a socket must ask leave for. */
function firstHost({ address, prefix, family }: Network): string {
  const bytes = addressBytes(address);
  if (prefix === bytes.length * 8) return address;
  const last = bytes.length - 1;
  bytes[last] = (bytes[last] ?? 0) | 1;
  if (family === 'ipv4') return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    Buffer.from(bytes.subarray(2 * index, 2 * index + 2)).toString('hex'),
  );
  return groups.join(':');
}
