// The families of errors that somebody handles. Anything else that is thrown is a bug and ends the
// process, so that the supervisor starts it afresh from what is on disk.

/** Says in one sentence what was expected and what to do; the message is shown to a person as it is. */
abstract class SentenceError extends Error {
  constructor(sentence: string, options?: ErrorOptions) {
    super(sentence, options);
    this.name = new.target.name;
  }
}

/** The command line was used wrongly (exit code 2). */
export class UsageError extends SentenceError {}

/** A setting is wrong or cannot be honoured: the operator's to mend (exit code 78, EX_CONFIG of sysexits.h). */
export class SettingsError extends SentenceError {}

/** What was asked could not be done, for a reason outside this program (exit code 1). */
export class FailedError extends SentenceError {}

/** May work when tried again: a full disk, a busy database, a helper program that died. */
export class TransientError extends SentenceError {}

/** The errno name (`ENOENT`, `ENOSPC`) of a system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** A short text of anything that was thrown, for a log field; never a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
