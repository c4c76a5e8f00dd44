// From a camera that is an hour and three seconds ahead to the film of an event: the clips that it uploads and the stream that
// is recorded of it show the same pictures, each with its number.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeCodedClip, makeCodedStream, rate, readPictures } from './support/coded-footage.ts';
import { addCamera, makeInstallation } from './support/daemon.ts';
import { startFakeCamera } from './support/fake-camera.ts';
import { loginExplicit } from './support/ftps-client.ts';

const aheadMs = 3_603_000;
const clipPictures = 2 * rate;
const firstPictures = [60, 80, 100, 120, 140];

t.test('clips of a camera whose clock is wrong end up with the footage that shows the same', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  const sent = pictureCounter();
  let playedAt = 0;
  const camera = await startFakeCamera({
    elementaryStream: makeCodedStream(90),
    picturesPerSecond: rate,
    answer({ method }) {
      if (method === 'PLAY') playedAt = Date.now();
      return undefined;
    },
    sends: picture => sent.reached(picture),
  });
  t.teardown(() => camera[Symbol.asyncDispose]());
  const filmedAt = (picture: number) => playedAt + (picture * 1000) / rate;
  const clips = firstPictures.map(first =>
    readFileSync(
      makeCodedClip(join(installation.root, `${first}.mp4`), clipPictures / rate, { first, keyEvery: rate }),
    ),
  );
  const daemon = await installation.serve();
  t.teardown(() => daemon.stop());
  const url = `rtsp://127.0.0.1:${camera.port}/stream`;
  const password = await addCamera(installation, 'den', '--time-zone', 'UTC', '--rtsp', url);
  const client = await loginExplicit(installation.explicitPort, { user: 'den', password });
  for (const [index, first] of firstPictures.entries()) {
    await sent.until(first + clipPictures);
    const shown = new Date(filmedAt(first) + aheadMs).toISOString();
    const name = `${index}/Den_00_${shown.slice(0, 19).replaceAll(/[-:T]/g, '')}.mp4`;
    t.equal((await client.upload(name, clips[index] as Buffer)).code, 226);
  }
  t.equal(await client.code('QUIT'), 221);
  await daemon.waitForLog(line => line.msg === 'camera clock is wrong' && line.camera === 'den');
  await daemon.waitForLog(line => line.msg === 'clip filed', firstPictures.length);
  for (const clip of await installation.json(['clip', 'list'])) t.equal(clip.timeSource, 'corrected');
  const [event, ...others] = await installation.json(['event', 'list']);
  t.strictSame(others, []);
  t.equal(event.clips.length, firstPictures.length);
  await sent.until(180);

  const out = join(installation.root, 'event.mp4');
  const manifest = await installation.json(['event', 'export', event.id, '--out', out]);
  const pictures = readPictures(out);
  const numbers = new Set(pictures.map(({ number }) => number));
  const [from = 0, to = 0] = [firstPictures[0], (firstPictures.at(-1) ?? 0) + clipPictures];
  for (let number = from; number < to; number++)
    if (!numbers.has(number)) t.fail(`picture ${number} is in a clip and not in the footage`);
  t.ok((pictures[0]?.number ?? 0) < from, 'there is something before it');
  // What it says of its times is true: what is shown at its beginning happened then.
  const shownAt = Date.parse(manifest.startAt) + (pictures[30]?.ms ?? 0);
  const off = shownAt - filmedAt(pictures[30]?.number ?? 0);
  t.ok(Math.abs(off) < 500, `off by ${off} ms`);

  const now = await installation.run([
    'footage',
    'export',
    '--camera',
    'den',
    '--from',
    '5s',
    '--out',
    `${out}.2.mp4`,
  ]);
  t.equal(now.code, 0, now.stderr);
  const last = readPictures(`${out}.2.mp4`).at(-1)?.number ?? 0;
  const ageMs = Date.now() - filmedAt(last);
  t.ok(ageMs < 6000, `up to now, which was ${ageMs} ms ago when the command had ended`);

  const jpeg = join(installation.root, 'now.jpg');
  const snapshot = await installation.json(['camera', 'snapshot', 'den', '--out', jpeg]);
  t.match(snapshot, { camera: 'den', width: 160, height: 64, wrote: jpeg });
  t.ok(snapshot.ageMs < 5000, `${snapshot.ageMs} ms old`);
  const [picture] = readPictures(jpeg);
  t.ok(Math.abs(Date.parse(snapshot.takenAt) - filmedAt(picture?.number ?? 0)) < 500);
  t.equal((await installation.run(['camera', 'snapshot', 'den', '--out', jpeg])).code, 1, 'not overwritten');
});

function pictureCounter() {
  let last = -1;
  const waiting = new Set<() => void>();
  return {
    reached(picture: number): true {
      last = picture;
      for (const look of waiting) look();
      return true;
    },
    until: (picture: number): Promise<void> =>
      new Promise((resolve, reject) => {
        const finish = (settle: () => void) => {
          clearTimeout(deadline);
          waiting.delete(look);
          settle();
        };
        const deadline = setTimeout(
          () => finish(() => reject(new Error(`picture ${picture} was not asked for`))),
          40_000,
        );
        const look = () => last >= picture && finish(resolve);
        waiting.add(look);
        look();
      }),
  };
}
