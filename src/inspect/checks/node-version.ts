import { type Check, fail, pass } from '../check.ts';

const oldest = 24;

export function nodeVersion(version: string = process.versions.node): Check {
  return {
    name: 'node-version',
    run: () =>
      Number(version.split('.')[0]) >= oldest
        ? pass(`Node ${version}`)
        : fail(`Node ${version}, ${oldest} or newer is needed`, `Install Node ${oldest} or newer.`),
  };
}
