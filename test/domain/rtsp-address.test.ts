import t from 'tap';
import { parseRtspAddress, requestUri } from '../../src/domain/rtsp/rtsp-address.ts';
import { seededRandom } from './seeded-random.ts';

t.test('an address is taken apart, and shown without the user', async t => {
  for (const [text, address, uri] of [
    ['rtsp://cam', { isTls: false, host: 'cam', port: 554, user: null, path: '/' }, 'rtsp://cam/'],
    [
      'RTSPS://admin@cam.lan:8322/a/b?c=1&d',
      { isTls: true, host: 'cam.lan', port: 8322, user: 'admin', path: '/a/b?c=1&d' },
      'rtsps://cam.lan:8322/a/b?c=1&d',
    ],
    [
      'rtsp://a%40b@[fe80::1]:554?x',
      { isTls: false, host: 'fe80::1', port: 554, user: 'a@b', path: '/?x' },
      'rtsp://[fe80::1]/?x',
    ],
    [
      'rtsps://192.0.2.7:322/',
      { isTls: true, host: '192.0.2.7', port: 322, user: null, path: '/' },
      'rtsps://192.0.2.7/',
    ],
  ] as const) {
    const parsed = parseRtspAddress(text);
    t.strictSame(parsed, { address }, text);
    if (parsed.address) t.equal(requestUri(parsed.address), uri);
  }
});

t.test('what is no address is refused, with what is wrong with it', async t => {
  for (const [text, problem] of [
    ['http://cam/', 'form'],
    ['rtsp:///path', 'form'],
    ['rtsp://a@b@cam/', 'form'],
    ['rtsp://cam/"', 'characters'],
    ["rtsp://cam/'", undefined],
    ['rtsp://cam/\r\nX: y', 'characters'],
    ['rtsp://cam/\u0000', 'characters'],
    ['rtsp://cam/\u001b[31m', 'characters'],
    ['rtsp://cam/ b', 'characters'],
    ['rtsp://cam/ä', 'characters'],
    ['rtsp://cam/<b>', 'characters'],
    ['rtsp://cam/#x', 'characters'],
    ['rtsp://u:p@cam/', 'password'],
    ['rtsp://:@cam/', 'password'],
    ['rtsp://1.2.3/', 'host'],
    ['rtsp://1.2.3.400/', 'host'],
    ['rtsp://-cam/', 'host'],
    ['rtsp://cam..lan/', 'host'],
    ['rtsp://[cam]/', 'host'],
    ['rtsp://[1.2.3.4]/', 'host'],
    ['rtsp://cam:0/', 'port'],
    ['rtsp://cam:65536/', 'port'],
    ['rtsp://cam:65535/', undefined],
    ['rtsp://a%22b@cam/', 'user'],
    ['rtsp://a%0d%0ab@cam/', 'user'],
    ['rtsp://a%3ab@cam/', 'user'],
    ['rtsp://a%zz@cam/', 'user'],
    [`rtsp://${'a'.repeat(64)}@cam/`, undefined],
    [`rtsp://${'a'.repeat(65)}@cam/`, 'user'],
    [`rtsp://cam/${'a'.repeat(1024 - 11)}`, undefined],
    [`rtsp://cam/${'a'.repeat(1024 - 10)}`, 'length'],
  ] as const) {
    const parsed = parseRtspAddress(text);
    t.equal(parsed.address ? undefined : parsed.problem, problem, JSON.stringify(text.slice(0, 40)));
  }
});

t.test('whatever is typed, what is taken can stand in a request', async t => {
  const random = seededRandom(13);
  const pieces = [
    'rtsp://',
    'rtsps://',
    'u@',
    'cam',
    '[::1]',
    ':',
    '554',
    '/',
    '?',
    '%41',
    '%0a',
    '"',
    '\r\n',
    ' ',
    '@',
    '..',
    '=',
    'ä',
  ];
  let taken = 0;
  for (let round = 0; round < 20_000; round++) {
    const text = `rtsp://${Array.from({ length: random(8) }, () => pieces[random(pieces.length)]).join('')}`;
    const { address } = parseRtspAddress(text);
    if (!address) continue;
    taken++;
    const line = `DESCRIBE ${requestUri(address)} RTSP/1.0 ${address.user ?? ''}`;
    if (!/^DESCRIBE [\x21\x23-\x7e]+ RTSP\/1\.0 [\x21\x23-\x7e]*$/.test(line)) t.fail(JSON.stringify(text));
    const again = parseRtspAddress(requestUri(address)).address;
    if (JSON.stringify(again) !== JSON.stringify({ ...address, user: null })) t.fail(JSON.stringify(text));
  }
  t.ok(taken > 100, `${taken} were taken`);
});
