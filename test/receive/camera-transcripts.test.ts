// What cameras are known to say, word for word where it was seen. The numbers are those of the table in docs/security.md.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { makeJpeg, makeMp4 } from '../support/media.ts';
import { loggedIn, onBoth } from '../support/on-both.ts';
import { account, startTestReceiver } from '../support/receiver.ts';

const run = promisify(execFile);

onBoth('83. the test button of a Reolink camera of 2019', loggedIn, async (t, client, server) => {
  t.equal(await client.code('CWD //camera_test20190222080904'), 550);
  t.equal(await client.code('CWD camera_test20190222080904'), 550);
  t.equal(await client.code('MKD camera_test20190222080904'), 257);
  t.equal(await client.code('CWD camera_test20190222080904'), 250);
  t.equal(await client.code('CWD /'), 250);
  t.equal(await client.code('RMD camera_test20190222080904'), 250);
  t.same(server.memory.listDirectories(account.user, ''), []);
});

onBoth(
  '84. a Reolink camera of 2026: its test file, then MP4 and JPEG side by side',
  loggedIn,
  async (t, client, server) => {
    t.equal((await client.upload('Den_00_20260927144657.txt', Buffer.from('test'))).code, 226);
    const [mp4, jpg] = await Promise.all([makeMp4({ faststart: true }), makeJpeg()]);
    const second = await loggedIn.explicit(server);
    const uploads = [
      [client, '2026/09/27/Den_00_20260927140301.mp4', readFileSync(mp4)],
      [second, '/2026/09/27/Den_00_20260927140305.jpg', readFileSync(jpg)],
    ] as const;
    for (const [each] of uploads) {
      t.equal(await each.code('TYPE I'), 200);
      await each.code('CWD /2026/09/27');
    }
    const replies = await Promise.all(uploads.map(([each, path, bytes]) => each.upload(`/${path}`, bytes)));
    t.same(
      replies.map(({ code }) => code),
      [226, 226],
    );
    t.same(
      new Set(server.inbox().map(({ receipt }) => receipt.path)),
      new Set([
        'Den_00_20260927144657.txt',
        '2026/09/27/Den_00_20260927140301.mp4',
        '2026/09/27/Den_00_20260927140305.jpg',
      ]),
    );
    second.close();
  },
);

onBoth(
  '85. a Dahua camera: lower-case verbs, its sentinel at every level, ALLO',
  loggedIn,
  async (t, client, server) => {
    const codes: [string, number][] = [
      ['CWD /', 250],
      ['PWD', 257],
      ['CWD /ENTRADA', 550],
      ['MKD /ENTRADA', 257],
      ['CWD /ENTRADA', 250],
      ['TYPE I', 200],
      ['PWD', 257],
      ['CWD /', 250],
      ['CWD /', 250],
      ['PWD', 257],
      ['size /ENTRADA/DVRWorkDirectory', 550],
      ['ALLO 1048576', 200],
    ];
    for (const [line, code] of codes) t.equal(await client.code(line), code, line);
    t.equal((await client.upload('/ENTRADA/DVRWorkDirectory', Buffer.alloc(0))).code, 226);
    t.match(await client.command('size /ENTRADA/DVRWorkDirectory'), { code: 213, text: '0' });
    for (const directory of ['2019-05-09', '2019-05-09/001', '2019-05-09/001/dav', '2019-05-09/001/dav/21']) {
      t.equal(await client.code(`MKD /ENTRADA/${directory}`), 257);
    }
    t.equal(await client.code('CWD /ENTRADA/2019-05-09/001/dav/21'), 250);
    const name = '21.04.49-21.05.14[M][0@0][0].mp4';
    t.equal((await client.upload(name, randomBytes(1000), { mode: 'PASV' })).code, 226);
    t.ok(server.inbox().some(({ receipt }) => receipt.path === `ENTRADA/2019-05-09/001/dav/21/${name}`));
  },
);

t.test('86. curl with AUTH SSL first, EPSV and directories to be made', async t => {
  const server = await startTestReceiver();
  const directory = mkdtempSync(join(tmpdir(), 'clipward-curl-'));
  t.teardown(async () => {
    await server.stop();
    rmSync(directory, { recursive: true });
  });
  const file = join(directory, 'x');
  writeFileSync(file, randomBytes(50_000));
  const { stderr } = await run(
    'curl',
    [
      ...[
        '-v',
        '-sS',
        '-k',
        '--ssl-reqd',
        '--ftp-ssl-control',
        '--ftp-create-dirs',
        '-u',
        `${account.user}:${account.password}`,
      ],
      ...['-T', file, `ftp://127.0.0.1:${server.explicitPort}/cam/2026/11/clip.mp4`],
    ],
    { timeout: 30_000 },
  );
  t.match(stderr, /> AUTH SSL/);
  t.match(stderr, /> EPSV/);
  t.match(server.inbox(), [{ receipt: { path: 'cam/2026/11/clip.mp4', bytes: 50_000 } }]);
});

onBoth(
  '87. an Axis camera uploads under a temporary name and renames: one upload, with its final name',
  loggedIn,
  async (t, client, server) => {
    t.equal((await client.upload('axis/20261121_140301_tmp', randomBytes(5000))).code, 226);
    t.equal(await client.code('RNFR axis/20261121_140301_tmp'), 350);
    t.equal(await client.code('RNTO axis/20261121_140301.jpg'), 250);
    t.equal(server.inbox().length, 1);
    const [upload] = server.inbox();
    t.match(
      server.receipts().filter(({ type }) => type === 'renamed'),
      [{ upload: upload?.id, path: 'axis/20261121_140301.jpg' }],
    );
    t.equal(server.receipts().filter(({ type }) => type === 'renamed').length, 1);
  },
);

onBoth('88. a Foscam camera and its tree', loggedIn, async (t, client, server) => {
  const root = 'FI9805W_C4D6553DECE1';
  for (const directory of [root, `${root}/snap`, `${root}/record`]) await client.code(`MKD ${directory}`);
  const names = [`${root}/snap/MDAlarm_20190926-122821.jpg`, `${root}/record/MDalarm_20260728_111148.mkv`];
  for (const name of names) t.equal((await client.upload(name, randomBytes(500))).code, 226);
  t.same(new Set(server.inbox().map(({ receipt }) => receipt.path)), new Set(names));
});

onBoth(
  'a camera that never sends close_notify: its container proves a clip, the same bytes again anything else',
  loggedIn,
  async (t, client, server) => {
    const whole = readFileSync(await makeMp4({ codec: 'h264' }));
    t.equal((await client.upload('whole.mp4', whole, { ending: 'fin' })).code, 226);
    t.equal(
      (await client.upload('cut.mp4', whole.subarray(0, whole.length - 10), { ending: 'fin' })).code,
      426,
    );
    t.equal(
      (await client.upload('cut.mp4', whole.subarray(0, whole.length - 10), { ending: 'fin' })).code,
      426,
      'a cut MP4 is cut, however often',
    );
    const raw = randomBytes(20_000);
    t.equal((await client.upload('clip.dav', raw, { ending: 'fin' })).code, 426);
    t.equal((await client.upload('other.dav', raw, { ending: 'fin' })).code, 426, 'another name');
    t.equal(
      (await client.upload('clip.dav', raw.subarray(0, 100), { ending: 'fin' })).code,
      426,
      'other bytes',
    );
    t.equal((await client.upload('clip.dav', raw, { ending: 'fin' })).code, 226);
    const of = (path: string) =>
      server
        .inbox()
        .filter(({ receipt }) => receipt.path === path)
        .map(({ receipt }) => receipt);
    t.match(of('whole.mp4'), [{ completeness: 'whole', completenessBasis: 'container' }]);
    t.match(of('clip.dav').at(-1), { completeness: 'unproven', completenessBasis: 'repeat' });
    server.writer.setCamera(account.user, { truncation: 'strict' });
    const strict = await loggedIn.explicit(server);
    t.equal(
      (await strict.upload('strict.mp4', whole, { ending: 'fin' })).code,
      426,
      'strict demands close_notify',
    );
    t.equal((await strict.upload('clip.dav', raw, { ending: 'fin' })).code, 426);
    t.equal((await strict.upload('strict.mp4', whole)).code, 226);
    strict.close();
  },
);

onBoth(
  '47. the same bytes under the same name again, after a lost 226, are 226 and two receipts',
  loggedIn,
  async (t, client, server) => {
    const bytes = randomBytes(5000);
    t.equal((await client.upload('clip.mp4', bytes)).code, 226);
    t.equal((await client.upload('clip.mp4', bytes)).code, 226);
    const receipts = server.inbox().map(({ receipt }) => receipt);
    t.equal(receipts.length, 2);
    t.equal(receipts[0]?.sha256, receipts[1]?.sha256);
    t.not(receipts[0]?.id, receipts[1]?.id);
  },
);
