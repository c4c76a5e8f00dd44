// What the tests of the documents read: pages without what git ignores, and the code that stands in them.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

const notOurs = new Set(['node_modules', '.git', 'dist', '.tap', 'data', 'state']);

/** Paths of files with this ending, relative to the root. */
export function filesEnding(ending: string, directory = '.'): string[] {
  return readdirSync(join(root, directory), { withFileTypes: true })
    .flatMap(entry => {
      const path = directory === '.' ? entry.name : `${directory}/${entry.name}`;
      if (entry.isDirectory()) return notOurs.has(entry.name) ? [] : filesEnding(ending, path);
      return entry.isFile() && entry.name.endsWith(ending) ? [path] : [];
    })
    .sort();
}

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export type Code = Readonly<{
  text: string;
  /** A line of a fenced block is there to be typed as it is; a span may name only a part. */
  isBlock: boolean;
}>;

/** Lines of fenced blocks, and spans between backticks. */
export function codeIn(markdown: string): Code[] {
  const blocks = [...markdown.matchAll(/^```.*\n([\s\S]*?)^```$/gm)].flatMap(([, body = '']) =>
    body.split('\n'),
  );
  const spans = withoutBlocks(markdown).matchAll(/`([^`\n]+)`/g);
  return [
    ...blocks.map(text => ({ text, isBlock: true })),
    ...[...spans].map(([, text = '']) => ({ text, isBlock: false })),
  ];
}

export function withoutBlocks(markdown: string): string {
  return markdown.replace(/^```.*\n[\s\S]*?^```$/gm, '');
}

/** The texts of headings of this level, in order. */
export function headings(markdown: string, level: number): string[] {
  return [...withoutBlocks(markdown).matchAll(new RegExp(`^#{${level}} (.+)$`, 'gm'))].map(([, text = '']) =>
    text.trim(),
  );
}
