/** Why a stream of a camera is over. */
export type StreamEnd =
  /** No connection, or no answer. */
  | 'unreachable'
  /** A log-in, or an answer that says no. */
  | 'refused'
  /** It sent us to another address; nothing goes there. */
  | 'redirect'
  /** Its certificate is not the one that was expected. */
  | 'certificate'
  /** What it sends makes no sense, or offers no video that we can take. */
  | 'malformed'
  /** More than its bit rate may be. */
  | 'flood'
  | 'disconnected'
  | 'stalled'
  /** Its media time jumped. */
  | 'jumped'
  /** What it sends has another form now. */
  | 'changed'
  /** Not the camera's fault: our ffmpeg is not there, was killed or gave up. */
  | 'ffmpeg'
  | 'stopped';

/** The message is for the owner of the camera, and never holds a password. */
export class StreamError extends Error {
  override readonly name = 'StreamError';
  readonly end: StreamEnd;

  constructor(end: StreamEnd, message: string, options?: ErrorOptions) {
    super(message, options);
    this.end = end;
  }
}
