// How a completion is sent: whole or as a stream, to its end or as the behaviour has it.
import type { ServerResponse } from 'node:http'
import { type Body, type Completion, logProbability } from './hostile-completion.ts'
import type { LogEntry } from './hostile-server.ts'

/** Ends a wait when the client has gone. */
export class Gone extends Error {}

export interface Sending {
  readonly entry: LogEntry
  readonly body: Body
  readonly completion: Completion
  readonly response: ServerResponse
  readonly tokenMs: number
  readonly slowMs: number
  /** @throws Gone once the client has gone */
  wait(ms: number): Promise<void>
}

/** Ends in good order, without what should have come. */
const breakOff = (response: ServerResponse, last = ''): false => {
  response.end(last)
  return false
}

const reset = (response: ServerResponse): false => {
  response.socket?.resetAndDestroy()
  return false
}

/** Longer than any test. */
const forever = 2 ** 31 - 1

const flush = async (response: ServerResponse, text: string): Promise<void> => {
  if (response.write(text) || response.destroyed) return
  await new Promise<void>((resolve) => {
    response.once('drain', resolve).once('close', resolve)
  })
}

const headOf = (entry: LogEntry, object: string): Body => ({
  id: `chatcmpl-${entry.key}`,
  object,
  created: 1_700_000_000,
  model: `${entry.model}-2026-01-01`,
  system_fingerprint: 'fp_hostile',
})

/** In one piece. True when all of it was sent. */
export async function sendWhole(sending: Sending): Promise<boolean> {
  const { entry, body, completion, response, tokenMs, slowMs, wait } = sending
  const { behaviour } = entry
  const { reasoning, tokens, finishReason, usage } = completion
  await wait(tokenMs * tokens.length)
  const message = {
    role: 'assistant',
    content: tokens.join(''),
    ...(reasoning.length > 0 && { reasoning_content: reasoning.join('') }),
    refusal: null,
  }
  const alternatives = Number(body['top_logprobs'] ?? 0)
  const logprobs = body['logprobs'] === true && {
    content: tokens.map((token) => logProbability(token, alternatives)),
  }
  const choice = { index: 0, message, ...(logprobs && { logprobs }), finish_reason: finishReason }
  const json = JSON.stringify({ ...headOf(entry, 'chat.completion'), choices: [choice], usage })
  const half = json.slice(0, json.length / 2)
  response.writeHead(200, { 'content-type': 'application/json' })
  if (behaviour === 'malformed-json' || behaviour === 'truncated' || behaviour === 'truncated-chunk')
    return breakOff(response, half)
  if (behaviour === 'malformed-shape') return breakOff(response, '{"hello": "world"}')
  if (behaviour === 'error-in-stream')
    return breakOff(response, JSON.stringify({ error: { message: 'Upstream failed', code: 502 } }))
  if (behaviour === 'endless') {
    response.write(half.slice(0, half.indexOf('"content"')) + '"content":"')
    for (;;) {
      await flush(response, 'more and '.repeat(1000))
      entry.tokensSent += 2000
      await wait(1)
    }
  }
  if (behaviour !== 'reply' && behaviour !== 'slow-first-token') {
    response.write(half)
    if (behaviour === 'drop-mid-stream') {
      await wait(5)
      return reset(response)
    }
    await wait(behaviour === 'hang' ? forever : slowMs)
    response.write(json.slice(half.length))
  } else response.write(json)
  entry.tokensSent = tokens.length
  return true
}

/** As server-sent events. True when all of it was sent. */
export async function sendStream(sending: Sending): Promise<boolean> {
  const { entry, body, completion, response, tokenMs, slowMs, wait } = sending
  const { reasoning, tokens, finishReason, usage } = completion
  const { behaviour } = entry
  const head = headOf(entry, 'chat.completion.chunk')
  const event = (data: Body): string => `data: ${JSON.stringify(data)}\n\n`
  const chunk = (delta: Body, more: Body = {}): Body => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason: null, ...more }],
  })
  const alternatives = Number(body['top_logprobs'] ?? 0)
  const tokenChunk = (token: string): Body =>
    chunk(
      { content: token },
      body['logprobs'] === true ? { logprobs: { content: [logProbability(token, alternatives)] } } : {},
    )
  /** False where the reply ends there. */
  const atMiddle = async (token: string): Promise<boolean> => {
    if (behaviour === 'truncated') return breakOff(response)
    if (behaviour === 'truncated-chunk') return breakOff(response, event(tokenChunk(token)).slice(0, -20))
    if (behaviour === 'malformed-json') return breakOff(response, 'data: {"choices": [{"delta": nonsense}]}\n\n')
    if (behaviour === 'error-in-stream') {
      const error = { message: 'Upstream failed', type: 'server_error', code: 502 }
      return breakOff(response, event({ error }))
    }
    if (behaviour === 'drop-mid-stream') {
      // What was written goes out before the reset.
      await wait(5)
      return reset(response)
    }
    if (behaviour === 'stall') await wait(slowMs)
    if (behaviour === 'hang') await wait(forever)
    while (behaviour === 'endless') {
      await flush(response, event(chunk({ content: ' and more' })).repeat(100))
      entry.tokensSent += 200
      await wait(1)
    }
    return true
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  response.write(event(chunk({ role: 'assistant', content: '' })))
  if (behaviour === 'slow-after-headers') await wait(slowMs)
  if (behaviour === 'malformed-shape') return breakOff(response, 'data: {"hello": "world"}\n\ndata: [DONE]\n\n')
  for (const token of reasoning) response.write(event(chunk({ reasoning_content: token })))
  const middle = Math.floor(tokens.length / 2)
  for (const [n, token] of tokens.entries()) {
    if (n === middle && !(await atMiddle(token))) return false
    if (tokenMs > 0 && n > 0) await wait(tokenMs)
    response.write(event(tokenChunk(token)))
    entry.tokensSent++
  }
  response.write(event(chunk({}, { finish_reason: finishReason })))
  const { include_usage: wantsUsage } = (body['stream_options'] ?? {}) as Body
  if (wantsUsage === true) response.write(event({ ...head, choices: [], usage }))
  response.write('data: [DONE]\n\n')
  return true
}
