import type { AccountReader } from '../../access/accounts.ts';
import { counted } from '../../domain/counted.ts';
import { type Check, pass, warn } from '../check.ts';

/** Whether any camera can log in at all. */
export function cameraAccounts(accounts: Pick<AccountReader, 'cameras'>): Check {
  return {
    name: 'cameras',
    run() {
      const cameras = accounts.cameras();
      const enabled = cameras.filter(camera => camera.enabled).length;
      if (cameras.length === 0) return warn('no camera was added', 'Add one: clipward camera add NAME.');
      if (enabled === 0) return warn('every camera is disabled', 'Enable one: clipward camera enable NAME.');
      return pass(`${enabled} of ${counted(cameras.length, 'camera')} enabled`);
    },
  };
}
