import { createHash } from 'node:crypto';
import t from 'tap';
import { answerChallenge } from '../../src/record/answer-challenge.ts';

const credentials = { user: 'Mufasa', password: 'Circle of Life', allowBasic: false };
const request = { method: 'DESCRIBE', uri: 'rtsp://cam/stream' };

function answered(challenges: string[], allowBasic = false): string {
  const answer = answerChallenge(challenges, { ...credentials, allowBasic });
  if ('refused' in answer) return `refused ${answer.refused}`;
  return answer.authorization(request);
}

function field(header: string, name: string): string {
  return new RegExp(`[ ,]${name}="?([^",]*)`).exec(header)?.[1] ?? '';
}

/** RFC 7616, 3.4.1, written once more. */
function responseOf(header: string, algorithm: 'md5' | 'sha256', realm: string): string {
  const hash = (text: string) => createHash(algorithm).update(text).digest('hex');
  const qop = field(header, 'qop');
  return hash(
    [
      hash(`Mufasa:${realm}:Circle of Life`),
      field(header, 'nonce'),
      ...(qop ? [field(header, 'nc'), field(header, 'cnonce'), qop] : []),
      hash('DESCRIBE:rtsp://cam/stream'),
    ].join(':'),
  );
}

for (const [name, challenge, algorithm] of [
  ['MD5 as it was at first', 'Digest realm="cam 1", nonce="n"', 'md5'],
  ['MD5 with qop', 'digest  realm="cam 1",nonce="n",qop="auth-int,auth",algorithm=MD5', 'md5'],
  ['SHA-256', 'Digest realm="cam 1", nonce="n", algorithm=SHA-256, qop="auth", opaque="o"', 'sha256'],
] as const)
  t.test(`Digest is answered: ${name}`, async t => {
    const header = answered([challenge]);
    t.equal(field(header, 'response'), responseOf(header, algorithm, 'cam 1'));
    t.equal(field(header, 'uri'), request.uri);
    t.equal(field(header, 'opaque'), challenge.includes('opaque') ? 'o' : '');
    t.notMatch(header, credentials.password);
    t.equal(header.includes('nc=00000001'), challenge.includes('qop'));
  });

t.test('each request counts, with a number of its own', async t => {
  const answer = answerChallenge(['Digest realm="r", nonce="n", qop="auth"'], credentials);
  if ('refused' in answer) throw new Error('an answer was expected');
  const [first, second] = [answer.authorization(request), answer.authorization(request)];
  t.match(second, 'nc=00000002');
  t.not(field(first, 'cnonce'), field(second, 'cnonce'));
});

t.test('of several challenges the strongest is answered, in one header or in many', async t => {
  const basic = 'Basic realm="b"';
  const md5 = 'Digest realm="m", nonce="1"';
  const sha = 'Digest realm="s", nonce="2", algorithm=SHA-256';
  t.equal(field(answered([basic, md5, sha], true), 'realm'), 's');
  t.equal(field(answered([basic, md5], true), 'realm'), 'm');
  t.equal(field(answered([`${md5}, ${basic}`], true), 'realm'), 'm');
  t.equal(field(answered([`${basic}, ${md5}`], true), 'realm'), 'm');
});

t.test('the password itself is sent when its owner said so, and nothing better is offered', async t => {
  t.equal(answered(['Basic realm="b"']), 'refused basic');
  t.equal(
    answered(['Basic realm="b"'], true),
    `Basic ${Buffer.from('Mufasa:Circle of Life').toString('base64')}`,
  );
});

t.test('what cannot be answered rightly is not answered', async t => {
  for (const challenge of [
    '',
    'Negotiate',
    'Digest',
    'Digest realm="r"',
    'Digest nonce="n"',
    'Digest realm="r", nonce=""',
    'Digest realm="r", nonce="n", algorithm=MD5-sess',
    'Digest realm="r", nonce="n", algorithm=constructor',
    'Digest realm="r", nonce="n", qop="auth-int"',
    'Digest realm="a\\"b", nonce="n"',
    'Digest realm="a\\", nonce="n"',
    `Digest realm="r", nonce="${'n'.repeat(4096)}"`,
  ])
    t.equal(answered([challenge]), 'refused unknown', challenge.slice(0, 60));
});

t.test('a challenge of any form takes no time', async t => {
  const begunMs = performance.now();
  for (const piece of ['a', ', ', '" ', ',a ', '=', 'a=', 'digest ', ',\t'])
    answered([`Digest ${piece.repeat(16_384 / piece.length)}`, piece.repeat(4000 / piece.length)]);
  t.ok(performance.now() - begunMs < 1000);
});
