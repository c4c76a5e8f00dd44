// Writes the settings of an installation by install.sh: take-settings.mjs [FROM] TO. What a clone's file says is kept, with its
// comments; directories and ports are those of the units.

import { readFileSync, writeFileSync } from 'node:fs';
import { parseDocument } from 'yaml';

const heading = ` The settings of Clipward (${'`'}clipward config explain${'`'} names them all). After a change:
 ${'`'}clipward config check${'`'}, then ${'`'}systemctl restart clipward.target${'`'}.`;
const ports = ` The ports that cameras are told. What is listened on is said by the units clipward-receive-explicit.socket and
 clipward-receive-implicit.socket: change both alike.`;

const [from, to] = process.argv.length > 3 ? process.argv.slice(2) : [undefined, process.argv[2]];
const document = parseDocument(from === undefined ? '{}' : readFileSync(from, 'utf8'));
if (document.contents === null || from === undefined) document.contents = document.createNode({});
document.contents.flow = false;
document.commentBefore ??= heading;
for (const [key, name] of [
  ['dataDir', 'data'],
  ['stateDir', 'state'],
  ['certsDir', 'certs'],
])
  document.set(key, `/var/lib/clipward/${name}`);
document.setIn(['ftps', 'explicit', 'port'], 21);
document.setIn(['ftps', 'implicit', 'port'], 990);
const ftps = document.get('ftps', true);
if (from === undefined) ftps.commentBefore = ports;
writeFileSync(to, document.toString(), { flag: 'wx', mode: 0o640 });
