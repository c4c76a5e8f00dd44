import type { HealthFacts } from '../../src/inspect/health/health-facts.ts';

/** What is seen of an installation with a camera where all is well. */
export function sampleFacts(at: number): HealthFacts {
  return {
    at,
    running: ['receive', 'archive', 'outbound'],
    disk: { state: 'ours', freeBytes: 3000, totalBytes: 10_000 },
    refusedBelowBytes: 100,
    inboxWaiting: 2,
    quarantined: 1,
    certificates: [{ name: 'server-rsa', endsAt: at + 86_400_000 }],
    cameras: [
      {
        ...{ camera: 'den', enabled: true, lastSignAt: at - 5000, silent: false },
        ...{ recording: true, clockOffsetMs: -1500 },
      },
    ],
    receiverCounts: [
      { name: 'refusals', label: 'login-password', value: 3 },
      { name: 'sessions', label: 'TLSv1.3', value: 4 },
      { name: 'upload-bytes', label: '', value: 5000 },
      { name: 'uploads', label: 'whole', value: 6 },
    ],
    diskDaysLeft: 12.5,
    heldBytes: 10,
    mediaBytes: 4000,
    unmetPromises: 0,
    isChainSound: true,
    coverage: [{ camera: 'den', share: 0.75, missing: [{ reason: 'unreachable', ms: 21_600_000 }] }],
  };
}
