import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../../src/settings/load-settings.ts';

/** The list of tests that the receiver must hold has ninety entries; none may get lost. */
const count = 90;

t.test('every numbered test of the receiver exists, and docs/receiver-tests.md says where', t => {
  const files = new Map<number, Set<string>>();
  for (const file of globSync('test/**/*.test.ts', { cwd: projectRoot })) {
    for (const [, numbers] of readFileSync(join(projectRoot, file), 'utf8').matchAll(/['"`]((?:\d+\. )+)/g)) {
      for (const [number] of (numbers as string).matchAll(/\d+/g)) {
        files.set(Number(number), (files.get(Number(number)) ?? new Set()).add(file));
      }
    }
  }
  const page = readFileSync(join(projectRoot, 'docs', 'receiver-tests.md'), 'utf8');
  const rows = new Map(
    page
      .split('\n')
      .map(line => /^\| (\d+) \|.*\|(.*)\|$/.exec(line))
      .filter(match => match !== null)
      .map(match => [
        Number(match[1]),
        new Set([...(match[2] as string).matchAll(/`([^`]+)`/g)].map(each => each[1])),
      ]),
  );
  t.equal(rows.size, count);
  for (let number = 1; number <= count; number++) {
    t.ok(files.has(number), `a test has number ${number} in its name`);
    t.same(
      [...(rows.get(number) ?? [])].sort(),
      [...(files.get(number) ?? [])].sort(),
      `row ${number} names its files`,
    );
  }
  t.end();
});
