// How far a certificate is on its way to its end.

export type Validity = Readonly<{ notBeforeAt: number; notAfterAt: number }>;

export type CertificateLife = 'early' | 'lasting' | 'ending' | 'ended';

const dayMs = 86_400_000;
const usualWarningMs = 14 * dayMs;
/** Of a certificate that is made for six days its last third. */
const warnShare = 3;

/** `early`: it does not begin yet. `ending`: whoever looks after it should have renewed it by now. */
export function certificateLife(
  { notBeforeAt, notAfterAt }: Validity,
  nowMs: number,
  warnBeforeMs = usualWarningMs,
): CertificateLife {
  if (nowMs < notBeforeAt) return 'early';
  if (nowMs >= notAfterAt) return 'ended';
  const warnAt = notAfterAt - Math.min(warnBeforeMs, (notAfterAt - notBeforeAt) / warnShare);
  return nowMs >= warnAt ? 'ending' : 'lasting';
}

/** Whole days that are left; 0 on the last one, and after it. */
export function daysLeft({ notAfterAt }: Validity, nowMs: number): number {
  return Math.max(0, Math.floor((notAfterAt - nowMs) / dayMs));
}
