import type { Settings } from '../settings/settings.ts';

type Ftps = Settings['ftps'];

/** What the receiver must know of the settings; documented one by one in docs/settings.md. */
export type ReceiverSettings = Readonly<{
  passive: Ftps['passive'];
  tls: Pick<Ftps['tls'], 'minVersion' | 'truncation'>;
  bans: Ftps['bans'];
  limits: Omit<Ftps['limits'], 'maxDirectoriesPerCamera'>;
}>;
