// The number is that of the table in docs/security.md.

import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { recoverIncoming } from '../../src/archive/incoming.ts';
import { readArchiveId } from '../../src/archive/marker.ts';
import { silentLog } from '../../src/base/log.ts';
import { addCamera, makeInstallation } from '../support/daemon.ts';
import { loginExplicit } from '../support/ftps-client.ts';
import { readInbox } from '../support/receiver.ts';
import { type Kill, startKillable } from './killable-program.ts';

t.test(
  '90. kill -9 at every step of an upload: what got its 226 is there, and nothing is half published',
  async t => {
    const installation = await makeInstallation();
    t.teardown(() => installation.remove());
    // Makes the marker, the accounts and the certificates.
    const daemon = await installation.serve();
    const password = await addCamera(installation, 'garage');
    await daemon.stop();
    const account = { user: 'garage', password };
    const archiveId = await readArchiveId(installation.stateDir);
    const bytes = randomBytes(300_000);

    const upload = async (name: string, kill: Kill) => {
      const { config, dataDir } = installation;
      const program = await startKillable({ config, dataDir, kill });
      let code: number | undefined;
      try {
        const client = await loginExplicit(installation.explicitPort, account);
        code = (await client.upload(name, bytes)).code;
        client.close();
      } catch {
        // It died on us, which is the point.
      }
      return { code, calls: await program.end() };
    };

    const undisturbed = await upload('undisturbed.bin', { at: 0, when: 'before' });
    t.equal(undisturbed.code, 226);
    t.ok(undisturbed.calls > 8, `an upload takes ${undisturbed.calls} calls`);
    const seen = { acknowledged: 0, whole: 0, partial: 0, nothing: 0 };
    for (let at = 1; at <= undisturbed.calls; at++) {
      // After a call is before the next one, but for the last.
      const moments = at === undisturbed.calls ? (['before', 'after'] as const) : (['before'] as const);
      for (const when of moments) {
        const name = `killed-${when}-${at}.bin`;
        const { code } = await upload(name, { at, when });
        await recoverIncoming({ dataDir: installation.dataDir, archiveId, log: silentLog() });
        const stored = readInbox(installation.dataDir).filter(({ receipt }) => receipt.path === name);
        const told = `${name}, answered ${code}`;
        t.ok(stored.length <= 1, `${told}: at most once`);
        const [entry] = stored;
        if (code === 226) seen.acknowledged++;
        if (code === 226) t.equal(entry?.receipt.completeness, 'whole', `${told}: acknowledged, so whole`);
        if (entry?.receipt.completeness === 'whole')
          t.ok(entry.media.equals(bytes), `${told}: whole, so all of it`);
        else if (entry)
          t.ok(bytes.subarray(0, entry.media.length).equals(entry.media), `${told}: the beginning of it`);
        seen[(entry?.receipt.completeness as 'whole' | 'partial' | undefined) ?? 'nothing']++;
        t.same(
          readdirSync(join(installation.dataDir, 'incoming')),
          [],
          `${told}: nothing is left in incoming`,
        );
      }
    }
    t.comment(JSON.stringify(seen));
    t.ok(seen.whole > 0 && seen.partial > 0 && seen.nothing > 0, 'every kind of end was met');
  },
);
