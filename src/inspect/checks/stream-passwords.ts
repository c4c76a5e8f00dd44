import type { Camera } from '../../access/accounts.ts';
import { FailedError } from '../../base/errors.ts';
import { isTriedFirst } from '../../domain/weak-password.ts';
import { type Check, fail, pass, skip } from '../check.ts';
import { listed } from '../listed.ts';

/** Whether a camera's own password, which guards its picture and its settings, is what everybody tries first. */
export function streamPasswords(
  cameras: () => readonly Pick<Camera, 'name' | 'rtspUrl'>[],
  read: (camera: string) => Promise<string | null>,
): Check {
  return {
    name: 'stream-passwords',
    async run() {
      const weak: string[] = [];
      let known = 0;
      for (const { name, rtspUrl } of cameras()) {
        if (rtspUrl === null) continue;
        try {
          const password = await read(name);
          if (password === null) continue;
          known++;
          if (isTriedFirst(password, [name, userOf(rtspUrl)])) weak.push(name);
        } catch (error) {
          if (!(error instanceof FailedError)) throw error;
          return fail(error.message, `Or set it anew: clipward camera set ${name} --rtsp-password-stdin.`);
        }
      }
      if (known === 0) return skip('no password of a camera stream is kept here');
      if (weak.length === 0)
        return pass(`no camera shows its stream for a password that is tried first (known of ${known})`);
      return fail(
        `${listed(weak)} shows its stream for a password that everybody tries first`,
        'Give the camera another one in its own settings, then here: clipward camera set NAME --rtsp-password-stdin.',
      );
    },
  };
}

function userOf(rtspUrl: string): string {
  return /^rtsps?:\/\/([^@/]*)@/.exec(rtspUrl)?.[1] ?? '';
}
