import { isId, randomId } from '../base/random-id.ts';

/** A new id of an upload, a note or a clip. */
export function newUploadId(): string {
  return randomId();
}

export function isUploadId(text: string): boolean {
  return isId(text);
}
