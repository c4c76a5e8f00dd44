import { type PairName, readPair } from '../../access/certificate-files.ts';
import type { Clock } from '../../base/clock.ts';
import { SettingsError } from '../../base/errors.ts';
import { type Check, fail, pass, skip, warn } from '../check.ts';

const dayMs = 86_400_000;
/** Our own are renewed earlier than this at a start, so what is nearer to its end needs one, or is the operator's own. */
export const warnBeforeMs = 21 * dayMs;

/** A server certificate with its key: there, matching, for its owner alone, not about to end. */
export function certificate(certsDir: string, name: Exclude<PairName, 'ca'>, clock: Clock): Check {
  return {
    name: `certificate-${name}`,
    async run() {
      try {
        const pair = await readPair(certsDir, name);
        if (!pair.certificate || !pair.key) return skip(`${name} is made at the first start`);
        const endsAt = pair.certificate.leaf.validToDate.getTime();
        const until = `until ${new Date(endsAt).toISOString().slice(0, 10)}`;
        const remedy =
          'Restart clipward, which renews its own certificates; replace one that you put there yourself.';
        if (endsAt <= clock.now()) return fail(`${name} was valid ${until}`, remedy);
        if (endsAt < clock.now() + warnBeforeMs) return warn(`${name} is valid ${until}`, remedy);
        return pass(`${name} is valid ${until} and matches its key`);
      } catch (error) {
        if (error instanceof SettingsError) return { level: 'fail', text: error.message };
        throw error;
      }
    },
  };
}
