// The project's one error type. A user's mistake is a MixlabError, printed as one clear line without a stack trace;
// anything else that is thrown is a defect of ours or of the user's script and keeps its stack.

const marker = Symbol.for('mixlab.error')

export interface MixlabErrorOptions {
  /** A stable identifier for programs, e.g. `unknown-plugin`. */
  readonly code?: string
  readonly cause?: unknown
}

/** An error whose message says what was wrong, what was expected and what to do. */
export class MixlabError extends Error {
  readonly [marker] = true
  readonly code: string

  constructor(message: string, options: MixlabErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'MixlabError'
    this.code = options.code ?? 'invalid-input'
  }

  /** Recognises the error across duplicated copies of this package, where `instanceof` fails. */
  static is(error: unknown): error is MixlabError {
    return typeof error === 'object' && error !== null && marker in error
  }
}

/** What a run throws to end early after Ctrl-C, its state saved. */
export const interrupted = (message = 'interrupted'): MixlabError => new MixlabError(message, { code: 'interrupted' })
