// How a camera behaves, as `camera show` tells it: JSON (docs/json.md, habits), text, and hints where something is odd.

import type { CameraHabits } from '../access/camera-habits.ts';
import { counted } from '../domain/counted.ts';
import { formatInstant } from '../domain/time-zone.ts';
import { machineTimeZone } from './camera-arguments.ts';
import { explainEvent } from './explain-event.ts';
import { formatBytes } from './table.ts';

export type Behaviour = Readonly<{
  control: CameraHabits['control'];
  passiveMode: CameraHabits['passiveMode'];
  data: Readonly<{
    protocol: string;
    cipher: string;
    resumed: boolean;
    handshake: 'before-150' | 'after-150';
  }> | null;
  uploads: CameraHabits['counts'];
  lastUpload: Readonly<{ at: string; path: string; bytes: number; completeness: string }> | null;
  lastRefusal: Readonly<{ at: string; address: string; reply: number | null; why: string }> | null;
  hints: readonly string[];
}>;

/** Fewer uploads say nothing about a habit. */
const enoughUploads = 3;

export function behaviourOf(camera: string, habits: CameraHabits): Behaviour {
  const { control, passiveMode, data, counts, lastUpload, lastRefusal } = habits;
  return {
    control,
    passiveMode,
    data: data && {
      protocol: data.protocol,
      cipher: data.cipher,
      resumed: data.isBound,
      handshake: `${data.handshake}-150`,
    },
    uploads: counts,
    lastUpload: lastUpload && {
      at: shown(lastUpload.atMs),
      path: lastUpload.path,
      bytes: lastUpload.bytes,
      completeness: lastUpload.completeness,
    },
    lastRefusal: lastRefusal && {
      at: shown(lastRefusal.atMs),
      address: lastRefusal.address,
      reply: replyOf(lastRefusal.event),
      why: explainEvent(lastRefusal.event, { camera, address: lastRefusal.address, listener: 'explicit' }),
    },
    hints: hintsFor(camera, habits),
  };
}

/** Rows for `formatFacts`. */
export function behaviourRows(behaviour: Behaviour): [string, string][] {
  const { control, passiveMode, data, uploads, lastUpload, lastRefusal, hints } = behaviour;
  const { withCloseNotify, withoutCloseNotify, partial } = uploads;
  return [
    [
      'control',
      control === null
        ? 'no log-in seen'
        : `${control.listener} FTPS, ${control.protocol}, ${control.cipher}${control.alpn === null ? '' : `, ALPN ${control.alpn}`}`,
    ],
    ['passive mode', passiveMode ?? 'none asked for'],
    [
      'data',
      data === null
        ? 'no data connection seen'
        : `${data.protocol}, ${data.cipher}, ${data.resumed ? 'resumed' : 'not resumed'}, handshake ${data.handshake.replace('-', ' ')}`,
    ],
    [
      'close_notify',
      `${counted(withCloseNotify, 'upload')} ended with it, ${withoutCloseNotify} without; ${partial} cut short`,
    ],
    [
      'last upload',
      lastUpload === null
        ? 'none seen'
        : `${lastUpload.at} /${lastUpload.path}, ${formatBytes(lastUpload.bytes)}, ${lastUpload.completeness}`,
    ],
    [
      'last refusal',
      lastRefusal === null
        ? 'none seen'
        : `${lastRefusal.at} from ${lastRefusal.address}: ${lastRefusal.why}`,
    ],
    ...hints.map((hint): [string, string] => ['hint', hint]),
  ];
}

function hintsFor(camera: string, { control, data, counts, lastUpload }: CameraHabits): string[] {
  const hints: string[] = [];
  const { withCloseNotify, withoutCloseNotify, partial } = counts;
  const uploads = withCloseNotify + withoutCloseNotify;
  if (control?.protocol === 'TLSv1.2')
    hints.push('It spoke TLS 1.2 the last time: safe as it is done here; newer firmware may know 1.3.');
  if (withCloseNotify === 0 && uploads >= enoughUploads)
    hints.push(
      'It never sends close_notify, so only the format of a clip can prove that it is whole: do not set --truncation strict for it.',
    );
  if (partial >= enoughUploads && partial * 2 > uploads)
    hints.push(
      `Most of its uploads were cut short: watch one with clipward camera show ${camera} --follow, and look at its network.`,
    );
  else if (lastUpload?.completeness === 'partial') hints.push('Its last upload was cut short.');
  if (data !== null && !data.isBound)
    hints.push('It does not resume TLS on data connections: do not set --require-resumption on for it.');
  return hints;
}

function replyOf(event: NonNullable<CameraHabits['lastRefusal']>['event']): number | null {
  if (event.kind === 'refused' || event.kind === 'uploaded') return event.reply;
  return event.kind === 'login-refused' && event.why !== 'busy' && event.why !== 'connections' ? 530 : 421;
}

function shown(atMs: number): string {
  return formatInstant(atMs, machineTimeZone());
}
