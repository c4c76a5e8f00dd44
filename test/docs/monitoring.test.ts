// What the pages about alerts and monitoring name is there: metrics, kinds of alerts, fields of messages.

import t from 'tap';
import { alertKinds } from '../../src/domain/alerts.ts';
import { filingHistogram, formatMetrics, metricDefinitions } from '../../src/inspect/metrics.ts';
import { read } from './documents.ts';

t.test('the dashboard asks for metrics that are told, and for every one of ours', async t => {
  const told = namesTold(
    await formatMetrics({ facts: undefined, counts: [], alerts: [], waiting: [], version: '' }),
  );
  for (const { name } of metricDefinitions) told.add(name);
  const asked = namesAsked(read('docs/grafana-dashboard.json'));
  t.ok(asked.size > 20, 'metrics were found');
  for (const name of asked) t.ok(told.has(name), `${name} is told`);
  const unasked = metricDefinitions.map(({ name }) => name).filter(name => !asked.has(name));
  t.same(unasked, ['clipward_info'], 'nothing is left out but the version');
  t.ok(asked.has(`${filingHistogram}_bucket`));
});

t.test('every metric that docs/monitoring.md names is told', t => {
  const told = new Set(metricDefinitions.map(({ name }) => name));
  const named = namesIn(read('docs/monitoring.md'));
  t.ok(named.size > 0);
  for (const name of named) t.ok(told.has(name), name);
  t.end();
});

t.test('docs/alerts.md has a line for each kind of alert, and no other', t => {
  const lines = read('docs/alerts.md').matchAll(/^\| `([a-z]+-[a-z-]+)` \|/gm);
  t.same([...lines].map(([, kind]) => kind).sort(), [...alertKinds].sort());
  t.end();
});

type Panel = { targets?: { expr: string }[]; panels?: Panel[] };

/** The metrics that the panels and the variables of a dashboard ask for. */
function namesAsked(dashboard: string): Set<string> {
  const { panels, templating } = JSON.parse(dashboard) as {
    panels: Panel[];
    templating: { list: { definition?: string }[] };
  };
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const definitions = templating.list.map(({ definition = '' }) => definition);
  return namesIn([...expressions, ...definitions].join('\n'));
}

function namesIn(text: string): Set<string> {
  return new Set([...text.matchAll(/\bclipward_[a-z_]+\b/g)].map(([name]) => name));
}

/** Those of the text that Prometheus reads. */
function namesTold(metrics: string): Set<string> {
  return new Set([...metrics.matchAll(/^([a-z_]+)(?:\{| )/gm)].map(([, name = '']) => name));
}
