// Cameras for a measurement, in a process of their own so that what they need is not counted: each shows the same pictures,
// which were made before. Arguments: a file of H.264 (Annex B), pictures a second, how many. Prints their ports as a JSON
// array and serves until standard input ends.

import { readFileSync } from 'node:fs';
import { startFakeCamera } from '../../test/support/fake-camera.ts';

const [file = '', picturesPerSecond = '25', count = '1'] = process.argv.slice(2);
const elementaryStream = readFileSync(file);
const cameras = await Promise.all(
  Array.from({ length: Number(count) }, () =>
    startFakeCamera({ elementaryStream, picturesPerSecond: Number(picturesPerSecond) }),
  ),
);
process.stdin.resume().once('end', () => process.exit(0));
console.log(JSON.stringify(cameras.map(({ port }) => port)));
