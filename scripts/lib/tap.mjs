// The test runner, and its TAP output in a form to read: a line per file, and of what failed all of it.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { projectRoot, toolEnvironment } from './run.mjs';

/** Runs tap on these files (all without any). Answers the number of assertions that passed, failed and were skipped. */
export async function runTap(files) {
  const child = spawn('tap', ['run', '--reporter=tap', '--no-color', ...files], {
    cwd: projectRoot,
    env: toolEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => resolve(code));
  });
  const reader = openTapReader(text => console.log(text));
  for await (const line of createInterface({ input: child.stdout })) reader.line(line);
  const code = await ended;
  return reader.counts(code);
}

/** Reads TAP line by line; `print` gets what a person wants to see. Todo tests count as skipped. */
export function openTapReader(print) {
  /** Names of the open subtests by depth, and whether something below each has failed. */
  let open = [];
  let detail;
  let counted;

  const failed = (depth, name) => {
    const wasExplained = open[depth]?.hasFailedBelow === true && open[depth].name === name;
    for (const parent of open.slice(0, depth)) parent.hasFailedBelow = true;
    if (wasExplained) return;
    const path = [...open.slice(0, depth).map(subtest => subtest.name), name];
    print(`  FAILED ${path.join(' > ').replace(/\\([#\\])/g, '$1')}`);
    detail = { indent: ' '.repeat(depth * 4 + 2), isOpen: false };
  };

  return {
    line(text) {
      if (detail !== undefined && isDetail(text)) return;
      detail = undefined;
      const totals = /^# \{ (.*) \}$/.exec(text);
      if (totals) counted = parseTotals(totals[1]);
      const [, indent = '', rest = ''] = /^((?: {4})*)(.*)$/.exec(text) ?? [];
      const depth = indent.length / 4;
      const subtest = /^# Subtest: (.*)$/.exec(rest);
      if (subtest) open = [...open.slice(0, depth), { name: subtest[1], hasFailedBelow: false }];
      const point = /^(not ok|ok) \d+(?: - )?(.*?)(?: # (?:time=(\S+)|(skip|todo)\b(.*)))?(?: \{)?$/i.exec(
        rest,
      );
      if (!point) return;
      const [, verdict, name, time = '', exemption, reason = ''] = point;
      if (exemption !== undefined) print(`  skipped ${name}:${reason || ' no reason given'}`);
      else if (verdict === 'not ok') failed(depth, name);
      if (depth === 0 && exemption === undefined) print(`${verdict} ${name} ${time}`.trim());
    },
    /** What tap counted. A runner that fell over must not look like tests that passed: it counts as one more failure. */
    counts(code) {
      const counts = counted ?? { passed: 0, failed: 0, skipped: 0 };
      const isUnexplained = counted === undefined || (code !== 0 && counts.failed === 0);
      return isUnexplained ? { ...counts, failed: counts.failed + 1 } : counts;
    },
  };

  /** A failure's YAML block follows its line, two spaces deeper, from `---` to `...`. */
  function isDetail(text) {
    const body = text.startsWith(detail.indent) ? text.slice(detail.indent.length) : text.trim();
    if (!detail.isOpen && body !== '---') return false;
    if (body === '...') detail = undefined;
    else if (detail.isOpen) print(`    ${body}`);
    else detail.isOpen = true;
    return true;
  }
}

function parseTotals(text) {
  const counts = Object.fromEntries(text.split(', ').map(each => each.split(': ')));
  const count = name => Number(counts[name] ?? 0);
  return { passed: count('pass'), failed: count('fail'), skipped: count('skip') + count('todo') };
}
