import { errnoOf, TransientError } from '../base/errors.ts';

/** This entry can never be filed, and this sentence says why; it goes to quarantine at once. */
export class UnfileableError extends Error {
  override readonly name = 'UnfileableError';
}

/** What else may be gone when the same entry is tried again: no space, no descriptors, no memory, a database in use. */
const passing = new Set([
  'ENOSPC',
  'EDQUOT',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EAGAIN',
  'EBUSY',
  'EROFS',
  'ESTALE',
  'EINTR',
]);

/**
 * Sorts what went wrong with an entry. `passing`: it says nothing about the entry; tried again, then left in the inbox
 * for a later reconcile, never quarantined. `hopeless`: quarantined at once. `unknown`: tried again, since a disk may
 * fail once, then quarantined: an entry that trips over a bug of ours must not stop the clips behind it for ever.
 */
export function sortFailure(error: unknown): 'passing' | 'hopeless' | 'unknown' {
  if (error instanceof UnfileableError) return 'hopeless';
  if (error instanceof TransientError) return 'passing';
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && /^SQLITE_(BUSY|FULL|IOERR|LOCKED|NOMEM|CANTOPEN)/.test(code))
    return 'passing';
  return passing.has(errnoOf(error) ?? '') ? 'passing' : 'unknown';
}
