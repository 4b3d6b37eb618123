// The AI SDK's errors → kinds of failures. They are told by their markers, which survive duplicated copies of the SDK. None
// is kept as a cause: an APICallError carries the request, headers included.
import { ChatFailure } from '@mixlab/agents'
import { failureOfFetch } from './patient-fetch.ts'
import { failureOfError, failureOfResponse, withoutSecrets } from './provider-errors.ts'

interface ApiCallError extends Error {
  readonly statusCode?: number
  readonly responseHeaders?: Readonly<Record<string, string>>
  readonly responseBody?: string
}

const is = (error: unknown, name: string): boolean =>
  typeof error === 'object' && error !== null && Symbol.for(`vercel.ai.error.AI_${name}`) in error

const isOneOf = (error: unknown, ...names: readonly string[]): boolean => names.some((name) => is(error, name))

/** Network faults come as fetch's TypeError, bare or as a cause. */
const isNetwork = (error: unknown): boolean =>
  error instanceof Error &&
  ((error instanceof TypeError && /fetch failed|terminated|network/i.test(error.message)) ||
    ('code' in error && typeof error.code === 'string' && /^(E[A-Z]+|UND_ERR_\w+)$/.test(error.code)) ||
    isNetwork(error.cause))

const errorObject = (body: string | undefined): unknown => {
  try {
    const parsed: unknown = JSON.parse(body ?? '')
    return typeof parsed === 'object' && parsed !== null && 'error' in parsed ? parsed : undefined
  } catch {
    return undefined
  }
}

const bare = (failure: ChatFailure): ChatFailure => {
  const { kind, message, status, retryAfterMs } = failure
  return new ChatFailure(kind, message, {
    ...(status !== undefined && { status }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

/** What a model of the AI SDK threw, or sent as a stream's part `error`. */
export function failureOfAiSdk(provider: string, error: unknown, secrets: readonly string[]): ChatFailure {
  if (ChatFailure.is(error)) return error
  if (!(error instanceof Error) && !is(error, 'APICallError')) return failureOfError(provider, { error }, secrets)
  const { message, cause } = error as Error
  const fails = (kind: ChatFailure['kind']): ChatFailure =>
    new ChatFailure(kind, `${provider}: ${withoutSecrets(message, secrets)}`)
  if (is(error, 'APICallError')) {
    const { statusCode: status, responseHeaders = {}, responseBody: body } = error as ApiCallError
    if (status !== undefined && status >= 300)
      return failureOfResponse({
        provider,
        status,
        headers: new Headers(responseHeaders),
        body: body === undefined || body === '' ? message : body,
        secrets,
      })
    if (isNetwork(cause)) return bare(failureOfFetch(provider, cause, secrets))
    const inside = errorObject(body)
    if (inside !== undefined) return failureOfError(provider, inside, secrets)
    return fails(status === undefined ? 'connection' : 'malformed')
  }
  // The stream's own end, without a reason to end.
  if (is(error, 'InvalidResponseDataError') && /ended|finish reason/i.test(message)) return fails('truncated')
  if (isOneOf(error, 'InvalidResponseDataError', 'JSONParseError', 'TypeValidationError', 'EmptyResponseBodyError'))
    return fails('malformed')
  if (isOneOf(error, 'LoadAPIKeyError', 'LoadSettingError')) return fails('authentication')
  if (is(error, 'NoSuchModelError')) return fails('unknown-model')
  if (isOneOf(error, 'UnsupportedFunctionalityError', 'InvalidPromptError', 'InvalidArgumentError'))
    return fails('invalid-request')
  return isNetwork(error) ? bare(failureOfFetch(provider, error, secrets)) : fails('server')
}
