import t from 'tap';
import { leavesOf, programOfMain } from '../support/command-tree.ts';
import { runEach } from '../support/run-each.ts';

/** What else must be typed for the time to be looked at. */
const others: Record<string, Record<string, string>> = {
  'footage list': { '--camera': 'den' },
  'footage gaps': { '--camera': 'den' },
  'footage export': { '--camera': 'den', '--from': '2h', '--out': 'x.mp4' },
  'hold add': { '--camera': 'den', '--from': '2h', '--to': '1h' },
};

t.test('a time that is none is refused by the name that was typed', async t => {
  const lines: { path: string; flag: string; args: string[] }[] = [];
  for (const { path, command } of leavesOf(programOfMain()))
    for (const { flags } of command.options) {
      if (!flags.endsWith('<time>')) continue;
      for (const flag of flags.match(/--[a-z]+/g) ?? []) {
        const typed = Object.entries({ ...others[path], [flag]: 'xx' }).flat();
        lines.push({ path, flag, args: [...path.split(' '), ...typed] });
      }
    }
  t.ok(lines.some(({ path, flag }) => path === 'footage list' && flag === '--from'));
  t.ok(lines.length >= 18, `${lines.length} options`);
  const outcomes = runEach(lines.map(({ args }) => args));
  for (const [index, { path, flag }] of lines.entries()) {
    const { said, code } = outcomes[index] ?? {};
    t.equal(code, 2, `${path} ${flag}`);
    t.match(said, new RegExp(`^clipward: [^\n]*${flag}\\b[^\n]* "xx" [^\n]*\n$`), `${path} ${flag}`);
  }
});
