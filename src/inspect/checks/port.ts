import { createServer } from 'node:net';
import { errnoOf } from '../../base/errors.ts';
import { type Check, fail, pass, skip } from '../check.ts';

export type Listener = Readonly<{
  name: 'explicit' | 'implicit';
  enabled: boolean;
  host: string;
  port: number;
}>;

/** A port is ours when the daemon runs, and must be free when it does not. */
export function port(listener: Listener, daemonRuns: () => boolean): Check {
  const { name, enabled, host, port: number } = listener;
  const where = `port ${number} (${name} FTPS)`;
  return {
    name: `port-${name}`,
    async run() {
      if (!enabled) return skip(`${name} FTPS is switched off in the settings`);
      const running = daemonRuns();
      switch (await tryToListen(host, number)) {
        case 'free':
          return running
            ? fail(
                `${where} is not open although clipward runs`,
                'It may just be starting: try again in a moment, and look at its log when it stays so.',
              )
            : pass(`${where} is free`);
        case 'in-use':
          return running
            ? pass(`${where} is listening`)
            : fail(
                `${where} is used by another program`,
                `Stop it (ss -ltnp shows it), or set ftps.${name}.port.`,
              );
        case 'forbidden':
          return running
            ? pass(`${where} is reserved for system services, and clipward runs`)
            : fail(
                `${where} may only be opened by root`,
                `Set ftps.${name}.port to 1024 or more, or start clipward through systemd.`,
              );
        case 'no-such-address':
          return fail(
            `${host} is no address of this machine`,
            `Set ftps.${name}.host to one, or to "::" for all.`,
          );
      }
    },
  };
}

/** Listens for an instant and lets go again. */
function tryToListen(
  host: string,
  number: number,
): Promise<'free' | 'in-use' | 'forbidden' | 'no-such-address'> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', error => {
      const code = errnoOf(error);
      if (code === 'EADDRINUSE') resolve('in-use');
      else if (code === 'EACCES') resolve('forbidden');
      else if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') resolve('no-such-address');
      else reject(error);
    });
    server.listen({ host, port: number, exclusive: true }, () => server.close(() => resolve('free')));
  });
}
