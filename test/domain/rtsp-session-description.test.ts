import t from 'tap';
import {
  parseSessionDescription,
  writeSessionDescription,
} from '../../src/domain/rtsp/session-description.ts';
import { seededRandom } from './seeded-random.ts';

const camera = [
  'v=0',
  'o=- 1 1 IN IP4 192.0.2.7',
  's="quoted"\u0007',
  'c=IN IP4 192.0.2.99',
  'a=control:rtsp://192.0.2.99/inner/',
  'm=video 0 RTP/AVP 96',
  'a=rtpmap:96 H264/90000',
  'a=fmtp:96 packetization-mode=1; profile-level-id=4D001F;sprop-parameter-sets=Z00AH5,aO48gA==;evil="\u001b]0;x\u0007"',
  'a=control:trackID=0',
  'm=audio 0 RTP/AVP 97',
  'a=rtpmap:97 MPEG4-GENERIC/16000/1',
  'a=fmtp:97 streamtype=5;mode=AAC-hbr;config=1408;sizelength=13;indexlength=3;indexdeltalength=3',
  'a=control:trackID=1',
  'm=application 0 RTP/AVP 98',
].join('\r\n');

t.test('tracks are read, and written anew without a word of the camera', async t => {
  const read = parseSessionDescription(camera);
  t.equal(read?.control, 'rtsp://192.0.2.99/inner/');
  t.match(read?.tracks, [
    { kind: 'video', format: 'h264', clockRate: 90_000, control: 'trackID=0' },
    { kind: 'audio', format: 'aac', clockRate: 16_000, channels: 1 },
  ]);
  const written = writeSessionDescription(read?.tracks ?? []);
  t.notMatch(written, /evil|quoted|192\.0\.2|\u0007|"/);
  t.match(written, 'sprop-parameter-sets=Z00AH5,aO48gA==');
  t.match(written, 'config=1408');
  t.same(
    parseSessionDescription(written)?.tracks.map(({ parameters }) => [...parameters]),
    read?.tracks.map(({ parameters }) => [...parameters]),
    'what was read reads the same again',
  );
});

t.test('a control with control characters, blanks or too much is none', async t => {
  for (const [control, expected] of [
    ['track"1', 'track"1'],
    ['a b', null],
    ['a\u001bb', null],
    ['ä', null],
    ['a'.repeat(1024), 'a'.repeat(1024)],
    ['a'.repeat(1025), null],
  ]) {
    const text = `v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:${control}\r\n`;
    t.equal(parseSessionDescription(text)?.tracks[0]?.control, expected);
  }
});

t.test('formats are known by their numbers and names, and others are told as they are called', async t => {
  const formatOf = (media: string, rtpmap?: string) => {
    const map = rtpmap === undefined ? '' : `a=rtpmap:${rtpmap}\r\n`;
    const track = parseSessionDescription(`v=0\r\nm=${media}\r\n${map}`)?.tracks[0];
    return track && (track.format ?? `no ${track.encoding}`);
  };
  t.equal(formatOf('audio 0 RTP/AVP 0'), 'pcmu');
  t.equal(formatOf('audio 0 RTP/AVP 8'), 'pcma');
  t.equal(formatOf('audio 0 RTP/AVP 9'), 'no unknown');
  t.equal(formatOf('video 0 RTP/AVP 96', '96 h265/90000'), 'hevc');
  t.equal(formatOf('video 0 RTP/AVP 96', '96 VP9/90000'), 'no VP9');
  t.equal(formatOf('video 0 RTP/AVP 96', '97 H264/90000'), 'no unknown');
  t.equal(formatOf('video 0 RTP/AVP 96', '96 H264/0'), 'no H264');
  t.equal(formatOf('video 0 RTP/AVP 96', '96 "; rm -rf/90000'), 'no unknown');
  t.equal(formatOf('video 0 RTP/AVP 128', '128 H264/90000'), undefined);
  t.equal(formatOf('video 0 RTP/AVP 127', '127 H264/90000'), 'h264');
  t.equal(parseSessionDescription('<html>'), undefined);
  t.equal(parseSessionDescription(`v=0\r\n${'m=video 0 RTP/AVP 96\r\n'.repeat(40)}`)?.tracks.length, 16);
});

t.test('a description has so many lines, and lines are so long', async t => {
  const tracksOf = (lines: number) => {
    const text = ['v=0', ...Array<string>(lines - 2).fill('a=x:1'), 'm=video 0 RTP/AVP 96', 'a=control:1'];
    return parseSessionDescription(text.join('\r\n'))?.tracks.length;
  };
  t.equal(tracksOf(512), 1);
  t.equal(tracksOf(513), 0);
  const sessionControl = (bytes: number) =>
    parseSessionDescription(`v=0\r\n${`a=control:${'x'.repeat(9000)}`.slice(0, bytes)}`)?.control?.length;
  t.equal(sessionControl(8192), 8192 - 'a=control:'.length);
  t.equal(sessionControl(8193), 8192 - 'a=control:'.length);
});

t.test('whatever a camera writes, ffmpeg reads plain text of our own', async t => {
  const random = seededRandom(17);
  const lines = camera.split('\r\n');
  const noise = [
    '"',
    "'",
    '\u0000',
    '\u001b',
    ' ',
    ';',
    '=',
    ':',
    '/',
    '99999999999',
    'a=',
    'm=',
    '\n',
    'ä',
    '%s',
    '96',
  ];
  for (let round = 0; round < 5000; round++) {
    const text = lines
      .map(line => {
        if (random(3)) return line;
        const at = random(line.length + 1);
        return line.slice(0, at) + noise[random(noise.length)] + line.slice(at + random(4));
      })
      .join(random(2) ? '\r\n' : '\n');
    const tracks = parseSessionDescription(text)?.tracks.filter(({ format }) => format !== null) ?? [];
    const written = writeSessionDescription(tracks);
    if (!/^([a-z]=[A-Za-z0-9 *:./=;,+-]*\r\n)+$/.test(written)) t.fail(JSON.stringify(written));
  }
  t.pass();
});
