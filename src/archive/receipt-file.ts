// receipt.json of an upload, which is written in two parts: what is known when it begins, and the rest at its end. Together
// they are one JSON object; the first alone, which is all that a crash may leave, is its first line without the bracket that
// closes it. So an upload needs one file for both, and what the end writes never touches what the beginning wrote.

import { errnoOf } from '../base/errors.ts';
import { jsonOf } from './inbox.ts';
import { openRegular } from './open-regular.ts';
import {
  maxReceiptBytes,
  type Receipt,
  receiptSchema,
  type UploadFacts,
  type UploadReceipt,
  uploadFactsSchema,
} from './receipt.ts';

export type ReceiptFile = Readonly<{
  /** Undefined while the upload runs, and when its end was torn. */
  receipt: Receipt | undefined;
  /** What was known when the upload began; undefined when nothing says so. */
  facts: UploadFacts | undefined;
}>;

export function firstPart(facts: UploadFacts): string {
  return `${JSON.stringify(facts).slice(0, -1)}\n`;
}

/** Throws when the receipt tells of another upload than the facts: both would stand in one file. */
export function lastPart(facts: UploadFacts, receipt: UploadReceipt): string {
  const rest: Record<string, unknown> = { ...receipt };
  for (const [name, value] of Object.entries(facts)) {
    if (JSON.stringify(rest[name]) !== JSON.stringify(value))
      throw new Error(`the receipt of an upload says something else about ${name} than its beginning`);
    delete rest[name];
  }
  return `,${JSON.stringify(rest).slice(1)}`;
}

/** Neither is there when the file is missing, or is no regular file. */
export async function readReceiptFile(path: string): Promise<ReceiptFile> {
  const text = await readShort(path);
  const receipt = receiptSchema.safeParse(jsonOf(text));
  const facts = uploadFactsSchema.safeParse(jsonOf(`${text.slice(0, Math.max(0, text.indexOf('\n')))}}`));
  return { receipt: receipt.data, facts: facts.data };
}

/** What a version before the receipt had two parts wrote when an upload began. */
export async function readEarlierFacts(path: string): Promise<UploadFacts | undefined> {
  return uploadFactsSchema.safeParse(jsonOf(await readShort(path))).data;
}

async function readShort(path: string): Promise<string> {
  const opened = await openRegular(path).catch(error => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (opened === undefined) return '';
  await using file = opened.file;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(maxReceiptBytes), 0, maxReceiptBytes, 0);
  return buffer.toString('utf8', 0, bytesRead);
}
