import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { firstPart, lastPart, readReceiptFile } from '../../src/archive/receipt-file.ts';
import { newUploadId } from '../../src/archive/upload-id.ts';
import { beginFacts, receiptFor } from './sample-receipt.ts';

const id = newUploadId();
// What a client may say, and what would end a line or an object if it were not escaped.
const said = { sentAs: 'a"}\n{"\u2028\\', path: 'a"}{"' };
const facts = { version: 1, id, ...beginFacts, ...said } as const;
const receipt = receiptFor(id, Buffer.from('a clip'), said);

t.test('both parts together are the receipt, as JSON for everybody', async t => {
  const path = join(t.testdir({}), 'receipt.json');
  const text = firstPart(facts) + lastPart(facts, receipt);
  t.same(JSON.parse(text), receipt);
  await writeFile(path, text);
  t.same(await readReceiptFile(path), { receipt, facts });
});

t.test('wherever a crash cuts it, the first part says whose upload it is', async t => {
  const path = join(t.testdir({}), 'receipt.json');
  const [first, last] = [Buffer.from(firstPart(facts)), Buffer.from(lastPart(facts, receipt))];
  for (let length = 0; length < last.length; length++) {
    await writeFile(path, Buffer.concat([first, last.subarray(0, length)]));
    t.same(await readReceiptFile(path), { receipt: undefined, facts }, `${length}`);
    // Blocks that were never written come back as zeros.
    await writeFile(path, Buffer.concat([first, Buffer.alloc(length)]));
    t.same(await readReceiptFile(path), { receipt: undefined, facts }, `${length} zeros`);
  }
});

t.test('nothing is made of a first part that was cut, of another file, or of none', async t => {
  const path = join(t.testdir({}), 'receipt.json');
  const nothing = { receipt: undefined, facts: undefined };
  t.same(await readReceiptFile(path), nothing, 'there is none');
  const first = firstPart(facts);
  for (let length = 0; length < first.length; length++) {
    await writeFile(path, first.slice(0, length));
    t.same(await readReceiptFile(path), nothing, `${length}`);
  }
  for (const text of ['{}\n', '\n', '}\n', 'x\n', 'x'.repeat(70_000)]) {
    await writeFile(path, text);
    t.same(await readReceiptFile(path), nothing, text.slice(0, 10));
  }
  await writeFile(path, first);
  const link = join(t.testdirName, 'link');
  await symlink(path, link);
  t.same(await readReceiptFile(link), nothing, 'a link is not followed');
});

t.test('a receipt of another upload than the one that began is a bug, and is not written', async t => {
  for (const change of [{ id: newUploadId() }, { camera: 'den' }, { sentAs: 'other' }, { controlTls: null }])
    t.throws(
      () => lastPart(facts, { ...receipt, ...change } as typeof receipt),
      /something else about/,
      JSON.stringify(change),
    );
});
