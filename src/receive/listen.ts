import type { Server } from 'node:net';
import { errnoOf, SettingsError } from '../base/errors.ts';
import type { ListenerName } from './session.ts';

export type Place = Readonly<{
  name: ListenerName;
  host: string;
  port: number;
  /** A listening socket that this process was handed (systemd); host and port are then what it is bound to. */
  fd?: number | undefined;
}>;

export type Bound = Readonly<{ host: string; port: number }>;

/** Listens, and answers where. Throws SettingsError for what the operator can mend. */
export function listen(server: Server, { name, host, port, fd }: Place): Promise<Bound> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(listenError(error, name, host, port)));
    server.listen(fd === undefined ? { host, port, ipv6Only: false } : { fd }, () => {
      server.removeAllListeners('error');
      // No descriptor for an accept is trouble for that client alone; the limits keep us below it.
      server.on('error', () => {});
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address : { address: host, port };
      resolve({ host: fd === undefined ? host : bound.address, port: bound.port });
    });
  });
}

function listenError(error: Error, name: ListenerName, host: string, port: number): Error {
  const key = `ftps.${name}.port`;
  switch (errnoOf(error)) {
    case 'EADDRINUSE':
      return new SettingsError(
        `Port ${port} is in use by another program: stop it, or set ${key} to a free port.`,
        { cause: error },
      );
    case 'EACCES':
      return new SettingsError(
        `Port ${port} may not be taken by this user: set ${key} to a port above 1023, or run under systemd.`,
        { cause: error },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return new SettingsError(
        `${host} is no address of this machine: set ftps.${name}.host to one, or to "::" for all.`,
        { cause: error },
      );
    default:
      return error;
  }
}
