import type { Catalogue } from '../../catalogue/catalogue.ts';
import { isWrong } from '../../domain/clock-offset.ts';
import { counted } from '../../domain/counted.ts';
import { type Check, pass, skip, warn } from '../check.ts';
import { clockSentence } from '../clock-sentence.ts';

/** Whether the cameras' clocks are right, as far as their uploads tell. */
export function cameraClocks(
  cameras: () => readonly string[],
  catalogue: Pick<Catalogue, 'clockPeriods'> | undefined,
): Check {
  return {
    name: 'camera-clocks',
    run() {
      const known = cameras().flatMap(camera => {
        const [clock] = catalogue?.clockPeriods(camera, 1) ?? [];
        return clock === undefined ? [] : [{ camera, clock }];
      });
      if (known.length === 0) return skip('no camera has sent enough clips with a time in their names');
      const wrong = known.filter(({ clock }) => isWrong(clock));
      if (wrong.length === 0)
        return pass(`right, of ${counted(known.length, 'camera')} as far as their clips tell`);
      return warn(
        wrong.map(({ camera, clock }) => `${camera} is ${clockSentence(clock)}`).join('; '),
        'Set the clock of the camera, best by NTP, and its zone: clipward camera set NAME --time-zone ZONE. Until then its clips are placed at the corrected time.',
      );
    },
  };
}
