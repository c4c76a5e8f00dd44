import { openAccountReader } from '../access/open-accounts.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Settings } from '../settings/settings.ts';

/**
 * The sentence for a list that is empty because the name is mistyped; undefined for a camera that there is, or that was removed
 * and left something, and as long as there is none at all. Nothing found must not be taken for nothing missing.
 */
export function unknownCamera(
  settings: Pick<Settings, 'stateDir'>,
  catalogue: Pick<Catalogue, 'holdings'> | undefined,
  camera: string | undefined,
): string | undefined {
  if (camera === undefined || catalogue?.holdings().some(holding => holding.camera === camera)) return;
  using accounts = openAccountReader(settings);
  if (accounts.cameras().length === 0 || accounts.camera(camera) !== undefined) return;
  return `There is no camera named ${camera}, and nothing of it: clipward camera list shows those there are.`;
}
