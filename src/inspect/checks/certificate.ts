import { alternativeNames } from '../../access/alternative-names.ts';
import type { CertificatePlaces } from '../../access/installed-certificates.ts';
import type { ServerNames } from '../../access/server-names.ts';
import type { Clock } from '../../base/clock.ts';
import { type CertificateFacts, type CertificateName, readCertificates } from '../certificates.ts';
import { type Check, type Finding, pass, skip, warn } from '../check.ts';

type Parts = Readonly<{ places: CertificatePlaces; machine(): ServerNames; clock: Clock }>;

/** A server certificate with its key: there, matching, guarded, not about to end, made out to this machine. */
export function certificate(name: Exclude<CertificateName, 'ca'>, parts: Parts): Check {
  const { places, clock } = parts;
  return {
    name: `certificate-${name}`,
    async run(): Promise<Finding> {
      if (name === 'outside' && places.outsideDir === null)
        return skip('ftps.tls.certificateDir is not set: our own certificates are shown');
      const { certificates, troubles } = await readCertificates(places, clock.now());
      const facts = certificates.find(each => each.name === name);
      const trouble = troubles.find(each => each.name === name);
      if (trouble !== undefined) {
        const level = facts === undefined || facts.life === 'ended' ? 'fail' : 'warn';
        return { level, text: trouble.sentence };
      }
      if (facts === undefined) return skip(`${name} is made at the first start`);
      if (!facts.shown) return skip(`${name} is not shown while there is another (ftps.tls.certificateDir)`);
      const missing = facts.renewedBy === 'clipward' ? missingNames(facts, parts.machine()) : [];
      if (missing.length > 0)
        return warn(
          `${name} is not made out to ${missing.join(', ')}`,
          'clipward cert renew makes a new one; only clients that check certificates mind.',
        );
      const until = new Date(facts.validToAt).toISOString().slice(0, 10);
      return pass(`${name} is valid until ${until} and matches its key`);
    },
  };
}

function missingNames(facts: CertificateFacts, machine: ServerNames): string[] {
  const wanted = alternativeNames(machine);
  return [
    ...wanted.names.filter(each => !facts.names.includes(each)),
    ...wanted.addresses.filter(each => !facts.addresses.includes(each)),
  ];
}
