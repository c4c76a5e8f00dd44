import { randomBytes } from 'node:crypto';

// Crockford's base32 in lower case: no i, l, o, u, so an id survives being read aloud.
const digits = '0123456789abcdefghjkmnpqrstvwxyz';
const length = 26;

/** A new id of an upload, a note or a clip: 130 random bits in 26 characters, so ids never have to be compared with what exists. */
export function newUploadId(): string {
  let id = '';
  // 32 divides 256, so each byte's low five bits are evenly distributed.
  for (const byte of randomBytes(length)) id += digits[byte & 31];
  return id;
}

export function isUploadId(text: string): boolean {
  return /^[0-9abcdefghjkmnpqrstvwxyz]{26}$/.test(text);
}
