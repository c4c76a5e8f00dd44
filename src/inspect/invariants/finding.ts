// What check finds, one at a time: the constant code says which invariant of ARCHITECTURE.md does not hold (docs/check.md).

/** Constant names that scripts look for; docs/check.md has a heading for each. */
export const findingCodes = [
  'marker',
  'catalogue-missing',
  'catalogue-damaged',
  'catalogue-reference',
  'unreadable',
  'not-regular',
  'missing-file',
  'wrong-size',
  'writable-file',
  'wrong-owner',
  'linked-file',
  'unknown-file',
  'deleted-file',
  'duplicate-file',
  'foreign-file',
  'part-file',
  'bad-path',
  'missing-thumbnail',
  'unknown-thumbnail',
  'clip-without-receipt',
  'clip-without-event',
  'event-without-clip',
  'event-bounds',
  'event-overlap',
  'event-camera',
  'clip-without-entry',
  'clip-with-tombstone',
  'segment-without-entry',
  'segment-with-tombstone',
  'segment-overlap',
  'gap-overlap',
  'open-left',
  'entry-without-clip',
  'chain-hole',
  'garbage-left',
  'incoming-left',
  'quarantine-without-row',
  'quarantine-row-without-entry',
] as const;

export type FindingCode = (typeof findingCodes)[number];

/**
 * `violation`: an invariant does not hold. `remark`: worth knowing, and either nobody's fault or put right by the next start
 * of the daemon without being asked.
 */
export type FindingLevel = 'violation' | 'remark';

export type Finding = Readonly<{
  code: FindingCode;
  level: FindingLevel;
  camera: string | null;
  /** Of the clip, segment, event, upload or quarantined entry. */
  id: string | null;
  /** Relative to the data directory. */
  path: string | null;
  /** What is the case. */
  text: string;
  /** What to do about it. */
  remedy: string;
  /**
   * Puts it right and answers what was done, in one sentence; looks afresh before it changes anything. Absent where only a
   * person can. Throws FailedError (or what the system says) when it cannot be done.
   */
  mend?: () => Promise<string> | string;
}>;

type Facts = Partial<Pick<Finding, 'camera' | 'id' | 'path' | 'mend'>>;

export function violation(code: FindingCode, text: string, remedy: string, facts: Facts = {}): Finding {
  return { code, level: 'violation', camera: null, id: null, path: null, text, remedy, ...facts };
}

export function remark(code: FindingCode, text: string, remedy: string, facts: Facts = {}): Finding {
  return { ...violation(code, text, remedy, facts), level: 'remark' };
}
