import type { SessionEvent } from '../../domain/session-event.ts';
import { type Check, pass, skip, warn } from '../check.ts';
import { listed, roughly } from '../listed.ts';
import type { SeenCamera } from '../seen-cameras.ts';

/** A camera that is being set up has not failed yet. */
const settlingMs = 3_600_000;
/** A camera that sees nobody move may be silent for days. */
const silentMs = 7 * 86_400_000;

type Uploading = Pick<SeenCamera, 'name' | 'enabled' | 'addedAt' | 'lastUploadAt' | 'lastRefusal'>;

/** When each camera uploaded last, and whether it has tried and failed since. */
export function cameraUploads(seen: () => readonly Uploading[], now: () => number): Check {
  return {
    name: 'camera-uploads',
    run() {
      const enabled = seen().filter(camera => camera.enabled);
      if (enabled.length === 0) return skip('no camera may upload');
      const troubles = enabled.flatMap(camera => troubleOf(camera, now()) ?? []);
      if (troubles.length > 0)
        return warn(
          listed(troubles),
          'What to do about a refusal: clipward camera show NAME. What happens while you press its Test button: the same with --follow.',
        );
      return pass(listed(enabled.map(({ name, lastUploadAt }) => `${name} ${agoText(lastUploadAt, now())}`)));
    },
  };
}

function troubleOf(camera: Uploading, now: number): string | undefined {
  const { name, lastUploadAt, lastRefusal } = camera;
  if (lastRefusal !== null && lastRefusal.at > (lastUploadAt ?? 0)) {
    const when = `${roughly(now - lastRefusal.at)} ago`;
    return `${name} was refused ${when} at ${lastRefusal.address} (${reasonOf(lastRefusal.event)}), last upload: ${agoText(lastUploadAt, now)}`;
  }
  if (lastUploadAt === null)
    return now - Date.parse(camera.addedAt) > settlingMs ? `${name} has never uploaded` : undefined;
  return now - lastUploadAt > silentMs ? `${name} last uploaded ${agoText(lastUploadAt, now)}` : undefined;
}

function agoText(at: number | null, now: number): string {
  return at === null ? 'never' : `${roughly(now - at)} ago`;
}

function reasonOf(event: SessionEvent): string {
  if (event.kind === 'login-refused') return loginReasons[event.why];
  if (event.kind === 'refused') return `${event.reply} ${event.text}`;
  return event.kind === 'uploaded' ? `upload answered ${event.reply}` : event.kind;
}

const loginReasons: Readonly<Record<Extract<SessionEvent, { kind: 'login-refused' }>['why'], string>> = {
  'unknown-user': 'no such camera',
  password: 'wrong password',
  disabled: 'disabled',
  network: 'not from its networks',
  connections: 'too many connections',
  busy: 'too busy',
  banned: 'banned',
};
