// Names, the virtual tree, and what a write-only account cannot do. The numbers are those of the table in docs/security.md.

import { readdirSync } from 'node:fs';
import t from 'tap';
import type { FtpsClient } from '../support/ftps-client.ts';
import { loggedIn, onBoth } from '../support/on-both.ts';
import { startTestReceiver } from '../support/receiver.ts';

const bytes = Buffer.from('clip');
const stored = async (client: FtpsClient, path: string) => (await client.upload(path, bytes)).code;

onBoth('37. no name leads outside', loggedIn, async (t, client, server) => {
  const names = [
    '../../x',
    '/../../y',
    '..\\..\\x',
    '%2e%2e',
    '....//',
    'a/../../b',
    '%2e%2e/%2e%2e/z',
    '..',
    '/',
  ];
  for (const name of names) {
    const code = await stored(client, name);
    t.ok(code === 226 || code === 553, `${name}: ${code}`);
  }
  t.same(
    server
      .inbox()
      .map(({ receipt }) => receipt.path)
      .sort(),
    ['%2e%2e', '%2e%2e/%2e%2e/z', 'b', 'x', 'y'],
  );
  t.same(readdirSync(server.dataDir).sort(), ['MARKER', 'inbox', 'incoming']);
});

onBoth('38. above the root is the root', loggedIn, async (t, client) => {
  t.equal(await client.code('CWD ../../..'), 250);
  t.match(await client.command('PWD'), { code: 257, text: /^"\/"/ });
  t.equal(await client.code('CDUP'), 250);
  t.match(await client.command('PWD'), { code: 257, text: /^"\/"/ });
});

onBoth('39. paths are normalised', loggedIn, async (t, client, server) => {
  t.equal(await client.code('MKD dir'), 257);
  t.equal(await client.code('CWD //dir'), 250);
  t.match(await client.command('PWD'), { text: /^"\/dir"/ });
  t.equal(await stored(client, '//a//./b.mp4'), 226);
  t.same(
    server.inbox().map(({ receipt }) => [receipt.sentAs, receipt.path]),
    [['//a//./b.mp4', 'a/b.mp4']],
  );
});

onBoth('40. names beyond the bounds are 553, at the bounds they work', loggedIn, async (t, client) => {
  for (const name of [
    'C:\\x',
    '\\\\host\\x',
    'x'.repeat(256),
    `${'ü'.repeat(128)}`,
    Array(17).fill('d').join('/'),
  ]) {
    t.equal(await stored(client, name), 553, name.slice(0, 20));
  }
  for (const name of ['x'.repeat(255), `${'ü'.repeat(127)}x`, Array(16).fill('d').join('/')]) {
    t.equal(await stored(client, name), 226, name.slice(0, 20));
  }
});

onBoth('41. dot files are 553', loggedIn, async (t, client) => {
  for (const name of ['.htaccess', '..name', 'a/.b/c']) t.equal(await stored(client, name), 553, name);
});

onBoth('43. STOR to the name of a directory is 553', loggedIn, async (t, client) => {
  await client.command('MKD taken');
  t.equal(await stored(client, 'taken'), 553);
  t.equal(await stored(client, '/'), 553);
});

onBoth('44. quotes are doubled in replies', loggedIn, async (t, client) => {
  t.match(await client.command('MKD say "hi"'), { code: 257, text: /^"\/say ""hi"""/ });
  t.equal(await client.code('CWD say "hi"'), 250);
  t.match(await client.command('PWD'), { text: /^"\/say ""hi"""/ });
});

onBoth('45. no reply shows a path of the server', loggedIn, async (t, client, server) => {
  const lines = [
    'PWD',
    'CWD nowhere',
    'MKD a',
    'MKD a',
    'SIZE nowhere',
    'STAT',
    'HELP',
    'SYST',
    'FEAT',
    'MLST',
  ];
  for (const line of lines) {
    const text = (await client.command(line)).lines.join('\n');
    t.notOk(
      text.includes(server.dataDir) || /ENOENT|EEXIST|errno|\/tmp|\/home|node_modules/.test(text),
      line,
    );
  }
});

onBoth('46. the same name twice keeps both', loggedIn, async (t, client, server) => {
  t.equal((await client.upload('same.mp4', Buffer.from('one'))).code, 226);
  t.equal((await client.upload('same.mp4', Buffer.from('two'))).code, 226);
  t.same(
    server
      .inbox()
      .map(({ media }) => media.toString())
      .sort(),
    ['one', 'two'],
  );
});

onBoth('48. MKD of a directory that exists is 550, parents are made', loggedIn, async (t, client) => {
  t.equal(await client.code('CWD a'), 550, 'never made');
  t.equal(await client.code('MKD a/b/c'), 257);
  t.equal(await client.code('MKD a/b/c'), 550);
  t.equal(await client.code('MKD a'), 550);
  for (const directory of ['/a', '/a/b', '/a/b/c', '..'])
    t.equal(await client.code(`CWD ${directory}`), 250, directory);
  t.equal(await client.code('MKD'), 501);
});

onBoth('49. UTF-8, spaces, brackets and CJK survive', loggedIn, async (t, client, server) => {
  const names = [
    'Haustür süd.mp4',
    'Front Door_00_20260927140301.jpg',
    '21.04.49-21.05.14[M][0@0][0].mp4',
    '通道/录像.dav',
  ];
  for (const name of names) t.equal(await stored(client, name), 226, name);
  t.same(new Set(server.inbox().map(({ receipt }) => receipt.path)), new Set(names));
});

onBoth(
  '50. SIZE and MDTM know what this session uploaded, and nothing else',
  loggedIn,
  async (t, client, server) => {
    t.equal(await client.code('SIZE x.mp4'), 550);
    t.equal(await stored(client, 'd/x.mp4'), 226);
    t.match(await client.command('SIZE d/x.mp4'), { code: 213, text: '4' });
    t.match(await client.command('MDTM /d/x.mp4'), { code: 213, text: /^20\d{12}$/ });
    const other = await loggedIn.explicit(server);
    t.equal(await other.code('SIZE d/x.mp4'), 550);
    other.close();
  },
);

onBoth('51. nothing can be read, changed or run', loggedIn, async (t, client) => {
  await stored(client, 'x.mp4');
  for (const line of [
    'RETR x.mp4',
    'APPE x.mp4',
    'STOU',
    'SMNT /',
    'MFMT 20200101000000 x.mp4',
    'SITE CHMOD 777 x.mp4',
    'SITE EXEC id',
  ]) {
    t.equal(await client.code(line), 502, line);
  }
});

onBoth('52. listings show the own view only, and know no patterns', loggedIn, async (t, client, server) => {
  const other = await loggedIn.implicit(server);
  await other.upload('theirs.mp4', bytes);
  other.close();
  await client.command('MKD d');
  await stored(client, 'mine.mp4');
  const listing = async (line: string) => {
    const raw = await client.openData();
    const { code } = await client.command(line);
    if (code !== 150) return { code, text: '' };
    const tls = await client.secureData(raw);
    let text = '';
    tls.on('data', chunk => {
      text += chunk;
    });
    await new Promise(resolve => tls.once('close', resolve));
    return { code: (await client.reply())?.code, text };
  };
  for (const line of ['LIST', 'LIST -al', 'LIST -R', 'NLST', 'MLSD']) {
    const { code, text } = await listing(line);
    t.equal(code, 226, line);
    t.match(text, /mine\.mp4/, line);
    t.match(text, /\bd\r\n/, line);
    t.notMatch(text, /theirs/, line);
  }
  t.match((await listing('LIST')).text, /-rw------- 1 camera camera +4 \w{3} \d\d \d\d:\d\d mine\.mp4\r\n/);
  t.match((await listing('MLSD')).text, /type=file;size=4;modify=\d{14}; mine\.mp4\r\n/);
  for (const pattern of ['*', '*/*/*', '{d,mine.mp4}', 'm*'])
    t.equal((await listing(`LIST ${pattern}`)).code, 550, pattern);
});

onBoth('54. an upload begins at its first byte', loggedIn, async (t, client) => {
  for (const value of ['1', '100', 'abc', '-1', '1e20', ''])
    t.equal(await client.code(`REST ${value}`), 501, value);
  t.equal(await client.code('REST 0'), 350);
  t.equal(await stored(client, 'x.mp4'), 226);
});

t.test('a camera has so many directories and no more', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const client = await loggedIn.explicit(server);
  for (let made = 0; made < 999; made++) await client.command(`MKD d${made}`);
  t.equal(await client.code('MKD last'), 257, 'the thousandth');
  t.equal(await client.code('MKD one-more'), 452);
  t.equal(await client.code('MKD last'), 550);
  client.close();
});

onBoth(
  '53. what another session stored cannot be touched, RNTO needs RNFR',
  loggedIn,
  async (t, client, server) => {
    const other = await loggedIn.explicit(server);
    await other.upload('d/theirs.mp4', bytes);
    await other.command('MKD e');
    other.close();
    for (const line of [
      'DELE d/theirs.mp4',
      'RNFR d/theirs.mp4',
      'RMD d',
      'RMD e',
      'RMD nowhere',
      'DELE nowhere',
    ]) {
      t.equal(await client.code(line), 550, line);
    }
    t.equal(await client.code('RNTO x'), 503);
    await stored(client, 'mine.mp4');
    t.equal(await client.code('RNFR mine.mp4'), 350);
    t.equal(await client.code('NOOP'), 200);
    t.equal(await client.code('RNTO x'), 503, 'RNFR holds for the next command only');
  },
);

onBoth(
  'what a session made itself it may rename and remove, and all of it stays stored',
  loggedIn,
  async (t, client, server) => {
    await stored(client, 'clip.mp4.tmp');
    t.equal(await client.code('RNFR clip.mp4.tmp'), 350);
    t.equal(await client.code('RNTO done/clip.mp4'), 250);
    t.equal(await client.code('SIZE clip.mp4.tmp'), 550);
    t.equal(await client.code('SIZE done/clip.mp4'), 213);
    t.equal(await client.code('DELE done/clip.mp4'), 250);
    t.equal(await client.code('SIZE done/clip.mp4'), 550);
    await client.command('MKD test');
    t.equal(await client.code('RMD test'), 250);
    t.equal(await client.code('CWD test'), 550);
    const receipts = server.receipts();
    const upload = receipts.find(({ type }) => type === 'upload');
    t.match(
      receipts.find(({ type }) => type === 'renamed'),
      { upload: upload?.id, path: 'done/clip.mp4' },
    );
    t.match(
      receipts.find(({ type }) => type === 'withdrawn'),
      { upload: upload?.id },
    );
    t.same(
      server.inbox().map(({ media }) => media),
      [bytes],
    );
  },
);
