import { openAccountReader } from '../access/open-accounts.ts';
import type { Settings } from '../settings/settings.ts';
import { machineTimeZone } from './camera-arguments.ts';

/** The zone that a camera's times are shown in; for one that is not known any more, this machine's. */
export function openCameraZones({ stateDir }: Pick<Settings, 'stateDir'>): (camera: string) => string {
  using accounts = openAccountReader({ stateDir });
  const zones = new Map(accounts.cameras().map(({ name, timeZone }) => [name, timeZone]));
  return camera => zones.get(camera) ?? machineTimeZone();
}
