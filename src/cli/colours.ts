import { canColour } from '../base/terminal.ts';

/** Colours say nothing that the words beside them do not say. */
export type Colours = Readonly<Record<'bad' | 'warning' | 'faint', (text: string) => string>>;

/** `text` must have been escaped before. Nothing is coloured in files, pipes and JSON. */
export function coloursFor(
  stream: Readonly<{ isTTY?: boolean }> = process.stdout,
  environment: NodeJS.ProcessEnv = process.env,
): Colours {
  const isColoured = canColour(stream, environment);
  const paint = (code: number) => (text: string) => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text);
  return { bad: paint(31), warning: paint(33), faint: paint(2) };
}
