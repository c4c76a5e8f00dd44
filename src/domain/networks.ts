// Addresses and networks, as allow-lists use them. Mapped IPv6 (`::ffff:192.0.2.1`, what a dual-stack socket shows for
// an IPv4 peer) counts as IPv4, zone suffixes (`fe80::1%eth0`) are dropped, before anything is compared.

import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net';

/** `192.168.20.0/24` or `fd00::/8`, canonical: host bits cleared, IPv6 in its shortest form. */
export type Network = Readonly<{ address: string; prefix: number; family: 'ipv4' | 'ipv6' }>;

/** One address in canonical form, or undefined when the text is none. */
export function parseAddress(text: string): string | undefined {
  const bare = text.replace(/%.*$/, '');
  const family = isIP(bare);
  if (family === 0) return undefined;
  if (family === 4) return bare;
  const canonical = new SocketAddress({ address: bare, family: 'ipv6' }).address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(canonical)?.[1];
  return mapped ?? canonical;
}

/**
 * Parses `ADDRESS` or `ADDRESS/PREFIX`. Undefined for anything malformed: a list with such an entry must be refused, not
 * shortened. Host bits must be zero, since `192.168.20.11/24` may mean one camera or all of them.
 */
export function parseNetwork(text: string): Network | undefined {
  const match = /^([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?$/.exec(text.trim());
  if (!match?.[1]) return undefined;
  const address = parseAddress(match[1]);
  if (address === undefined || (isIP(match[1]) === 6 && isIPv4(address) && match[2] !== undefined))
    return undefined;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const width = family === 'ipv4' ? 32 : 128;
  const prefix = match[2] === undefined ? width : Number(match[2]);
  if (prefix > width || hasHostBits(address, prefix)) return undefined;
  return { address, prefix, family };
}

export const networkRule =
  'an address or a network like 192.168.20.11, 192.168.20.0/24 or fd00::/8, with no bits set behind the prefix';

/** `192.168.20.11` for one address, `192.168.20.0/24` for a network. */
export function formatNetwork(network: Network): string {
  return network.prefix === (network.family === 'ipv4' ? 32 : 128)
    ? network.address
    : `${network.address}/${network.prefix}`;
}

/** Answers whether an address lies in one of the networks; what is no address lies in none. */
export function networkMatcher(networks: readonly Network[]): (address: string) => boolean {
  const list = new BlockList();
  for (const { address, prefix, family } of networks) list.addSubnet(address, prefix, family);
  return text => {
    const address = parseAddress(text);
    return address !== undefined && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  };
}

function hasHostBits(address: string, prefix: number): boolean {
  const bytes = addressBytes(address);
  return bytes.some((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefix - index * 8));
    return (byte & (0xff >> kept)) !== 0;
  });
}

/** The 4 or 16 bytes of a canonical address. */
export function addressBytes(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.').map(Number));
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text = dotted
    ? `${dotted[1]}${(Number(dotted[2]) * 256 + Number(dotted[3])).toString(16)}:${(Number(dotted[4]) * 256 + Number(dotted[5])).toString(16)}`
    : address;
  const [head = '', tail] = text.split('::');
  const left = head.split(':').filter(Boolean);
  const right = (tail ?? '').split(':').filter(Boolean);
  const groups = [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  return Uint8Array.from(
    groups.flatMap(group => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
  );
}
