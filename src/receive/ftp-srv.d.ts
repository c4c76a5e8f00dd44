// What we use of ftp-srv 4.6.3, and nothing more. Its own declarations are wrong in places (events and fields are
// missing, close() takes a code and a text), so this file takes their place.

declare module 'ftp-srv' {
  import type { EventEmitter } from 'node:events';
  import type { Server, Socket } from 'node:net';

  export type FtpLog = Record<
    'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal',
    (...facts: unknown[]) => void
  > & {
    child(bindings: object): FtpLog;
  };

  export type FtpCommand = { directive: string; arg: string | null; flags: string[]; raw: string };

  export type FtpFileSystem = { currentDirectory(): string; chdir(path: string): Promise<string> | string };

  export type FtpConnection = {
    readonly id: string;
    commandSocket: Socket;
    authenticated?: boolean;
    fs?: FtpFileSystem;
    login(): Promise<void>;
    reply(code: number, ...lines: (string | { raw: true; message: string })[]): Promise<unknown>;
  };

  export class FtpSrv extends EventEmitter {
    constructor(options: { log: FtpLog; url: string; timeout: number; anonymous: false; greeting?: string });
    readonly server: Server;
    readonly connections: Record<string, FtpConnection>;
    on(event: 'connect', listener: (facts: { connection: FtpConnection; id: string }) => void): this;
  }
}

declare module 'ftp-srv/src/commands/registry.js' {
  import type { FtpCommand, FtpConnection, FtpLog } from 'ftp-srv';

  export type FtpHandler = (
    this: FtpConnection,
    call: { command: FtpCommand; log: FtpLog },
  ) => Promise<unknown> | unknown;
  const registry: Record<
    string,
    { directive: string | string[]; handler: FtpHandler; flags?: { no_auth?: boolean; feat?: string } }
  >;
  // biome-ignore lint/style/noDefaultExport: the shape of the CommonJS module that it describes
  export default registry;
}

declare module 'ftp-srv/src/messages.js' {
  const messages: Record<number, string>;
  // biome-ignore lint/style/noDefaultExport: the shape of the CommonJS module that it describes
  export default messages;
}
