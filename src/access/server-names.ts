import { networkInterfaces } from 'node:os';
import { parseAddress } from '../domain/networks.ts';

/** The names and addresses that a client may know this machine by: what the server certificates are made out to. */
export function serverNames(passiveAddress: string | null): { names: string[]; addresses: string[] } {
  const isAddress = passiveAddress !== null && parseAddress(passiveAddress) !== undefined;
  return {
    names: passiveAddress === null || isAddress ? [] : [passiveAddress],
    addresses: [...interfaceAddresses(), ...(isAddress ? [passiveAddress] : [])],
  };
}

/** Link-local ones carry a zone and are left out. None where this process may not even ask (RestrictAddressFamilies). */
function interfaceAddresses(): string[] {
  let interfaces: ReturnType<typeof networkInterfaces>;
  try {
    interfaces = networkInterfaces();
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_SYSTEM_ERROR') return [];
    throw error;
  }
  return Object.values(interfaces)
    .flatMap(entries => entries ?? [])
    .filter(({ address }) => !address.startsWith('fe80:'))
    .map(({ address }) => address);
}
