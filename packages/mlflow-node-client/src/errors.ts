// The client's one error type: a single line that says what was asked of which address, what came back and what to do.
// Nothing secret gets into a message: addresses are shown without their credentials and their query strings.

const marker = Symbol.for('mlflow-node-client.error')

/** What the client itself reports, beside the server's own codes. */
export type ClientErrorCode =
  /** A name, value or option was refused before anything was sent. */
  | 'INVALID_ARGUMENT'
  /** No connection, or it broke. */
  | 'CONNECTION_FAILED'
  /** Nothing was received for longer than the time limit. */
  | 'TIMEOUT'
  /** The answer was not MLflow's: a page of a proxy, a truncated body. */
  | 'INVALID_RESPONSE'

export interface MlflowErrorOptions {
  readonly status?: number | undefined
  readonly url?: string | undefined
  readonly attempts?: number | undefined
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

export class MlflowError extends Error {
  readonly [marker] = true
  /** The server's `error_code` (`RESOURCE_DOES_NOT_EXIST`, `INVALID_PARAMETER_VALUE`, …) or a {@link ClientErrorCode}. */
  readonly errorCode: ClientErrorCode | (string & {})
  /** The HTTP status; absent where no answer came. */
  readonly status: number | undefined
  /** The address, without credentials and query string. */
  readonly url: string | undefined
  /** How often the request was sent. */
  readonly attempts: number
  /** What the server asked to wait before another attempt, where it did. */
  readonly retryAfterMs: number | undefined

  constructor(errorCode: ClientErrorCode | (string & {}), message: string, options: MlflowErrorOptions = {}) {
    super(oneLine(message), options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'MlflowError'
    this.errorCode = errorCode
    this.status = options.status
    this.url = options.url
    this.attempts = options.attempts ?? 0
    this.retryAfterMs = options.retryAfterMs
  }

  /** Recognises the error across duplicated copies of this package, where `instanceof` fails. */
  static is(error: unknown): error is MlflowError {
    return typeof error === 'object' && error !== null && marker in error
  }
}

export const invalid = (message: string): MlflowError => new MlflowError('INVALID_ARGUMENT', message)

/** An address as messages may show it: presigned ones carry their signature in the query string. */
export const shownUrl = (url: URL): string => `${url.protocol}//${url.host}${url.pathname}`

const longest = 600

const oneLine = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`
}

/** What to do about an HTTP status, where the status says it. */
export const remedy = (status: number): string => {
  switch (status) {
    case 401:
      return ' Check the user name and password (MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD) or the token (MLFLOW_TRACKING_TOKEN).'
    case 403:
      return ' The server knows the user and forbids this; ask its administrator for permission.'
    case 413:
      return ' Something in front of the server limits the size of a request; raise its limit.'
    case 429:
      return ' The server limits the rate of requests; send less, or raise `retries`.'
    default:
      return ''
  }
}
