import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Command } from 'commander';
import t, { type Test } from 'tap';
import type { Desk } from '../../src/cli/desk.ts';
import { registerEventCommands } from '../../src/cli/event.ts';
import { registerFootageCommands } from '../../src/cli/footage.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { recordedArchive, secondsOf } from '../inspect/recorded-archive.ts';
import { makeCodedClip, makeCodedFootage, readPictures } from '../support/coded-footage.ts';
import { makeMp4 } from '../support/media.ts';
import { startCommand } from '../support/running-command.ts';

const footage = makeCodedFootage(40);

/** An archive with what was recorded and uploaded; `run` is the command line. */
async function opened(test: Test) {
  const archive = await recordedArchive(test);
  const out = join(archive.root, 'event.mp4');
  const run = async (...args: string[]) => {
    const printed: string[] = [];
    const remarks: string[] = [];
    let exitCode = 0;
    const settings = {
      ...{ dataDir: archive.dataDir, stateDir: archive.stateDir },
      events: { gapMs: 30_000, footageBeforeMs: 5000, footageAfterMs: 10_000 },
    };
    const desk: Desk = {
      settings: () => settings as unknown as Settings,
      wantsJson: command => command.opts().json === true,
      print: text => void printed.push(text),
      remark: text => void remarks.push(text),
      readSecret: () => Promise.resolve(''),
      setExitCode: code => {
        exitCode = code;
      },
    };
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    registerEventCommands(program, desk);
    registerFootageCommands(program, desk);
    await program.parseAsync(args, { from: 'user' });
    return { out: printed.join('\n'), remarks: remarks.join('\n'), exitCode };
  };
  return {
    ...archive,
    out,
    run,
    export: (...more: string[]) => {
      const [event] = [...archive.catalogue.listEvents({})];
      return run('event', 'export', event?.id ?? '', '--out', out, ...more);
    },
    clip: (word: string, first: number, startS: number, options: Parameters<typeof makeCodedClip>[2] = {}) =>
      archive.fileClip(
        word,
        makeCodedClip(join(archive.root, `${word}.mp4`), 3, { first, ...options }),
        startS,
      ),
    numbers: () => readPictures(out).map(({ number }) => number),
  };
}

async function recorded(archive: Awaited<ReturnType<typeof opened>>, from: number, to: number) {
  const connection = archive.connect(footage.init);
  connection.bring(footage.fragments.slice(from, to));
  await connection.end();
}

function span(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

t.test('an event is exported with the footage from before its first clip to after its last', async t => {
  const archive = await opened(t);
  await recorded(archive, 0, 40);
  const { id } = archive.clip('a', 150, 15);
  const { out, remarks, exitCode } = await archive.export();
  t.equal(remarks, '');
  t.equal(exitCode, 0);
  t.match(out, /missing +nothing\n/);
  t.strictSame(archive.numbers(), span(100, 280), 'five seconds before, ten after');
  const manifest = JSON.parse(readFileSync(`${archive.out}.json`, 'utf8'));
  t.match(manifest, { form: 'clipward-export-1', camera: 'den', missing: [] });
  t.equal(manifest.eventId, archive.catalogue.clip(id)?.event);
  t.strictSame(
    [manifest.from, manifest.startAt, manifest.to, manifest.endAt].map(secondsOf),
    [10, 10, 28, 28],
  );
  const again = await t.rejects(archive.export(), { message: /exists already/ });
  t.equal(again, again);
});

t.test('what is missing of an event is told, with the clips that were filmed then', async t => {
  const archive = await opened(t);
  await recorded(archive, 0, 14);
  archive.clock.pass(4000);
  await recorded(archive, 18, 40);
  const { id } = archive.clip('a', 150, 15);
  const json = JSON.parse((await archive.export('--json')).out);
  t.match(json.missing, [{ reason: 'unreachable', clips: [id] }]);
  t.strictSame([json.missing[0].startAt, json.missing[0].endAt].map(secondsOf), [14, 18]);
  t.strictSame(archive.numbers(), [...span(100, 140), ...span(180, 280)]);
  const again = await archive.run('event', 'export', json.eventId, '--out', `${archive.out}.2.mp4`);
  t.match(again.out, /missing +4\.0 s/);
  t.match(again.out, new RegExp(`\\(4\\.0 s\\): the camera was not reachable; clips of then: ${id}`));
});

t.test('an event is not exported into the archive', async t => {
  const archive = await opened(t);
  await recorded(archive, 0, 20);
  archive.clip('a', 100, 10);
  const [event] = [...archive.catalogue.listEvents({})];
  const out = join(archive.dataDir, 'event.mp4');
  await t.rejects(archive.run('event', 'export', event?.id ?? '', '--out', out), {
    name: 'FailedError',
    message: /lies in the archive/,
  });
  t.notOk(existsSync(out));
});

t.test('what was recorded without sound is told of an event that has some', async t => {
  const archive = await opened(t);
  await recorded(archive, 0, 20);
  const { init, fragments } = makeCodedFootage(20, { sound: true });
  const connection = archive.connect(init);
  connection.bring(fragments);
  await connection.end();
  archive.clip('a', 180, 18);
  const { out, exitCode } = await archive.export();
  t.equal(exitCode, 0);
  t.match(out, /video +160x64 h264, aac\n/);
  // From the key frame at twelve or before, to where the sound begins.
  t.match(out, /silence +8\.0 s were recorded without sound\n/);
  const { pieces } = JSON.parse(readFileSync(`${archive.out}.json`, 'utf8'));
  t.strictSame(
    [pieces[0], pieces.at(-1)].map(piece => piece.silenced),
    [true, false],
  );
});

t.test('without footage its clips become one film', async t => {
  const archive = await opened(t);
  const [a, b] = [archive.clip('a', 150, 15), archive.clip('b', 200, 20)];
  const { remarks, out } = await archive.export('--json');
  t.match(remarks, /no footage of this event: these are its clips/);
  t.strictSame(archive.numbers(), [...span(150, 180), ...span(200, 230)]);
  const { pieces, missing, codec } = JSON.parse(out);
  t.match(pieces, [
    { media: 'clip', id: a.id, sha256: a.sha256, positionMs: 0, durationMs: 3000 },
    { media: 'clip', id: b.id, positionMs: 3000 },
  ]);
  t.equal(codec, 'h264');
  t.strictSame(
    missing.map(({ startAt, endAt }: { startAt: string; endAt: string }) => [startAt, endAt].map(secondsOf)),
    [
      [10, 15],
      [18, 20],
      [23, 33],
    ],
  );
});

t.test('what was sent again as a whole is in the film once', async t => {
  const archive = await opened(t);
  const file = makeCodedClip(join(archive.root, 'a.mp4'), 3, { first: 150 });
  const partial = archive.fileClip('p', file, 15, { completeness: 'partial' });
  archive.fileClip('a', file, 15, { supersedes: [partial.id] });
  await archive.export();
  t.strictSame(archive.numbers(), span(150, 180));
});

t.test('clips that do not fit together are named one by one, and so is one that was changed', async t => {
  const archive = await opened(t);
  const one = archive.clip('a', 150, 15);
  const other = archive.fileClip('b', await makeMp4(), 20);
  const message = (error: Error) => error.message;
  const refusal = await archive.export().catch(message);
  t.match(refusal, /they differ in size, codec or sound/);
  for (const { id } of [one, other]) t.match(refusal, `clipward clip export ${id} --out FILE`);
  const file = join(archive.dataDir, other.path);
  chmodSync(file, 0o600);
  writeFileSync(file, Buffer.alloc(other.bytes));
  t.match(
    await archive.export().catch(message),
    new RegExp(`${other.id}: its file is not what was received`),
  );
  t.notOk(existsSync(archive.out));
  const pictures = await opened(t);
  pictures.fileClip('p', await makeMp4(), 0, { kind: 'image', durationMs: null });
  t.match(await pictures.export().catch(message), /there is no video among them/);
});

t.test('with --proof the originals can be checked by sh, openssl and sha256sum alone', async t => {
  const archive = await opened(t);
  await recorded(archive, 0, 40);
  const clip = archive.clip('a', 150, 15);
  const { out, remarks } = await archive.export('--proof');
  t.equal(remarks, '');
  const evidence = `${archive.out}.evidence`;
  t.match(out, `sh ${join(evidence, 'verify.sh')}`);
  const { pieces } = JSON.parse(readFileSync(`${archive.out}.json`, 'utf8'));
  const names = [clip.path, ...pieces.map(({ path }: { path: string }) => path)].map(path => basename(path));
  t.ok(names.length >= 3);
  const there = readdirSync(evidence);
  for (const name of names) t.ok(there.includes(name), name);
  const check = () => spawnSync('sh', [join(evidence, 'verify.sh')], { encoding: 'utf8' });
  const right = check();
  t.equal(right.status, 0, right.stdout);
  for (const name of names) t.match(right.stdout, new RegExp(`ok +${name} is what was received`));
  const manifest = JSON.parse(readFileSync(join(evidence, 'manifest.json'), 'utf8'));
  t.strictSame(
    manifest.media.map(({ covered }: { covered: { media: string } }) => covered.media).sort(),
    ['clip', ...pieces.map(() => 'segment')].sort(),
  );
  const segment = join(evidence, names[1] ?? '');
  const bytes = readFileSync(segment);
  bytes[500] = (bytes[500] ?? 0) ^ 1;
  writeFileSync(segment, bytes);
  const wrong = check();
  t.equal(wrong.status, 1);
  t.match(wrong.stdout, `WRONG  ${names[1]} is not what was received`);
});

t.test(
  'what is still being written has no proof yet, and what cannot be proven is not exported with --proof',
  async t => {
    const archive = await opened(t);
    const connection = archive.connect(footage.init);
    connection.bring(footage.fragments);
    await connection.written();
    const clip = archive.clip('a', 300, 30);
    const { remarks } = await archive.export('--proof');
    t.match(remarks, /still being written has no proof yet/);
    t.equal(spawnSync('sh', [join(`${archive.out}.evidence`, 'verify.sh')]).status, 0);
    await connection.end();
    execFileSync('rm', ['-r', archive.out, `${archive.out}.json`, `${archive.out}.evidence`]);
    chmodSync(join(archive.dataDir, clip.path), 0o600);
    writeFileSync(join(archive.dataDir, clip.path), Buffer.alloc(clip.bytes));
    await t.rejects(archive.export('--proof'), { name: 'FailedError', message: /no proof of this clip/ });
    t.strictSame(
      readdirSync(archive.root).filter(name => name.startsWith('event')),
      [],
      'nothing is left',
    );
    mkdirSync(`${archive.out}.evidence`);
    await t.rejects(archive.export('--proof'), { message: /evidence exists already/ });
  },
);

t.test('damaged footage makes the export red; where there is none at all the reason is told', async t => {
  const archive = await opened(t);
  await recorded(archive, 0, 30);
  const [, second] = archive.segments();
  const file = join(archive.dataDir, second?.path ?? '');
  chmodSync(file, 0o600);
  writeFileSync(file, Buffer.alloc(second?.bytes ?? 0));
  const times = (from: number, to: number) => {
    const at = (seconds: number) => new Date(Date.UTC(2026, 10, 21, 12) + seconds * 1000).toISOString();
    return ['footage', 'export', '--camera', 'den', '--from', at(from), '--to', at(to), '--out', archive.out];
  };
  const { out, remarks, exitCode } = await archive.run(...times(0, 30));
  t.equal(exitCode, 1);
  t.match(remarks, /not as they were recorded/);
  t.match(out, new RegExp(`the file of its segment is not what was recorded \\(segment ${second?.id}\\)`));
  await t.rejects(archive.run(...times(-60, -30)), {
    name: 'FailedError',
    message: /There is no footage of den .*\(deleted before, or never recorded\)/,
  });
  const ahead = ['--from', '2999-01-01', '--to', '2999-01-02', '--out', `${archive.out}.ahead`];
  await t.rejects(archive.run('footage', 'export', '--camera', 'den', ...ahead), {
    message: /There is no footage of den .*\(not recorded yet\)/,
  });
  await t.rejects(archive.run(...times(5, 5)), { name: 'UsageError' });
});

t.test('Ctrl-C leaves nothing', async t => {
  const archive = await opened(t);
  await recorded(archive, 0, 40);
  const config = join(archive.root, 'clipward.yaml');
  writeFileSync(config, 'dataDir: ./data\nstateDir: ./state\n');
  const target = join(archive.root, 'target');
  mkdirSync(target);
  const begun = Promise.withResolvers<void>();
  const watcher = watch(target, () => begun.resolve());
  t.teardown(() => watcher.close());
  const times = ['--from', '2026-11-21T12:00:00Z', '--to', '2026-11-21T12:00:40Z'];
  const out = ['--out', join(target, 'film.mp4'), '--config', config];
  const command = startCommand(['footage', 'export', '--camera', 'den', ...times, ...out]);
  await Promise.race([begun.promise, command.ended]);
  t.equal(await command.stop(), 1, command.lines.join('\n'));
  t.strictSame(command.lines, ['clipward: Stopped; nothing was written.']);
  t.strictSame(readdirSync(target), []);
});
