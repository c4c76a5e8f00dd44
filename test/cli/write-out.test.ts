import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import t from 'tap';

const module = new URL('../../src/cli/write-out.ts', import.meta.url);
const beginning = `import { writeOut } from '${module}';\n`;

t.test('a reader that is slow gets everything, and nothing piles up for it', async t => {
  const script = `${beginning}
    for (let number = 0; number < 600_000; number++) writeOut(String(number).padEnd(99, '.') + '\\n');
    process.stderr.write(String(process.resourceUsage().maxRSS));`;
  // A pipe of a shell: what spawn makes is a pair of sockets.
  const pipe = '"$0" --input-type=module -e "$1" | dd bs=1k status=none | sha256sum';
  const { stdout, stderr } = await promisify(execFile)('sh', ['-c', pipe, process.execPath, script]);
  const same = `const lines = []; for (let number = 0; number < 600_000; number++) lines.push(String(number).padEnd(99, '.') + '\\n'); process.stdout.write(lines.join(''))`;
  const expected = await promisify(execFile)('sh', [
    '-c',
    '"$0" -e "$1" | sha256sum',
    process.execPath,
    same,
  ]);
  t.equal(stdout, expected.stdout);
  t.ok(Number(stderr) < 200_000, `${stderr} kB`);
});

t.test('a reader that has seen enough ends the program, which is no error', async t => {
  const script = `${beginning} for (;;) writeOut('x'.repeat(1000));`;
  const args = ['--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', chunk => {
    complaint += chunk;
  });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [code] = await once(child, 'close');
  t.equal(code, 0);
  t.equal(complaint, '');
});
