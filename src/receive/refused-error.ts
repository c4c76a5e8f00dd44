export type RefusalWhy = 'nobody-connected' | 'no-port' | 'not-resumed';

/** The client's fault or our limit: answered with this FTP reply, nothing lost, no stack. The text is fixed, it never repeats what was sent. */
export class RefusedError extends Error {
  readonly code: number;
  /** For the operator, when the code can mean more than one thing. */
  readonly why: RefusalWhy | null;

  constructor(code: number, text: string, options?: ErrorOptions & { why?: RefusalWhy }) {
    super(text, options);
    this.name = 'RefusedError';
    this.code = code;
    this.why = options?.why ?? null;
  }
}
