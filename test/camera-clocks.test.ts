// Cameras whose clocks are wrong, from the upload by a real client to what the commands show.

import { readFileSync } from 'node:fs';
import t from 'tap';
import { addCamera, makeInstallation } from './support/daemon.ts';
import { loginExplicit } from './support/ftps-client.ts';
import { makeMp4 } from './support/media.ts';

const clipMs = 2000;
/** Names leave out parts of a second, and an upload takes a while. */
const slackMs = 6000;

t.test('clocks of cameras are found out by their uploads, and their clips lie where they were', async t => {
  const installation = await makeInstallation();
  const daemon = await installation.serve();
  t.teardown(async () => {
    await daemon.stop();
    installation.remove();
  });
  const bytes = readFileSync(await makeMp4({ codec: 'h264', seconds: clipMs / 1000 }));
  let filed = 0;
  /** Each clip ended just now; `claim`: what the camera's clock showed at its beginning. */
  const uploadFive = async (camera: string, claim: (startAt: number, index: number) => number) => {
    const password = await addCamera(installation, camera, '--time-zone', 'UTC');
    const client = await loginExplicit(installation.explicitPort, { user: camera, password });
    for (let index = 0; index < 5; index++) {
      const shown = new Date(claim(Date.now() - clipMs, index)).toISOString();
      const name = `${index}/Den_00_${shown.slice(0, 19).replaceAll(/[-:T]/g, '')}.mp4`;
      t.equal((await client.upload(name, bytes)).code, 226);
    }
    t.equal(await client.code('QUIT'), 221);
    filed += 5;
    await daemon.waitForLog(line => line.msg === 'clip filed', filed);
  };
  const clipsOf = (camera: string) => installation.json(['clip', 'list', '--camera', camera]);
  const startedAt = Date.now();
  await uploadFive('ahead', at => at + 3_603_000);
  await daemon.waitForLog(line => line.msg === 'camera clock is wrong' && line.camera === 'ahead');
  await uploadFive('behind', at => at - 47_000);
  await daemon.waitForLog(line => line.msg === 'camera clock is wrong' && line.camera === 'behind');
  await uploadFive('right', at => at);
  await daemon.waitForLog(line => line.msg === 'camera clock is right' && line.camera === 'right');
  await uploadFive('backlog', (at, index) => at - 10_800_000 + index * 30_000);
  // Whatever followed the filing of the last clip is done when the daemon has ended.
  t.equal((await daemon.stop()).code, 0);

  const { cameras } = await installation.json(['status']);
  const statusOf = (name: string) => cameras.find((each: { camera: string }) => each.camera === name);
  for (const [name, offsetMs] of [
    ['ahead', 3_603_000],
    ['behind', -47_000],
    ['right', 0],
  ] as const) {
    const { clockOffsetMs, clockWrong } = statusOf(name);
    const shortMs = offsetMs - clockOffsetMs;
    t.ok(shortMs >= -200 && shortMs <= slackMs, `${name}: ${clockOffsetMs}`);
    t.equal(clockWrong, name !== 'right');
    for (const clip of await clipsOf(name)) {
      t.equal(clip.timeSource, name === 'right' ? 'name' : 'corrected', name);
      const startAt = Date.parse(clip.startAt);
      const within = startAt >= startedAt - clipMs - 1000 && startAt <= Date.parse(clip.receivedAt);
      t.ok(within, `${name}: ${clip.startAt} of ${clip.receivedAt}`);
    }
  }
  t.match(statusOf('backlog'), { clockOffsetMs: null, clockUncertaintyMs: null, clockWrong: null });
  for (const clip of await clipsOf('backlog')) t.equal(clip.timeSource, 'name');
  const { stdout } = await installation.run(['status']);
  t.match(stdout, /^ahead .* 1 h .*ahead .*a whole hour/m);
  t.match(stdout, /^behind .* s behind/m);
  const doctor = JSON.parse((await installation.run(['doctor', '--json'])).stdout);
  const found = doctor.find((each: { check: string }) => each.check === 'camera-clocks');
  t.match(found, { level: 'warn', text: /ahead is .*behind is /, remedy: /--time-zone/ });
});
