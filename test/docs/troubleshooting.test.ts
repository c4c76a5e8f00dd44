// Each warning and error that the program can log has a heading that says what to do, and no heading is left over.

import t from 'tap';
import { filesEnding, read } from './documents.ts';

const page = read('docs/troubleshooting.md');

t.test('docs/troubleshooting.md has a heading for each warning and error of the source, and no other', t => {
  const logged = new Set(filesEnding('.ts', 'src').flatMap(path => messagesIn(read(path), path)));
  t.ok(logged.size > 20, 'messages were found');
  t.same([...sectionsOf(page)].sort(), [...logged].sort());
  t.end();
});

t.test('each heading is followed by words', t => {
  for (const part of page.split(/^### /m).slice(1)) {
    const [heading = '', ...body] = part.split('\n');
    t.ok(body.join(' ').trim().length > 40, heading);
  }
  t.end();
});

t.test('the message of a call is found wherever it stands, and one that is not constant is refused', t => {
  const find = (source: string) => messagesIn(source, 'x.ts');
  t.same(find("log.warn('no port')"), ['Warnings: no port']);
  t.same(find("session.log.error({ error: messageOf(e), why: f('inner') }, 'it failed')"), [
    'Errors: it failed',
  ]);
  t.same(find("options.log.fatal(\n  { a },\n  'the end',\n);"), ['Errors: the end']);
  t.same(find("log.info('fine'); console.error('x')"), []);
  const helper = 'function tried(message: string, work: () => void) { log.warn({}, message); }';
  t.same(find(`${helper} tried('not done', work); tried(\n'nor this', work);`), [
    'Warnings: not done',
    'Warnings: nor this',
  ]);
  t.throws(() => find(`${helper} tried(text, work);`), { message: /x\.ts/ });
  t.throws(() => find(helper), { message: /x\.ts/ });
  t.throws(() => find('log.warn(facts, text)'), { message: /x\.ts/ });
  t.throws(() => find("log.warn('a' + b)"), { message: /x\.ts/ });
  t.end();
});

/** `Warnings: message` or `Errors: message`, as the page sorts them. */
function messagesIn(source: string, path: string): string[] {
  return [...source.matchAll(/\blog\??\.(warn|error|fatal)\(/g)].flatMap(match => {
    const message = lastArgument(source.slice((match.index ?? 0) + match[0].length));
    const constants = message === 'message' ? handedTo(source, match.index ?? 0) : [message];
    return constants.map(text => {
      const constant = /^'([^'\\]+)'$/.exec(text);
      if (constant === null)
        throw new Error(`${path}: the message of log.${match[1]} is not a constant: ${text}`);
      return `${match[1] === 'warn' ? 'Warnings' : 'Errors'}: ${constant[1]}`;
    });
  });
}

/** A helper of the same file may take the message as its first parameter: what its calls hand to it. */
function handedTo(source: string, position: number): string[] {
  const helper = [...source.slice(0, position).matchAll(/function (\w+)\(message: string,/g)].at(-1)?.[1];
  const calls = [...source.matchAll(new RegExp(`(?<!function )\\b${helper}\\(\\s*('[^'\\n]*'|[^,]*),`, 'g'))];
  return helper === undefined || calls.length === 0 ? ['message'] : calls.map(([, text = '']) => text);
}

/** The last argument of a call, given what follows its opening parenthesis. Knows brackets and quotes. */
function lastArgument(source: string): string {
  let depth = 0;
  let quote = '';
  let current = '';
  let last = '';
  for (const character of source) {
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (`'"\``.includes(character)) quote = character;
    else if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character)) {
      if (depth === 0) return (current.trim() || last).trim();
      depth--;
    } else if (character === ',' && depth === 0) {
      last = current;
      current = '';
      continue;
    }
    current += character;
  }
  throw new Error('a call does not end');
}

function sectionsOf(markdown: string): string[] {
  let section = '';
  return markdown.split('\n').flatMap(line => {
    if (line.startsWith('## ')) section = line.slice(3).trim();
    return line.startsWith('### ') ? [`${section}: ${line.slice(4).trim()}`] : [];
  });
}
