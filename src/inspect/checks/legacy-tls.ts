import { type Check, pass, warn } from '../check.ts';
import { listed } from '../listed.ts';
import type { SeenCamera } from '../seen-cameras.ts';

const outdated: ReadonlySet<string> = new Set(['TLSv1', 'TLSv1.1', 'SSLv3']);

/** What an outdated camera needs is a risk for everything that it sends: said at every look, and who needs it. */
export function legacyTls(
  listeners: readonly Readonly<{ name: string; enabled: boolean; legacyTls: boolean }>[],
  seen: () => readonly Pick<SeenCamera, 'name' | 'protocol'>[],
): Check {
  return {
    name: 'legacy-tls',
    run: () => {
      const legacy = listeners
        .filter(listener => listener.enabled && listener.legacyTls)
        .map(({ name }) => name);
      const users = seen().flatMap(({ name, protocol }) =>
        protocol !== null && outdated.has(protocol) ? [`${name} (${protocol})`] : [],
      );
      if (legacy.length === 0)
        return users.length === 0
          ? pass('no listener speaks outdated TLS')
          : warn(
              `${listed(users)} spoke outdated TLS the last time, and no listener does any more`,
              'Look for newer firmware, or set legacyTls to true for one listener, for these cameras alone.',
            );
      const risk = `${legacy.join(' and ')} FTPS speaks TLS 1.0 and 1.1 with outdated ciphers: others may read what is sent`;
      return users.length === 0
        ? warn(`${risk}; no camera used it the last time`, 'Set legacyTls to false for the listener.')
        : warn(
            `${risk} by ${listed(users)}`,
            'Look for newer firmware, and set legacyTls to false for the listener once no camera needs it.',
          );
    },
  };
}
