// What a server certificate is made out to.

import type { X509Certificate } from 'node:crypto';
import { SettingsError } from '../base/errors.ts';
import { parseAddress } from '../domain/networks.ts';
import type { ServerRequest } from './issue-certificate.ts';

export type Subjects = Pick<ServerRequest, 'names' | 'addresses'>;

/** So that a machine with a crowd of addresses does not grow a certificate that small cameras choke on. */
export const maxAlternativeNames = 64;

/** Names that are addresses count as such. Configured ones come first: of a crowd, the interfaces' addresses are cut. */
export function alternativeNames({
  names,
  addresses,
}: Readonly<{ names: readonly string[]; addresses: readonly string[] }>): Subjects {
  const hosts = names.filter(name => parseAddress(name) === undefined);
  const bad = hosts.find(name => !/^[a-z0-9_][a-z0-9._-]{0,252}$/i.test(name));
  if (bad !== undefined) {
    throw new SettingsError(
      `${JSON.stringify(bad)} is no name for a certificate: give a host name like nas.lan, or an address.`,
    );
  }
  const dns = [...new Set([...hosts.map(name => name.toLowerCase()), 'localhost'])];
  const ips = ['127.0.0.1', '::1', ...[...names, ...addresses].map(parseAddress)].filter(
    ip => ip !== undefined,
  );
  const room = Math.max(2, maxAlternativeNames - dns.length);
  return { names: [dns[0] ?? 'localhost', ...dns.slice(1)], addresses: [...new Set(ips)].slice(0, room) };
}

/** With the addresses that a certificate has, for a process that does not know the machine's: somebody who did put them there. */
export function withAddressesOf(leaf: X509Certificate, subjects: Subjects): Subjects {
  const room = Math.max(0, maxAlternativeNames - subjects.names.length - subjects.addresses.length);
  const known = namesIn(leaf).addresses.filter(address => !subjects.addresses.includes(address));
  return { ...subjects, addresses: [...subjects.addresses, ...known.slice(0, room)] };
}

/** The names and addresses that a certificate is made out to. */
export function namesIn(leaf: X509Certificate): { names: string[]; addresses: string[] } {
  const entries = (leaf.subjectAltName ?? '').split(', ');
  const those = (prefix: string) =>
    entries.filter(each => each.startsWith(prefix)).map(each => each.slice(prefix.length));
  return {
    names: those('DNS:'),
    addresses: those('IP Address:').map(text => parseAddress(text) ?? text),
  };
}
