import t from 'tap';
import { isBannedNow } from '../../src/access/read-bans.ts';
import { openReceiverMemory } from '../../src/access/receiver-memory.ts';

t.test('an address is banned until its ban is over, and with its network', async t => {
  const stateDir = t.testdir();
  const clock = { now: () => 1000, monotonicMs: () => 0 };
  t.notOk(isBannedNow(stateDir, '127.0.0.1', 1000), 'the receiver never ran');
  using memory = await openReceiverMemory({ stateDir, maxDirectoriesPerCamera: 1, clock });
  const ban = (subject: string) =>
    memory.saveBan({ subject, sinceMs: 1000, untilMs: 2000, repetition: 1, reasons: {} });
  ban('127.0.0.1');
  ban('2001:db8::/64');
  t.ok(isBannedNow(stateDir, '127.0.0.1', 1999));
  t.notOk(isBannedNow(stateDir, '127.0.0.1', 2000));
  t.notOk(isBannedNow(stateDir, '127.0.0.2', 1999));
  t.ok(isBannedNow(stateDir, '2001:db8::7', 1999));
  t.notOk(isBannedNow(stateDir, '2001:db8:0:1::7', 1999));
});
