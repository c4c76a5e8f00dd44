// A clip's journey as ARCHITECTURE.md numbers it, through the daemon and the command line as a user runs them.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import t, { type Test } from 'tap';
import { addCamera, type Installation, makeInstallation } from './support/daemon.ts';
import { connectPlain, loginExplicit, loginImplicit } from './support/ftps-client.ts';
import { makeJpeg, makeMp4 } from './support/media.ts';

t.test('the journey of a clip', async t => {
  const installation = await makeInstallation();
  const daemon = await installation.serve();
  t.teardown(async () => {
    await daemon.stop();
    installation.remove();
  });
  const password = await addCamera(installation, 'front-door', '--time-zone', 'Europe/Berlin');
  const account = { user: 'front-door', password };

  await t.test('1 an address that is not allowed is closed without a word', async t => {
    const removed = await installation.run(['network', 'remove', '127.0.0.0/8']);
    t.equal(removed.code, 0);
    await daemon.waitForLog(line => line.msg === 'allowed networks changed');
    const stranger = await connectPlain(installation.explicitPort);
    t.equal(await stranger.reply(), undefined);
    await installation.run(['network', 'add', '127.0.0.0/8']);
    await daemon.waitForLog(line => line.msg === 'allowed networks changed', 2);
  });

  await t.test('2 to 4 lines are framed, TLS comes first, the password names the camera', async t => {
    const client = await connectPlain(installation.explicitPort);
    t.equal((await client.reply())?.code, 220);
    client.send(Buffer.from('AUTH T'));
    client.send(Buffer.from('LS\r\n'));
    t.equal((await client.reply())?.code, 234);
    await client.startTls();
    t.equal((await client.login('front-door', 'wrong-password')).code, 530);
    t.equal((await client.login('front-door', password)).code, 230);
    client.close();
  });

  const media = {
    h264: { file: await makeMp4({ codec: 'h264' }), kind: 'video', codec: 'h264' },
    hevc: { file: await makeMp4({ codec: 'hevc' }), kind: 'video', codec: 'hevc' },
    jpeg: { file: await makeJpeg(), kind: 'image', codec: 'mjpeg' },
  };
  for (const [name, { file, kind, codec }] of Object.entries(media)) {
    await t.test(`5 to 15 a ${name} clip is uploaded, published, filed and shown`, async t => {
      const login = name === 'hevc' ? loginImplicit : loginExplicit;
      const port = name === 'hevc' ? installation.implicitPort : installation.explicitPort;
      const client = await login(port, account);
      const bytes = readFileSync(file);
      const claimed = new Date(Date.now() - 60_000);
      const path = `2026/11/Den_00_${berlinDigits(claimed)}${file.slice(file.lastIndexOf('.'))}`;
      t.equal((await client.upload(path, bytes)).code, 226, '9 the reply comes when it is durable');
      t.equal(await client.code('QUIT'), 221);
      const { upload } = await daemon.waitForLog(
        line => line.msg === 'clip filed' && line.bytes === bytes.length,
      );
      const clips = await installation.json(['clip', 'list', '--camera', 'front-door']);
      const clip = clips.find((each: { id: string }) => each.id === upload);
      t.match(clip, {
        camera: 'front-door',
        originalPath: path,
        bytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        kind,
        codec,
        completeness: 'whole',
        timeSource: 'name',
        width: 640,
        height: 360,
        eventId: /^[0-9a-z]{26}$/,
      });
      const second = Math.floor(claimed.getTime() / 1000) * 1000;
      t.equal(Date.parse(clip.claimedAt), second, '11 the time in the name is the camera’s local time');
      t.equal(Date.parse(clip.startAt), second);
      t.match(clip.claimedAt, /\+0[12]:00$/);
      if (kind === 'video') t.ok(Math.abs(clip.durationMs - 2000) < 200);
      t.ok(
        readFileSync(join(installation.dataDir, clip.path)).equals(bytes),
        '12 the archive holds the same bytes',
      );
      t.equal(statSync(join(installation.dataDir, clip.path)).mode & 0o777, 0o400);
      await checkThumbnail(t, join(installation.dataDir, clip.thumbnail));
      t.notOk(
        existsSync(join(installation.dataDir, 'inbox', 'front-door', clip.id)),
        '15 the inbox entry is gone',
      );
      t.match(await installation.json(['clip', 'show', clip.id]), clip, '14 one row');
      await checkExport(t, installation, clip.id, bytes);
    });
  }

  await t.test('what was filed is listed newest first, and a person can read it', async t => {
    const clips = await installation.json(['clip', 'list']);
    t.equal(clips.length, 3);
    const starts = clips.map((clip: { startAt: string }) => Date.parse(clip.startAt));
    t.same(
      starts,
      starts.toSorted((a: number, b: number) => b - a),
    );
    const { stdout } = await installation.run(['clip', 'list']);
    for (const clip of clips) t.ok(stdout.includes(basename(clip.originalPath)));
    const status = await installation.json(['status']);
    const [camera] = status.cameras;
    t.match(camera, {
      camera: 'front-door',
      recording: null,
      clockOffsetMs: null,
      clockUncertaintyMs: null,
      clockWrong: null,
      coverage24h: null,
      clips: 3,
    });
    const arrivals = clips.map((clip: { receivedAt: string }) => Date.parse(clip.receivedAt));
    t.equal(Date.parse(camera.lastClipAt), Math.max(...arrivals));
  });

  await t.test('no secret is in the log', async t => {
    const text = daemon.lines.join('\n') + daemon.stderr();
    t.notOk(text.includes(password));
    t.notOk(text.includes('wrong-password'));
    t.notMatch(text, /PRIVATE KEY|scrypt/);
  });
});

t.test('what arrived while nobody filed is filed at the next start', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  const first = await installation.serve();
  const password = await addCamera(installation, 'front-door');
  const bytes = readFileSync(await makeMp4({ codec: 'h264' }));
  const client = await loginExplicit(installation.explicitPort, { user: 'front-door', password });
  t.equal((await client.upload('clip.mp4', bytes)).code, 226);
  first.kill('SIGKILL');
  t.equal((await first.ended).signal, 'SIGKILL');
  const second = await installation.serve();
  t.teardown(() => second.stop());
  // The first may have got to it before it was killed.
  const filed = [...first.logged(), ...second.logged()].some(line => line.msg === 'clip filed');
  if (!filed) await second.waitForLog(line => line.msg === 'clip filed');
  const clips = await installation.json(['clip', 'list']);
  t.match(clips, [{ originalPath: 'clip.mp4', bytes: bytes.length, completeness: 'whole' }]);
});

/** The picture, not its existence: red on the left, blue on the right, 480 wide. */
async function checkThumbnail(t: Test, file: string): Promise<void> {
  const { data, info } = await sharp(readFileSync(file)).raw().toBuffer({ resolveWithObject: true });
  t.match(info, { width: 480, height: 270, channels: 3 });
  const pixel = (x: number, y: number) =>
    [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)] as number[];
  const [left, right] = [pixel(100, 135), pixel(380, 135)];
  t.ok((left[0] as number) > 200 && (left[2] as number) < 60, `13 the left is red: ${left}`);
  t.ok((right[2] as number) > 200 && (right[0] as number) < 60, `13 the right is blue: ${right}`);
}

async function checkExport(t: Test, installation: Installation, id: string, bytes: Buffer): Promise<void> {
  const out = join(installation.root, 'out', id);
  t.equal((await installation.run(['clip', 'export', id, '--out', out])).code, 0);
  t.ok(readFileSync(out).equals(bytes), 'the export is the clip');
  const again = await installation.run(['clip', 'export', id, '--out', out]);
  t.equal(again.code, 1, 'it never overwrites');
  t.match(again.stderr, /exists/);
}

/** YYYYMMDDhhmmss as a camera in Berlin writes it. */
function berlinDigits(at: Date): string {
  return at.toLocaleString('sv-SE', { timeZone: 'Europe/Berlin' }).replaceAll(/\D/g, '');
}
