// Passive ports are handed out inside this process, so that two sessions never race for one. There is no probing: the
// port is listened on, and one that something else holds is skipped.

import { randomInt } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { errnoOf } from '../base/errors.ts';

export type PortLeases = Readonly<{
  /**
   * Listens on a free port of the range, chosen at random (a port that can be guessed can be taken by a stranger).
   * The lease ends when the server is closed. Undefined when every port is taken.
   */
  listen(
    host: string,
    onConnection: (socket: Socket) => void,
  ): Promise<{ server: Server; port: number } | undefined>;
  leased(): number;
}>;

export function createPortLeases({ minPort, maxPort }: { minPort: number; maxPort: number }): PortLeases {
  const taken = new Set<number>();
  const size = maxPort - minPort + 1;

  return {
    async listen(host, onConnection) {
      const start = randomInt(size);
      for (let step = 0; step < size; step++) {
        const port = minPort + ((start + step) % size);
        if (taken.has(port)) continue;
        taken.add(port);
        try {
          const server = await listenOn(host, port, onConnection);
          server.once('close', () => taken.delete(port));
          return { server, port };
        } catch (error) {
          taken.delete(port);
          if (!['EADDRINUSE', 'EACCES'].includes(errnoOf(error) ?? '')) throw error;
        }
      }
      return undefined;
    },
    leased: () => taken.size,
  };
}

function listenOn(host: string, port: number, onConnection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, onConnection);
    server.once('error', reject);
    server.listen({ port, host, backlog: 4 }, () => {
      server.removeListener('error', reject);
      // An accept that fails later (no descriptors) costs this one connection, not the process.
      server.on('error', () => {});
      resolve(server);
    });
  });
}
