import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { readPublicKeys } from '../../src/access/signing-key.ts';
import { readStored } from '../../src/archive/read-stored.ts';
import { type EvidenceMedia, writeEvidence } from '../../src/inspect/evidence/write-evidence.ts';
import { chainedArchive, idOf } from './chained-archive.ts';

const shells = ['dash', 'bash', 'sh'];
const exportedAt = Date.UTC(2026, 10, 23);

/** Five clips on two days, and `write` for the evidence of some of them. */
async function fiveClips(test: Test) {
  const archive = await chainedArchive(test);
  const clips = ['a1', 'a2', 'a3', 'a4', 'a5'].map((word, index) => {
    if (index === 3) archive.nextDay();
    return archive.fileClip(word);
  });
  archive.letGo(archive.fileClip('a6'));
  const media = (...words: string[]): EvidenceMedia[] =>
    words.map(word => {
      const clip = archive.catalogue.chainedClip(idOf(word));
      const facts = { originalPath: 'x"y', timeSource: 'name' };
      return { id: idOf(word), path: clip?.path ?? '', receipt: clip?.receipt ?? null, facts };
    });
  const write = async (out: string, each: readonly EvidenceMedia[]) => {
    const { current } = await readPublicKeys(archive.stateDir);
    return writeEvidence(
      {
        archiveId: archive.archiveId,
        catalogue: archive.catalogue,
        publicKeys: current ? [current] : [],
        read: (one, copyTo) => readStored(archive.dataDir, one, undefined, copyTo),
      },
      each,
      out,
      exportedAt,
    );
  };
  return { ...archive, clips, media, write, out: join(archive.root, 'evidence') };
}

/** verify.sh in a copy of the folder that was changed, or not; only what it needs is on its PATH. */
let checks = 0;
function check(folder: string, shell: string, change: (folder: string) => void = () => {}) {
  const copy = join(folder, '..', `check ${checks++}`, 'copy of it');
  cpSync(folder, copy, { recursive: true });
  change(copy);
  const bin = join(copy, '..', 'bin');
  mkdirSync(bin);
  for (const program of ['openssl', 'sha256sum', 'dirname', shell])
    execFileSync('ln', [
      '-s',
      execFileSync('which', [program], { encoding: 'utf8' }).trim(),
      join(bin, program),
    ]);
  return spawnSync(join(bin, shell), [join(copy, 'verify.sh')], {
    encoding: 'utf8',
    cwd: '/',
    env: { PATH: bin },
  });
}

t.test(
  'an evidence folder is small, whole, for its owner alone, and says what is covered and what is not',
  async t => {
    const { write, media, out, archiveId, clips } = await fiveClips(t);
    const evidence = await write(out, media('a2'));
    const name = basename(clips[1]?.path ?? '');
    t.strictSame(
      readdirSync(out).sort(),
      [
        ...[
          name,
          `receipt-${idOf('a2')}.json`,
          'VERIFY.txt',
          'chain.txt',
          'head.sig',
          'head.txt',
          'manifest.json',
        ],
        ...['public-key.pem', 'verify.sh'],
      ].sort(),
    );
    t.equal(statSync(out).mode & 0o777, 0o700);
    t.equal(readFileSync(join(out, name), 'utf8'), 'bytes of a2');
    t.equal(
      readFileSync(join(out, 'chain.txt'), 'utf8').trimEnd().split('\n').length,
      3,
      'hash before, two entries',
    );
    t.strictSame(JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')), {
      form: 'clipward-evidence-1',
      archiveId,
      exportedAt: '2026-11-23T00:00:00.000Z',
      keyFingerprint: evidence.keyFingerprint,
      head: { day: '2026-11-21', number: 3, hash: evidence.head.hash },
      media: [
        {
          file: name,
          receipt: `receipt-${idOf('a2')}.json`,
          entry: 2,
          covered: {
            media: 'clip',
            id: idOf('a2'),
            camera: 'front-door',
            bytes: 11,
            sha256: clips[1]?.sha256,
            receiptSha256: evidence.media[0]?.covered.receiptSha256,
            receivedAt: '2026-11-21T02:00:00.000Z',
          },
          notCovered: { originalPath: 'x"y', timeSource: 'name' },
        },
      ],
    });
  },
);

for (const shell of shells) {
  t.test(`verify.sh shows with ${shell}, openssl and sha256sum alone that nothing has changed`, async t => {
    const { write, media, out, archiveId } = await fiveClips(t);
    for (const words of [['a1'], ['a2'], ['a5'], ['a1', 'a3'], ['a5', 'a2', 'a4']]) {
      const { keyFingerprint, head } = await write(out, media(...words));
      const { status, stdout, stderr } = check(out, shell);
      t.equal(stderr, '');
      t.equal(status, 0, stdout);
      t.match(stdout, 'Everything fits together.');
      t.match(stdout, keyFingerprint);
      t.match(stdout, `entry ${head.number}, of archive ${archiveId}`);
      for (const word of words)
        t.match(stdout, new RegExp(`ok .*_${idOf(word)}\\.mp4 is what was received at 2026-`));
      rmSync(out, { recursive: true });
    }
  });
}

const replaced = (file: string, from: string | RegExp, to: string) => (folder: string) => {
  const path = join(folder, file);
  const text = readFileSync(path, 'latin1');
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`nothing to replace in ${file}`);
  writeFileSync(path, changed, 'latin1');
};
const inMedia = (word: string, work: (path: string) => void) => (folder: string) => {
  const name = readdirSync(folder).find(each => each.includes(`_${idOf(word)}.`)) ?? '';
  work(join(folder, name));
};

const changes: ReadonlyArray<readonly [what: string, change: (folder: string) => void, wrong: RegExp]> = [
  [
    'a byte of media',
    inMedia('a2', path => writeFileSync(path, 'bytes of a3')),
    /WRONG .*mp4 is not what was received/,
  ],
  ['media emptied', inMedia('a2', path => writeFileSync(path, '')), /WRONG .*mp4 is not what was received/],
  ['media removed', inMedia('a2', path => rmSync(path)), /WRONG {2}there is no media here/],
  [
    'media of another clip beside it',
    inMedia('a2', path => cpSync(path, path.replaceAll('a2', 'b2'))),
    /WRONG {2}the chain does not say that .*b2/,
  ],
  [
    'media of another name beside it',
    folder => writeFileSync(join(folder, 'holiday.mp4'), ''),
    /WRONG {2}the chain does not say that holiday/,
  ],
  [
    'a file with an odd name beside it',
    folder => writeFileSync(join(folder, 'a b;c'), ''),
    /WRONG {2}there is a file here with a name/,
  ],
  [
    'the receipt',
    replaced(`receipt-${idOf('a2')}.json`, 'a2', 'a3'),
    /WRONG {2}receipt-.* is not the receipt/,
  ],
  [
    'the receipt removed',
    folder => rmSync(join(folder, `receipt-${idOf('a2')}.json`)),
    /WRONG {2}receipt-.* is not the receipt/,
  ],
  [
    'the SHA-256 in the manifest',
    replaced('manifest.json', /"sha256": "./, '"sha256": "x'),
    /WRONG {2}manifest.json does not have/,
  ],
  [
    'an entry of the chain',
    replaced('chain.txt', 'front-door', 'back-doors'),
    /WRONG {2}chain.txt does not lead to the head/,
  ],
  ['the hash before', replaced('chain.txt', /^./, 'x'), /WRONG {2}chain.txt does not lead to the head/],
  [
    'the last entry removed',
    replaced('chain.txt', /[^\n]*\n$/, ''),
    /WRONG {2}chain.txt does not lead to the head/,
  ],
  [
    'the chain cut to nothing',
    folder => writeFileSync(join(folder, 'chain.txt'), ''),
    /WRONG {2}chain.txt does not lead to the head/,
  ],
  [
    'the day of the head',
    replaced('head.txt', '2026-11-21', '2026-11-20'),
    /WRONG {2}head.txt is not signed/,
  ],
  ['the hash of the head', replaced('head.txt', /.\n$/, 'x\n'), /WRONG {2}head.txt is not signed/],
  ['the signature', replaced('head.sig', /^[\s\S]/, 'x'), /WRONG {2}head.txt is not signed/],
  ['the signature removed', folder => rmSync(join(folder, 'head.sig')), /WRONG {2}head.txt is not signed/],
  [
    'the key',
    folder => {
      const pem = execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519']);
      writeFileSync(
        join(folder, 'public-key.pem'),
        execFileSync('openssl', ['pkey', '-pubout'], { input: pem }),
      );
    },
    /WRONG {2}head.txt is not signed/,
  ],
];

for (const [what, change, wrong] of changes) {
  t.test(`verify.sh tells it when something was changed: ${what}`, async t => {
    const { write, media, out } = await fiveClips(t);
    await write(out, media('a2'));
    for (const shell of shells.slice(0, 2)) {
      const { status, stdout } = check(out, shell, change);
      t.equal(status, 1, `${shell}: ${stdout}`);
      t.match(stdout, wrong);
      t.match(stdout, 'SOMETHING IS WRONG');
    }
  });
}

t.test('the steps of VERIFY.txt work as they are written', async t => {
  const { write, media, out } = await fiveClips(t);
  await write(out, media('a1'));
  const text = readFileSync(join(out, 'VERIFY.txt'), 'utf8');
  const commands = text.split('\n').filter(line => /^ {4,}(openssl|printf|sha256sum)/.test(line));
  t.equal(commands.length, 4);
  const [before, entry] = readFileSync(join(out, 'chain.txt'), 'utf8').split('\n');
  const name = readdirSync(out).find(each => each.endsWith('.mp4')) ?? '';
  const outputs = commands.map(command =>
    execFileSync(
      'sh',
      [
        '-c',
        command
          .replace('HASH-BEFORE', before ?? '')
          .replace('ENTRY', entry ?? '')
          .replace('FILE', name),
      ],
      { cwd: out, encoding: 'utf8' },
    ),
  );
  t.match(outputs[0], /Verified Successfully/);
  t.match(outputs[3], entry?.split(' ')[7]);
});

t.test('an existing directory is never written to, and nothing half is left behind', async t => {
  const { write, media, out, clips, sqlite } = await fiveClips(t);
  mkdirSync(out);
  await t.rejects(write(out, media('a1')), { name: 'FailedError', message: /exists already/ });
  t.strictSame(readdirSync(out), []);
  rmSync(out, { recursive: true });
  await t.rejects(write(join(out, 'deeper'), media('a1')), { name: 'FailedError', message: /ENOENT/ });

  const refused = async (why: RegExp, word: string) => {
    await t.rejects(write(out, media(word)), { name: 'FailedError', message: why });
    t.notOk(existsSync(out), 'nothing is left behind');
  };
  rmSync(clips[0]?.file ?? '');
  writeFileSync(clips[0]?.file ?? '', 'bytes of a9');
  await refused(/not what was received/, 'a1');
  sqlite(`UPDATE receipt SET body = '{}' WHERE upload = '${idOf('a2')}'`);
  await refused(/receipt/, 'a2');
  await refused(/not in the chain/, 'zz');
  sqlite("UPDATE chain_entry SET line = replace(line, 'front', 'back') WHERE number = 5");
  await refused(/changed/, 'a4');
  await write(out, media('a3'));
  sqlite("DELETE FROM chain_head WHERE day = '2026-11-22'");
  rmSync(out, { recursive: true });
  await refused(/no head/, 'a4');
});
