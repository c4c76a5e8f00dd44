import { z } from 'zod';
import { parseAddress } from '../domain/networks.ts';
import { oneOf, section, text } from './setting-words.ts';

const serverNameRule = 'a host name like nas.lan, or an address';
const serverName = z
  .string({ error: serverNameRule })
  .refine(value => parseAddress(value) !== undefined || /^[a-z0-9_][a-z0-9._-]{0,252}$/i.test(value), {
    error: serverNameRule,
  })
  .describe('A host name or an address.');

export const tlsSection = section(
  {
    minVersion: oneOf(['TLSv1.2', 'TLSv1.3'], 'The oldest TLS version that is spoken.').default('TLSv1.2'),
    truncation: oneOf(
      ['container', 'strict'],
      'What proves that an upload is whole when a camera ends it without close_notify: `container`, an MP4 or JPEG that is complete in itself; `strict`, nothing. `camera set --truncation` decides for one camera.',
    ).default('container'),
    names: z
      .array(serverName, { error: 'a list of names and addresses' })
      .describe(
        'Names and addresses by which clients that check certificates call this machine, besides ftps.passive.address and the addresses of its interfaces. Our own certificates are made out to all of them.',
      )
      .prefault([]),
    certificateDir: text(
      'A directory with fullchain.pem and privkey.pem that others make and renew, such as /etc/letsencrypt/live/NAME: shown in place of our own certificate, and read again when it changes. Relative to this file. null: only our own are shown.',
    )
      .nullable()
      .default(null),
  },
  'TLS of the listeners.',
).prefault({});
