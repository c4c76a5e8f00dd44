// The receipt is what the receiver says about an upload, written beside its bytes before `226`. To the archive it is
// the word of a process that speaks with strangers: parsed by schema, never believed about paths or bytes.

import { z } from 'zod';
import { completenessBases, completenesses } from '../domain/clip.ts';
import { resolveVirtualPath } from '../domain/virtual-path.ts';

/** A longer receipt is not read at all. */
export const maxReceiptBytes = 16 * 1024;

/** A path that says anything else once it is resolved again (`..`, a leading slash) is none that our receiver wrote. */
const virtualPath = z
  .string()
  .min(1)
  .max(4200)
  .refine(path => {
    const resolved = resolveVirtualPath('', path);
    return 'path' in resolved && resolved.path === path;
  });
const instant = z.iso.datetime({ offset: true });
const tlsFacts = z.strictObject({
  /** `TLSv1.2` or `TLSv1.3`. */
  protocol: z.string().max(16),
  cipher: z.string().max(64),
  alpn: z.string().max(32).nullable(),
});

const uploadReceipt = z.strictObject({
  version: z.literal(1),
  type: z.literal('upload'),
  /** The upload's id: 26 characters of lower-case Crockford base32, chosen at random by the receiver. */
  id: z.string(),
  camera: z.string(),
  /** The argument of STOR, before it was resolved against the working directory. */
  sentAs: z.string().max(4096),
  /** The virtual path from the camera's root, normalised, without a leading slash. */
  path: virtualPath,
  bytes: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** STOR arrived, and the last byte arrived. */
  startedAt: instant,
  finishedAt: instant,
  peer: z.strictObject({ address: z.string().max(64), port: z.number().int() }),
  listener: z.enum(['explicit', 'implicit']),
  controlTls: tlsFacts,
  /** Null when nobody can say any more: the upload was found after a crash. */
  dataTls: tlsFacts.nullable(),
  /** The data connection resumed a TLS session of this very control connection. */
  dataBound: z.boolean(),
  completeness: z.enum(completenesses),
  completenessBasis: z.enum(completenessBases),
  /** What ended a partial upload, in one word (`truncated`, `reset`, `stalled`, `aborted`, `too-large`, `crash`), null when it ended well. */
  endedBy: z.string().max(32).nullable(),
});

/** What the client did later in the same session to an upload that was acknowledged: nothing is undone by it. */
const renamedNote = z.strictObject({
  version: z.literal(1),
  type: z.literal('renamed'),
  id: z.string(),
  camera: z.string(),
  /** The id of the upload it is about. */
  upload: z.string(),
  sentAs: z.string().max(4096),
  path: virtualPath,
  at: instant,
});

const withdrawnNote = z.strictObject({
  version: z.literal(1),
  type: z.literal('withdrawn'),
  id: z.string(),
  camera: z.string(),
  upload: z.string(),
  at: instant,
});

export const receiptSchema = z.discriminatedUnion('type', [uploadReceipt, renamedNote, withdrawnNote]);

/** What is known when an upload begins, so that what a crash leaves behind can be filed (receipt-file.ts). */
export const uploadFactsSchema = uploadReceipt.pick({
  version: true,
  id: true,
  camera: true,
  sentAs: true,
  path: true,
  startedAt: true,
  peer: true,
  listener: true,
  controlTls: true,
});

export type UploadFacts = z.infer<typeof uploadFactsSchema>;
export type UploadReceipt = z.infer<typeof uploadReceipt>;
export type RenamedNote = z.infer<typeof renamedNote>;
export type WithdrawnNote = z.infer<typeof withdrawnNote>;
export type Receipt = z.infer<typeof receiptSchema>;
