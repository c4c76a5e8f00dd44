import { readPublicKeys, readSigningKey } from '../../access/signing-key.ts';
import { SettingsError } from '../../base/errors.ts';
import { type Check, pass, skip, warn } from '../check.ts';

/** The key that signs what was kept: there, whole, for its owner alone. Its fingerprint is shown so that it can be noted. */
export function signingKey(stateDir: string): Check {
  return {
    name: 'signing-key',
    async run() {
      try {
        const { current, earlier } = await readPublicKeys(stateDir);
        if (current === undefined) return skip('the signing key is made at the first start');
        await readSigningKey(stateDir);
        const text = `the signing key is ${current.fingerprint}`;
        return earlier.length === 0
          ? pass(text)
          : warn(
              `${text}, and ${earlier.length === 1 ? 'one that came before it was' : `${earlier.length} that came before it were`} lost`,
              'Restore state/secrets from a backup if you have one; clipward verify says which days the lost key has signed.',
            );
      } catch (error) {
        if (error instanceof SettingsError) return { level: 'fail', text: error.message };
        throw error;
      }
    },
  };
}
