// A provider's error → the kind of failure, and a short line without secrets. Providers agree on little: the status decides
// unless the error's own code or words are clearer (a quota that is used up comes as 429, a prompt that is too long as 400,
// an error in the middle of a stream with no status at all).
import { ChatFailure, type FailureKind } from '@mixlab/agents'
import { retryAfter } from './rate-limit-headers.ts'

const messageLength = 300

/** Whatever looks like the key of a known provider, beside the keys that are known to be in use. */
const keyLike = /\b(?:sk-|gsk_|xai-|hf_|AIza|Bearer\s+)[\w.*-]{6,}/g

/** One short line without the secrets. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const clean = secrets.reduce((rest, secret) => (secret === '' ? rest : rest.replaceAll(secret, '[key]')), text)
  const line = clean.replaceAll(keyLike, '[key]').replaceAll(/\s+/g, ' ').trim()
  return line.length > messageLength ? `${line.slice(0, messageLength)}…` : line
}

interface ProviderError {
  readonly message?: string
  /** Its codes and types, in lower case. */
  readonly words: string
  readonly status?: number
}

const record = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/** `{error: {message, type, code}}`, `{error: "…"}`, `{message}`, `{detail}`, and lists of such. */
export function readError(body: unknown): ProviderError {
  if (Array.isArray(body)) return readError(body[0])
  const outer = record(body)
  const inner = record(outer?.['error']) ?? outer
  const code = inner?.['code']
  const detail = inner?.['detail']
  const message =
    text(outer?.['error']) ??
    text(inner?.['message']) ??
    text(detail) ??
    (detail === undefined ? undefined : JSON.stringify(detail)) ??
    text(body)
  const words = [code, inner?.['type'], inner?.['status']].filter((word) => typeof word === 'string')
  const status = Number(typeof code === 'number' || typeof code === 'string' ? code : Number.NaN)
  return {
    ...(message !== undefined && { message }),
    words: words.join(' ').toLowerCase(),
    ...(Number.isInteger(status) && status >= 400 && status < 600 && { status }),
  }
}

/** What the error's own words say; they are clearer than the status. */
function kindByWords({ words, message = '' }: ProviderError): FailureKind | undefined {
  if (/insufficient_quota|invalid_api_key|authentication|permission/.test(words)) return 'authentication'
  if (/context_length|too_large/.test(words)) return 'invalid-request'
  if (/content_filter|content_policy|responsibleai/.test(words)) return 'content-filter'
  if (/model_not_found|model_not_available/.test(words)) return 'unknown-model'
  if (/rate_limit|resource_exhausted|too_many_requests/.test(words)) return 'rate-limit'
  if (/overloaded|unavailable/.test(words)) return 'overloaded'
  return /maximum context length|exceeds? the (available )?context/i.test(message) ? 'invalid-request' : undefined
}

function kindByStatus(status: number, { words, message = '' }: ProviderError): FailureKind {
  if (status === 429) return 'rate-limit'
  if (status === 503 || status === 529) return 'overloaded'
  if (status >= 500 || status === 409 || status === 425) return 'server'
  if (status === 408) return 'timeout'
  if (status === 403 && /moderation|flagged/i.test(message)) return 'content-filter'
  if (status === 401 || status === 402 || status === 403) return 'authentication'
  // A wrong path is a 404 too, and says nothing of a model.
  if (status === 404 && /model/i.test(`${words} ${message}`)) return 'unknown-model'
  return 'invalid-request'
}

/** In the middle of a stream there may be no status: then only the words are left. */
export const failureKind = (status: number | undefined, error: ProviderError): FailureKind => {
  const known = error.status ?? status
  const byWords = known === undefined || (known >= 400 && known < 500) || known === 200 ? kindByWords(error) : undefined
  if (byWords !== undefined) return byWords
  if (known !== undefined && known >= 300) return kindByStatus(known, error)
  return /invalid_request|bad_?request/.test(error.words) ? 'invalid-request' : 'server'
}

export interface FailedResponse {
  /** Who answered, for the message. */
  readonly provider: string
  readonly status: number
  readonly headers: Headers
  readonly body: string
  readonly secrets: readonly string[]
}

/** The failure that a response with an error status is. */
export function failureOfResponse({ provider, status, headers, body, secrets }: FailedResponse): ChatFailure {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    parsed = undefined
  }
  const error = readError(parsed)
  const wait = retryAfter(headers)
  const location = status >= 300 && status < 400 ? `a redirection to ${headers.get('location')}` : undefined
  const hint = status === 404 && !/model/i.test(body) ? ' (is the URL right? Most end in /v1)' : ''
  const message = error.message ?? location ?? body.replaceAll(/<[^>]*>/g, ' ')
  const line = withoutSecrets(message, secrets)
  return new ChatFailure(
    // The status of the response itself goes before one in its body.
    failureKind(status, { ...(error.message !== undefined && { message: error.message }), words: error.words }),
    `${provider} answered ${status}${line === '' ? '' : `: ${line}`}${hint}`,
    { status, ...(wait !== undefined && { retryAfterMs: wait }) },
  )
}

/** The failure that an error object in the middle of a reply is. */
export function failureOfError(provider: string, body: unknown, secrets: readonly string[]): ChatFailure {
  const error = readError(body)
  const line = withoutSecrets(error.message ?? JSON.stringify(body), secrets)
  return new ChatFailure(failureKind(undefined, error), `${provider} broke off: ${line}`, {
    ...(error.status !== undefined && { status: error.status }),
  })
}
