// What may be written to a terminal besides text.

type Stream = Readonly<{ isTTY?: boolean }>;
type Environment = Readonly<Record<string, string | undefined>>;

/** Whether lines may be written over: never in a file or a pipe. */
export function canMoveCursor(stream: Stream, environment: Environment): boolean {
  return stream.isTTY === true && environment.TERM !== 'dumb';
}

/** Whether text may be coloured; NO_COLOR as on no-color.org: set and not empty. */
export function canColour(stream: Stream, environment: Environment): boolean {
  return canMoveCursor(stream, environment) && (environment.NO_COLOR ?? '') === '';
}
