// Each finding of check has a heading that says what it means and what to do, and no heading is left over.

import t from 'tap';
import { findingCodes } from '../../src/inspect/invariants/finding.ts';
import { read } from './documents.ts';

t.test('docs/check.md has a heading for each finding, and no other', t => {
  const [, findings = ''] = read('docs/check.md').split('\n## The findings\n');
  const parts = findings.split(/^### /m).slice(1);
  t.same(parts.map(part => part.split('\n')[0]).sort(), [...findingCodes].sort());
  for (const part of parts)
    t.ok(part.split('\n').slice(1).join(' ').trim().length > 40, part.split('\n')[0] ?? '');
  t.end();
});
