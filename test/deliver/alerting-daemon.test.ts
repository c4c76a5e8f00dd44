// The whole way of an alert: a daemon with a disk that is too full by its settings, and a webhook that listens.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { freePort, makeInstallation } from '../support/daemon.ts';
import { makeCertificate, startWebTarget } from './web-target.ts';

t.test('an alert reaches its target, is not told again by a restart, and its end is told', async t => {
  const certificate = makeCertificate(t.testdir());
  await using target = await startWebTarget(certificate);
  const httpPort = await freePort();
  const alerts = [
    'alerts:',
    '  gatherMs: 0',
    '  minIntervalMs: 0',
    `  webhook: { url: "${target.url}", secretFile: hook, caFile: "${certificate.certFile}" }`,
    '  command: { program: /bin/false }',
  ];
  const hugeBytes = 1024 ** 4;
  const place = await makeInstallation({
    httpPort,
    settings: [`  limits: { minFreeBytes: ${hugeBytes} }`, ...alerts],
  });
  t.teardown(() => place.remove());
  mkdirSync(join(place.stateDir, 'secrets'), { recursive: true });
  writeFileSync(join(place.stateDir, 'secrets', 'hook'), 'Bearer hush-hush\n', { mode: 0o600 });

  const first = await place.serve();
  const got = await target.requests(1);
  t.match(got, {
    headers: { authorization: 'Bearer hush-hush', 'idempotency-key': got.body.id },
    body: { alerts: [{ state: 'raised', kind: 'disk-nearly-full', subject: '' }] },
  });
  await first.waitForLog(({ msg }) => msg === 'message delivered');
  const failed = await first.waitForLog(({ msg }) => msg === 'message not delivered');
  t.match(failed, { channel: 'command', error: '/bin/false ended with 1' }, 'which held up nobody');
  t.notMatch(first.lines.join('\n'), /hush-hush|token=abc/);

  const status = await place.run(['status', '--json']);
  t.equal(status.code, 1, 'status is red');
  t.match(JSON.parse(status.stdout).alerts, [{ kind: 'disk-nearly-full', subject: '' }]);
  const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  t.match(metrics, /^clipward_alerts\{kind="disk-nearly-full"\} 1$/m);
  t.match(metrics, /^clipward_messages_delivered_total\{channel="webhook"\} 1$/m);
  const ready = await fetch(`http://127.0.0.1:${httpPort}/readyz`);
  t.equal(ready.status, 503);
  t.match(await ready.json(), { ready: false, problems: ['the disk is full'] });
  t.equal((await fetch(`http://127.0.0.1:${httpPort}/healthz`)).status, 200);
  await first.stop();

  const second = await place.serve();
  await second.waitForLog(({ msg }) => msg === 'health is told');
  await second.stop();
  t.equal(target.got.length, 1, 'nothing new, nothing told');
  t.notOk(second.logged().some(({ msg }) => msg === 'alert raised'));

  writeFileSync(place.config, readFileSync(place.config, 'utf8').replace(String(hugeBytes), '0'));
  const third = await place.serve();
  t.match((await target.requests(2)).body, {
    alerts: [{ state: 'cleared', kind: 'disk-nearly-full' }],
  });
  await third.stop();

  const tried = await place.run(['doctor', '--test-alert', '--json']);
  t.equal(tried.code, 1);
  t.match(JSON.parse(tried.stdout), [
    { check: 'alert-webhook', level: 'pass' },
    { check: 'alert-command', level: 'fail', text: '/bin/false ended with 1' },
  ]);
  t.match((await target.requests(3)).body, { isTest: true });
});
