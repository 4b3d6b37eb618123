// What a server sends instead of a completion.
import type { ServerResponse } from 'node:http'
import type { Body } from './hostile-completion.ts'
import type { Behaviour } from './hostile-plan.ts'

const fail = (response: ServerResponse, status: number, error: Body, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ error }))
}

/** 429, with what the headers say on when to come back. */
export const refuse = (response: ServerResponse, headers: Record<string, string>): void =>
  fail(response, 429, { message: 'Rate limit reached', type: 'requests', code: 'rate_limit_exceeded' }, headers)

/** Answers that are no completion; false where the behaviour is one. */
export function answeredOtherwise(
  behaviour: Behaviour,
  model: string,
  retryAfterMs: number,
  response: ServerResponse,
): boolean {
  const seconds = Math.ceil(retryAfterMs / 1000)
  const invalid = { type: 'invalid_request_error', param: null }
  if (behaviour === 'drop-before-headers') response.socket?.resetAndDestroy()
  else if (behaviour === 'rate-limit') refuse(response, {})
  else if (behaviour === 'rate-limit-seconds') refuse(response, { 'retry-after': String(seconds) })
  else if (behaviour === 'rate-limit-ms') refuse(response, { 'retry-after-ms': String(retryAfterMs) })
  else if (behaviour === 'rate-limit-date') {
    const date = new Date(Date.now() + seconds * 1000 + 999)
    refuse(response, { 'retry-after': date.toUTCString() })
  } else if (behaviour === 'quota')
    fail(response, 429, {
      message: 'You exceeded your current quota',
      type: 'insufficient_quota',
      code: 'insufficient_quota',
    })
  else if (behaviour === 'server-error')
    fail(response, 500, { message: 'The server had an error', type: 'server_error' })
  else if (behaviour === 'overloaded') fail(response, 503, { message: 'Overloaded', type: 'overloaded_error' })
  else if (behaviour === 'bad-gateway')
    response.writeHead(502, { 'content-type': 'text/html' }).end('<html><h1>502 Bad Gateway</h1></html>')
  else if (behaviour === 'unauthorized')
    fail(response, 401, {
      ...invalid,
      // Some servers do repeat it.
      message: `Incorrect API key provided: ${response.req.headers.authorization?.replace('Bearer ', '') ?? 'none'}`,
      code: 'invalid_api_key',
    })
  else if (behaviour === 'unknown-model')
    fail(response, 404, { ...invalid, message: `The model ${model} does not exist`, code: 'model_not_found' })
  else if (behaviour === 'context-length') {
    const message = 'This model’s maximum context length is 128 tokens'
    fail(response, 400, { ...invalid, message, code: 'context_length_exceeded' })
  } else if (behaviour === 'content-filter')
    fail(response, 400, { ...invalid, message: 'The prompt was filtered', code: 'content_filter' })
  else return false
  return true
}
