// No alert is lost by a kill -9, wherever it strikes: before it was told, while it waits, while it is sent.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeInstallation } from '../support/daemon.ts';
import { makeCertificate, startWebTarget } from './web-target.ts';

/** The disk is too full by the settings, which is told to a webhook. */
async function troubled(t: Test, url: string, caFile: string, gatherMs = 0) {
  const place = await makeInstallation({
    settings: [
      `  limits: { minFreeBytes: ${1024 ** 4} }`,
      ...['alerts:', `  gatherMs: ${gatherMs}`, '  minIntervalMs: 0'],
      `  webhook: { url: "${url}", caFile: "${caFile}" }`,
    ],
  });
  t.teardown(() => place.remove());
  mkdirSync(join(place.stateDir, 'secrets'), { recursive: true });
  return place;
}

t.test('killed while the target is down: the message comes when both are back', async t => {
  const certificate = makeCertificate(t.testdir());
  const down = await startWebTarget(certificate);
  await down[Symbol.asyncDispose]();
  const place = await troubled(t, down.url, certificate.certFile);
  const first = await place.serve();
  const failed = await first.waitForLog(({ msg }) => msg === 'message not delivered');
  first.kill('SIGKILL');
  await first.ended;
  await using target = await startWebTarget(certificate, undefined, Number(new URL(down.url).port));
  const second = await place.serve();
  const got = await target.requests(1);
  t.match(got, { body: { id: failed.message, alerts: [{ state: 'raised', kind: 'disk-nearly-full' }] } });
  t.notOk(
    second.logged().some(({ msg }) => msg === 'alert raised'),
    'it is the same alert',
  );
  await second.stop();
});

t.test('killed while the target holds the message: it comes again, with the same id', async t => {
  const certificate = makeCertificate(t.testdir());
  let isHolding = true;
  await using target = await startWebTarget(certificate, (_request, response) => {
    if (!isHolding) response.end();
  });
  const place = await troubled(t, target.url, certificate.certFile);
  const first = await place.serve();
  const held = await target.requests(1);
  first.kill('SIGKILL');
  await first.ended;
  isHolding = false;
  const second = await place.serve();
  const again = await target.requests(2);
  t.equal(again.body.id, held.body.id);
  t.same(again.body, held.body);
  await second.waitForLog(({ msg }) => msg === 'message delivered');
  await second.stop();
  const third = await place.serve();
  await third.stop();
  t.equal(target.got.length, 2, 'and then no more');
});

t.test('killed while an alert waits for others: it is told after the restart', async t => {
  const certificate = makeCertificate(t.testdir());
  await using target = await startWebTarget(certificate);
  const place = await troubled(t, target.url, certificate.certFile, 3_600_000);
  const first = await place.serve();
  await first.waitForLog(({ msg }) => msg === 'alert raised');
  first.kill('SIGKILL');
  await first.ended;
  t.equal(target.got.length, 0);
  writeFileSync(place.config, readFileSync(place.config, 'utf8').replace('3600000', '0'));
  const second = await place.serve();
  t.match((await target.requests(1)).body, { alerts: [{ kind: 'disk-nearly-full' }] });
  t.notOk(second.logged().some(({ msg }) => msg === 'alert raised'));
  await second.stop();
});
