import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { formatHead, headText } from '../domain/chain.ts';

/** How often it is looked whether a new day (UTC) has begun. */
const lookIntervalMs = 60_000;

/**
 * Writes the signed head of the chain to the log, now and once on every day: whoever keeps logs elsewhere has a copy that
 * nobody on this machine can take back (`clipward verify --expect`). A head that does not fit its own signature is told.
 */
export function startHeadAnnouncements(parts: {
  archiveId: string;
  catalogue: Pick<Catalogue, 'chainHead' | 'hashOf' | 'lastNumber'>;
  publicKey: Readonly<{ fingerprint: string; verify(text: string, signature: string): boolean }>;
  clock: Clock;
  log: Log;
}): Disposable {
  let announcedDay: string | undefined;
  const look = () => {
    const today = new Date(parts.clock.now()).toISOString().slice(0, 10);
    if (today === announcedDay) return;
    announcedDay = today;
    try {
      announce(parts);
    } catch (error) {
      parts.log.error({ error: messageOf(error) }, 'chain cannot be read');
    }
  };
  look();
  const timer = setInterval(look, lookIntervalMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Whether the last entry of the chain is the one that was signed. */
export function isHeadSound({ archiveId, catalogue, publicKey }: HeadParts): boolean {
  const read = () => {
    const head = catalogue.chainHead();
    const last = catalogue.lastNumber();
    if (head === undefined) return last === 0;
    return (
      head.number === last &&
      head.hash === catalogue.hashOf(last) &&
      publicKey.verify(headText(archiveId, head), head.signature)
    );
  };
  // An import of another process may have appended between the questions.
  return read() || read();
}

type HeadParts = Pick<Parameters<typeof startHeadAnnouncements>[0], 'archiveId' | 'catalogue' | 'publicKey'>;

function announce({
  archiveId,
  catalogue,
  publicKey,
  log,
}: Parameters<typeof startHeadAnnouncements>[0]): void {
  const head = catalogue.chainHead();
  const last = catalogue.lastNumber();
  if (head === undefined && last === 0) return;
  if (!isHeadSound({ archiveId, catalogue, publicKey }))
    log.error({ entry: last }, 'chain does not end with its signed head');
  if (head === undefined) return;
  const { day, signature } = head;
  log.info({ head: formatHead(head), day, signature, keyFingerprint: publicKey.fingerprint }, 'chain head');
}
