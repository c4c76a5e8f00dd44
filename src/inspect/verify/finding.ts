// What verify finds, one at a time. docs/integrity.md has a row for each code.

export const verifyCodes = [
  'entry-changed',
  'entry-missing',
  'entry-row',
  'day-order',
  'head-missing',
  'head-row',
  'head-signature',
  'history-cut',
  'history-other',
  'clip-row-missing',
  'clip-row-changed',
  'receipt-changed',
  'clip-without-entry',
  'clip-after-tombstone',
  'segment-row-missing',
  'segment-row-changed',
  'segment-without-entry',
  'segment-after-tombstone',
  'media-changed',
  'media-missing',
  'media-not-regular',
  'media-unreadable',
] as const;

export type VerifyCode = (typeof verifyCodes)[number];

export type VerifyFinding = Readonly<{
  code: VerifyCode;
  /** Of the entry of the chain. */
  number: number | null;
  camera: string | null;
  /** Of the clip or segment. */
  id: string | null;
  /** Relative to the data directory. */
  path: string | null;
  /** What is the case. */
  text: string;
  /** What to do about it. */
  remedy: string;
}>;

export function finding(
  code: VerifyCode,
  text: string,
  remedy: string,
  facts: Partial<Pick<VerifyFinding, 'number' | 'camera' | 'id' | 'path'>> = {},
): VerifyFinding {
  return { code, number: null, camera: null, id: null, path: null, text, remedy, ...facts };
}
