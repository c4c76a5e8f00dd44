import { type Check, pass, warn } from '../check.ts';

const utcNames = new Set(['UTC', 'Etc/UTC', 'GMT', 'Etc/GMT', 'Etc/UCT', 'UCT', 'Zulu', 'Universal']);

/** Cameras are added with this machine's zone unless told otherwise, and write local time into names. */
export function timeZone(zone: string = Intl.DateTimeFormat().resolvedOptions().timeZone): Check {
  return {
    name: 'time-zone',
    run: () =>
      utcNames.has(zone)
        ? warn(
            'this machine is set to UTC, so cameras are added with UTC unless --time-zone says otherwise',
            'Give each camera the zone that its clock shows: clipward camera set NAME --time-zone ZONE.',
          )
        : pass(`this machine is set to ${zone}`),
  };
}
