import { type Check, fail, pass, skip } from '../check.ts';
import { listed } from '../listed.ts';
import type { SeenCamera } from '../seen-cameras.ts';

/** Whether a camera logs in with a password that is tried first. New ones of that kind are refused when they are set. */
export function passwords(
  seen: () => readonly Pick<SeenCamera, 'name' | 'enabled' | 'weakPassword'>[],
): Check {
  return {
    name: 'passwords',
    run() {
      const known = seen().filter(({ enabled, weakPassword }) => enabled && weakPassword !== null);
      const weak = known.filter(({ weakPassword }) => weakPassword).map(({ name }) => name);
      if (weak.length > 0)
        return fail(
          `${listed(weak)} logs in with a password that everybody tries first`,
          'Make another one and type it into the camera: clipward camera passwd NAME.',
        );
      return known.length === 0
        ? skip(
            'no camera has logged in with its present password, and before that nobody can tell how good it is',
          )
        : pass(`no camera logged in with a password that is tried first (known of ${known.length})`);
    },
  };
}
