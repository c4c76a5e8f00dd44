/** A camera's name: an account, a directory and a comment in firewall rules, so it is narrow by design (FTP user names of cameras allow it too). */
const pattern = /^[a-z0-9][a-z0-9-]{0,30}$/;

export function isCameraName(text: string): boolean {
  return pattern.test(text);
}

export const cameraNameRule =
  'lower-case letters, digits and hyphens, 1 to 31 characters, starting with a letter or digit';

/** Who doctor is when it tries an upload (access/check-pass.ts): no camera can have this name, and nothing is kept of it. */
export const checkVisitor = '_check';
