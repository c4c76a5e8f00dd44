import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';

const module = pathToFileURL(fileURLToPath(new URL('../../scripts/lib/tap.mjs', import.meta.url))).href;
type Reader = {
  line(text: string): void;
  counts(code: number): Record<'passed' | 'failed' | 'skipped', number>;
};
const { openTapReader } = (await import(module)) as { openTapReader(print: (text: string) => void): Reader };

function read(text: string, code = 1) {
  const printed: string[] = [];
  const reader = openTapReader(line => void printed.push(line));
  for (const line of text.split('\n')) reader.line(line);
  return { printed, counts: reader.counts(code) };
}

const failing = `TAP version 14
# Subtest: test/a.test.ts
    # Subtest: a clip is filed
        ok 1 - should be equal
        not ok 2 - has \\#1 in it
          ---
          diff: |
            -1
            +2
          ...

        1..2
    not ok 1 - a clip is filed # time=24ms
      ---
      at: somewhere
      ...

    ok 2 - with lftp # SKIP no lftp
    1..2
not ok 1 - test/a.test.ts # time=54ms
  ---
  exitCode: 1
  ...

# Subtest: test/b.test.ts
    ok 1 - fine
    1..1
ok 2 - test/b.test.ts # time=5ms
# { total: 4, pass: 2, fail: 1, skip: 1 }`;

t.test('a failure is told once, with its path and all of its explanation', async t => {
  const { printed, counts } = read(failing);
  t.same(printed, [
    '  FAILED test/a.test.ts > a clip is filed > has #1 in it',
    '    diff: |',
    '      -1',
    '      +2',
    '  skipped with lftp: no lftp',
    'not ok test/a.test.ts 54ms',
    'ok test/b.test.ts 5ms',
  ]);
  t.same(counts, { passed: 2, failed: 1, skipped: 1 });
});

t.test('a file that fails without a failed test is told with its explanation', async t => {
  const { printed } = read(
    '# Subtest: test/a.test.ts\n    1..0\nnot ok 1 - test/a.test.ts # time=5ms\n  ---\n  exitCode: 9\n  ...',
  );
  t.same(printed, ['  FAILED test/a.test.ts', 'not ok test/a.test.ts 5ms', '    exitCode: 9']);
});

t.test('a runner that falls over never looks like tests that passed', async t => {
  t.same(read('TAP version 14\n# Subtest: x', 1).counts, { passed: 0, failed: 1, skipped: 0 });
  t.same(read('', 0).counts, { passed: 0, failed: 1, skipped: 0 });
  t.same(read('# { total: 3, pass: 3 }', 1).counts, { passed: 3, failed: 1, skipped: 0 });
  t.same(read('# { total: 3, pass: 3 }', 0).counts, { passed: 3, failed: 0, skipped: 0 });
  t.same(read('# { total: 3, pass: 1, todo: 1, skip: 1 }', 0).counts, { passed: 1, failed: 0, skipped: 2 });
});
