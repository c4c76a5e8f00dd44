import { type Check, fail, pass, warn } from '../check.ts';
import { type Role, roles } from '../daemon.ts';

const without: Readonly<Record<Role, string>> = {
  receive: 'nothing can be uploaded',
  archive: 'what is uploaded waits, and is not listed',
  outbound: 'nothing is recorded, and no alert leaves',
};

/** Whether all parts run. */
export function daemon(running: () => ReadonlySet<Role>): Check {
  return {
    name: 'daemon',
    run() {
      const missing = roles.filter(role => !running().has(role));
      if (missing.length === 0) return pass('clipward runs');
      if (missing.length === roles.length)
        return warn(
          'clipward does not run',
          'Start it: npm start in a clone, systemctl start clipward.target where it is installed.',
        );
      return fail(
        `clipward runs in part, without ${missing.join(' and ')}: ${missing.map(role => without[role]).join(', ')}`,
        `Look why: systemctl status ${missing.map(role => `clipward-${role}`).join(' ')}, or the log of clipward serve.`,
      );
    },
  };
}
