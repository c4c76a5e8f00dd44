import { randomBytes } from 'node:crypto';

// Crockford's base32 in lower case: no i, l, o, u, so an id survives being read aloud.
const digits = '0123456789abcdefghjkmnpqrstvwxyz';
export const idLength = 26;

/** 130 random bits in 26 characters, so that ids never have to be compared with what exists. */
export function randomId(): string {
  return idFromBytes(randomBytes(idLength));
}

/** The id that these bytes (26 or more, evenly distributed) stand for: the same bytes, the same id. */
export function idFromBytes(bytes: Uint8Array): string {
  // 32 divides 256, so each byte's low five bits are evenly distributed.
  return [...bytes.subarray(0, idLength)].map(byte => digits[byte & 31]).join('');
}

export function isId(text: string): boolean {
  return /^[0-9abcdefghjkmnpqrstvwxyz]{26}$/.test(text);
}
