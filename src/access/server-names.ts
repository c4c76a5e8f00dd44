import { networkInterfaces } from 'node:os';

export type ServerNames = Readonly<{
  names: readonly string[];
  addresses: readonly string[];
  /** False in a process that sees no interface but loopback (PrivateNetwork of systemd). */
  knowsAddresses: boolean;
}>;

/** The names and addresses that a client may know this machine by: what the server certificates are made out to. */
export function serverNames(configured: {
  passive: Readonly<{ address: string | null }>;
  tls: Readonly<{ names: readonly string[] }>;
}): ServerNames {
  const { passive, tls } = configured;
  const interfaces = interfaceAddresses();
  return {
    // Those that are addresses are told apart where the certificate is made.
    names: [...(passive.address === null ? [] : [passive.address]), ...tls.names],
    addresses: interfaces.map(({ address }) => address),
    knowsAddresses: interfaces.some(({ internal }) => !internal),
  };
}

/** Link-local ones carry a zone and are left out. None where this process may not even ask (RestrictAddressFamilies). */
export function interfaceAddresses(): { address: string; internal: boolean }[] {
  let interfaces: ReturnType<typeof networkInterfaces>;
  try {
    interfaces = networkInterfaces();
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_SYSTEM_ERROR') return [];
    throw error;
  }
  return Object.values(interfaces)
    .flatMap(entries => entries ?? [])
    .filter(({ address }) => !address.startsWith('fe80:'));
}
