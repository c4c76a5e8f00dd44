// Progress and colours are for people at a terminal, and never part of what a program reads.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { canColour, canMoveCursor } from '../../src/base/terminal.ts';
import { coloursFor } from '../../src/cli/colours.ts';
import { openProgressLine } from '../../src/cli/progress-line.ts';
import { makeInstallation } from '../support/daemon.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const escaped = '\u001b[';

/** A terminal that keeps what is written to it. */
function terminal(columns = 40) {
  const written: string[] = [];
  const stream = { isTTY: true, columns, write: (text: string) => written.push(text) > 0 };
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => written.join('') };
}

t.test('there are colours on a terminal only, and not where they are unwanted', t => {
  t.ok(canColour({ isTTY: true }, { TERM: 'xterm' }));
  t.ok(canColour({ isTTY: true }, { NO_COLOR: '' }), 'empty means nothing');
  for (const environment of [{ NO_COLOR: '1' }, { NO_COLOR: '0' }, { TERM: 'dumb' }])
    t.notOk(canColour({ isTTY: true }, environment), JSON.stringify(environment));
  t.notOk(canColour({}, { TERM: 'xterm', FORCE_COLOR: '1' }), 'a pipe');
  t.ok(canMoveCursor({ isTTY: true }, { NO_COLOR: '1' }));
  t.equal(coloursFor({ isTTY: true }, {}).bad('no'), `${escaped}31mno${escaped}0m`);
  t.equal(coloursFor({}, {}).bad('no'), 'no');
  t.end();
});

t.test('progress is one line that is cut to the terminal and cleared', t => {
  const { stream, text } = terminal();
  {
    using line = openProgressLine(stream, {});
    line.show(() => `evil\u0007${'x'.repeat(100)}`);
    line.show(() => 'too soon after the first');
    t.match(text(), /evil\\u\{7\}x+$/);
    t.equal(text().length, 39);
  }
  t.match(text(), /\u001b\[2K$/, 'cleared');
  t.notMatch(text(), 'too soon');
  const silent = terminal();
  openProgressLine(silent.stream, {})[Symbol.dispose]();
  openProgressLine(silent.stream, { TERM: 'dumb' }).show(() => 'progress');
  openProgressLine({ ...silent.stream, isTTY: false } as NodeJS.WriteStream, {}).show(() => 'progress');
  t.equal(silent.text(), '');
  t.end();
});

t.test('doctor and status colour what is wrong on a terminal, and nothing in a pipe or in JSON', async t => {
  const installation = await makeInstallation();
  t.teardown(installation.remove);
  /** What the command writes to a terminal. */
  const shown = (args: string[], environment: Record<string, string>) => {
    const script = 'import pty, sys; pty.spawn(sys.argv[1:])';
    const words = [process.execPath, main, ...args, '--config', installation.config];
    const env = { ...process.env, TERM: 'xterm', NO_COLOR: '', ...environment };
    return execFileSync('python3', ['-c', script, ...words], { encoding: 'utf8', env });
  };
  // No camera has been added, which is a warning.
  t.match(shown(['doctor'], {}), /\u001b\[33mwarn/);
  t.notMatch(shown(['doctor'], { NO_COLOR: '1' }), escaped);
  t.notMatch(shown(['doctor'], { TERM: 'dumb' }), escaped);
  t.notMatch(shown(['doctor', '--json'], {}), escaped);
  t.notMatch((await installation.run(['doctor'])).stdout, escaped);
  t.match(shown(['status'], {}), /\u001b\[31m! Clipward does not run/);
  t.notMatch(shown(['status', '--json'], {}), escaped);
});
