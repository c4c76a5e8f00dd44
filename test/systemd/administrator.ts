// Who installs Clipward and types its commands, on a machine of the tests.

import assert from 'node:assert/strict';
import type { Container } from './container.ts';

export function actAsAdministrator({ run, must }: Container) {
  const install = (directory: string, ...args: string[]) =>
    run('sh', `${directory}/systemd/install.sh`, ...args);
  const command = async (...args: string[]) => JSON.parse(await must('clipward', ...args, '--json'));
  return {
    install,
    async mustInstall(directory: string, ...args: string[]): Promise<string> {
      const { code, stdout, stderr } = await install(directory, ...args);
      assert.equal(code, 0, stderr);
      return stdout;
    },
    command,
    clips: (): Promise<
      { path: string; originalPath: string; thumbnail: string | null; codec: string | null }[]
    > => command('clip', 'list'),
    /** `0`: it does not run. */
    mainPid: async (unit: string) =>
      (await must('systemctl', 'show', '--property=MainPID', '--value', unit)).trim(),
    /** A number at a fixed place of every SQLite file. */
    async catalogueVersion(): Promise<number> {
      const file = '/var/lib/clipward/state/catalogue/catalogue.db';
      const program = `
        import Database from '/opt/clipward/current/node_modules/better-sqlite3/lib/index.js';
        const db = new Database(process.argv[1], { readonly: true });
        console.log(db.pragma('user_version', { simple: true }));`;
      const node = ['node', '--input-type=module', '--eval', program, file];
      return Number(await must('runuser', '--user', 'clipward', '--', ...node));
    },
  };
}
