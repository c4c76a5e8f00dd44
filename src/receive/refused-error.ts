/** The client's fault or our limit: answered with this FTP reply, nothing lost, no stack. The text is fixed, it never repeats what was sent. */
export class RefusedError extends Error {
  readonly code: number;

  constructor(code: number, text: string, options?: ErrorOptions) {
    super(text, options);
    this.name = 'RefusedError';
    this.code = code;
  }
}
