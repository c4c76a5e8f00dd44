import { isUtf8 } from 'node:buffer';

/**
 * Names in the inbox are told and logged as text, also those that are no UTF-8, which two different names could not be told
 * apart by once decoded: such a one is `/hex:` and its bytes. No name on disk holds a slash, so this is never another's.
 */
const marker = '/hex:';

export function textOfName(name: Buffer): string {
  return isUtf8(name) ? name.toString('utf8') : `${marker}${name.toString('hex')}`;
}

/** The path of `directory` and the name that this text stands for. Throws for what is no name of an entry. */
export function pathOfName(directory: string, text: string): string | Buffer {
  const hex = text.startsWith(marker) ? text.slice(marker.length) : undefined;
  if (hex !== undefined && /^([0-9a-f]{2})+$/.test(hex) && !isUtf8(Buffer.from(hex, 'hex')))
    return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(hex, 'hex')]);
  if (!isPlainName(text)) throw new Error('a name in a directory was expected');
  return `${directory}/${text}`;
}

export function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
}
