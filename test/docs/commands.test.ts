// What a page shows to be typed. Commands of clipward are parsed by the real commands, those of the README are run beside a
// daemon, and of every other command a table says how it was tried.

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { complaintAbout, wordsOf } from '../support/command-tree.ts';
import { addCamera, type Installation, makeInstallation } from '../support/daemon.ts';
import { loginExplicit } from '../support/ftps-client.ts';
import { makeMp4 } from '../support/media.ts';
import { filesEnding, read } from './documents.ts';
import { triedCommands } from './tried-commands.ts';

/** Lines of fenced blocks without the prompt of the machine that they are typed on. */
function linesIn(page: string): string[] {
  const blocks = [...read(page).matchAll(/^```(?:bash|sh)?\n([\s\S]*?)^```$/gm)];
  return blocks
    .flatMap(([, body = '']) => body.split('\n'))
    .map(line => line.replace(/^(?:pve# |vm# |sudo )/, ''));
}

/** What stands behind `clipward` in a line, or undefined. */
function commandIn(line: string): string | undefined {
  return /^(?:npm run (?:-s )?clipward -- |npx clipward |(?:\S.* \| |ssh \S+ )?clipward )(?=[a-z])(.*)$/.exec(
    line,
  )?.[1];
}

t.test('every clipward command in a block of a page can be typed like that', async t => {
  let commands = 0;
  for (const page of filesEnding('.md')) {
    for (const line of linesIn(page)) {
      const command = commandIn(line);
      if (command === undefined) continue;
      commands++;
      t.equal(await complaintAbout(command), undefined, `${page}: ${line}`);
    }
  }
  t.ok(commands > 60, `${commands} were found`);
});

t.test('of every other command in a block it is known how it was tried', t => {
  const programs = new Set(triedCommands.map(({ line }) => line.split(' ')[0]));
  const shown = filesEnding('.md').flatMap(page =>
    linesIn(page)
      .map(line => line.replace(/ +# .*$/, ''))
      .filter(line => commandIn(line) === undefined && programs.has(line.split(' ')[0]))
      .map(line => `${page}: ${line}`),
  );
  const known = triedCommands.map(({ page, line }) => `${page}: ${line}`);
  t.same([...new Set(shown)].sort(), [...known].sort());
  t.end();
});

/** Waits for somebody, or is another machine's. */
const notRun = /--follow|^manual|^completion|^import|rtsp-password-stdin/;
/** Here or there it finds something to say, which is an answer. */
const mayFind = /^(?:doctor|status|doctor --test-alert)$/;

t.test('every command of the README does what it says, in the order in which it stands there', async t => {
  const installation = await makeInstallation();
  const daemon = await installation.serve();
  t.teardown(async () => {
    await daemon.stop();
    installation.remove();
  });
  const ids = await uploadOne(installation);
  const out = join(installation.root, 'out');
  let ran = 0;
  for (const line of new Set(
    linesIn('README.md').map(each => each.replace('npm run clipward -- ', 'clipward ')),
  )) {
    const command = commandIn(line);
    if (command === undefined || notRun.test(command)) continue;
    // The one that the clip came from has its name.
    if (command.startsWith('camera add')) await installation.run(['camera', 'remove', 'front-door']);
    const text = command
      .replace('fcyfh9dcps', ids.clip)
      .replace('k3v9d2mzq1', ids.event)
      .replace(/(\/tmp|\/mnt\/usb)(?=\/)/, out);
    const { code, stderr } = await installation.run(wordsOf(text));
    t.ok(code === 0 || (code === 1 && mayFind.test(command)), `${line}: ${code} ${stderr}`);
    ran++;
  }
  t.ok(ran > 30, `${ran} were run`);
  const tree = join(installation.root, 'tree');
  mkdirSync(tree);
  const { code } = await installation.run(['import', tree, '--camera', 'front-door', '--dry-run']);
  t.equal(code, 0, 'import of a directory that is here');
});

/** A clip of the camera that the README speaks of, and its event. */
async function uploadOne(installation: Installation): Promise<{ clip: string; event: string }> {
  const password = await addCamera(installation, 'front-door');
  const client = await loginExplicit(installation.explicitPort, { user: 'front-door', password });
  t.equal((await client.upload('clip.mp4', readFileSync(await makeMp4()))).code, 226);
  client.close();
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; ) {
    const [clip] = await installation.json(['clip', 'list']);
    if (clip !== undefined) return { clip: clip.id, event: clip.eventId };
  }
  throw new Error('The clip was not filed.');
}
