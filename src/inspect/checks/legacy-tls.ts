import { type Check, pass, warn } from '../check.ts';

/** What an outdated camera needs is a risk for everything that it sends: said at every look. */
export function legacyTls(
  listeners: readonly Readonly<{ name: string; enabled: boolean; legacyTls: boolean }>[],
): Check {
  return {
    name: 'legacy-tls',
    run: () => {
      const legacy = listeners
        .filter(listener => listener.enabled && listener.legacyTls)
        .map(({ name }) => name);
      return legacy.length === 0
        ? pass('no listener speaks outdated TLS')
        : warn(
            `${legacy.join(' and ')} FTPS speaks TLS 1.0 and 1.1 with outdated ciphers: others may read what is sent`,
            'Set legacyTls to false for the listener once no camera needs it: clipward camera show NAME tells what each speaks.',
          );
    },
  };
}
