import t from 'tap';
import { openLog } from '../../src/base/log.ts';
import type { Unmet } from '../../src/domain/retention-plan.ts';
import type { RetentionPass } from '../../src/retain/run-retention.ts';
import { startTelling } from '../../src/retain/tell-pass.ts';

const short = (shortfallBytes: number): Unmet => ({ promise: 'free-disk', shortfallBytes });

function told() {
  const lines: Array<Record<string, unknown>> = [];
  const teller = startTelling(
    openLog({ level: 'info', stream: { write: line => void lines.push(JSON.parse(line)) } }),
  );
  const pass = (facts: Partial<RetentionPass>) => {
    const before = lines.length;
    teller.pass(
      {
        ...{ isMade: true, deleted: [], finished: 0, spared: 0, stuck: [], unmet: [], isComplete: true },
        ...facts,
      },
      1,
    );
    return lines.slice(before).map(({ msg }) => msg);
  };
  return { pass, lines };
}

t.test(
  'a promise is told when it cannot be kept, not with every byte, and when it is kept again',
  async t => {
    const { pass, lines } = told();
    t.strictSame(pass({ unmet: [short(5e6)] }), ['retention cannot keep a promise']);
    t.match(lines[0], { level: 40, promise: 'free-disk', sentence: /^5.0 MB more should be free/ });
    t.strictSame(pass({ unmet: [short(6e6)] }), []);
    t.strictSame(pass({}), ['retention keeps a promise again']);
    t.strictSame(pass({ unmet: [short(1)] }), ['retention cannot keep a promise']);
    const ofCameras = ['a', 'b'].map(camera => ({
      promise: 'camera-bytes' as const,
      camera,
      shortfallBytes: 1,
    }));
    t.equal(pass({ unmet: [short(1), ...ofCameras] }).length, 2);
  },
);

t.test('a pass that is not complete says nothing of promises that are kept again', async t => {
  const { pass } = told();
  pass({ unmet: [short(1)] });
  const clock = { promise: 'clock', jumpMs: 1e9 } as const;
  t.strictSame(pass({ isComplete: false, unmet: [clock] }), ['retention cannot keep a promise']);
  t.strictSame(pass({ isComplete: false }), []);
  t.strictSame(pass({ unmet: [short(1)] }), ['retention keeps a promise again'], 'the clock');
});
