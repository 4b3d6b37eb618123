// What a provider's headers say is left, and how long it asks to wait. OpenAI's names (also Groq's, vLLM gateways', Azure's),
// Anthropic's, and the short ones of Together and OpenRouter, which count requests.
import type { RateLimits } from '@mixlab/agents'

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of `6m0s`, `1.5s`, `20ms`, `1h2m3s`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined
  return Math.ceil(parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0))
}

const inFuture = (time: number, now: number): number => Math.max(0, Math.ceil(time - now))

/** Milliseconds from now: a duration, seconds, seconds or milliseconds since 1970, or a date. */
function parseReset(text: string | null, now: number): number | undefined {
  if (text === null || text.trim() === '') return undefined
  const value = text.trim()
  const number = Number(value)
  if (!Number.isNaN(number)) {
    if (number > 1e11) return inFuture(number, now)
    return number > 1e9 ? inFuture(number * 1000, now) : inFuture(number * 1000, 0)
  }
  const duration = parseDuration(value)
  if (duration !== undefined) return duration
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : inFuture(date, now)
}

/** How long the provider asks to wait, in milliseconds: `retry-after-ms`, or `retry-after` in seconds or as a date. */
export function retryAfter(headers: Headers, now = Date.now()): number | undefined {
  const milliseconds = headers.get('retry-after-ms')
  if (milliseconds !== null && milliseconds.trim() !== '' && Number(milliseconds) >= 0)
    return Math.ceil(Number(milliseconds))
  return parseReset(headers.get('retry-after'), now)
}

const count = (text: string | null): number | undefined => {
  const value = text === null || text.trim() === '' ? Number.NaN : Number(text)
  return Number.isFinite(value) && value >= 0 ? value : undefined
}

/** Undefined where no header says anything. */
export function rateLimitsOf(headers: Headers, now = Date.now()): RateLimits | undefined {
  const first = <T>(parse: (text: string | null) => T | undefined, ...names: readonly string[]): T | undefined => {
    for (const name of names) {
      const value = parse(headers.get(name))
      if (value !== undefined) return value
    }
    return undefined
  }
  const reset = (text: string | null): number | undefined => parseReset(text, now)
  const found = Object.entries({
    requestsLimit: first(
      count,
      'x-ratelimit-limit-requests',
      'anthropic-ratelimit-requests-limit',
      'x-ratelimit-limit',
    ),
    requestsLeft: first(
      count,
      'x-ratelimit-remaining-requests',
      'anthropic-ratelimit-requests-remaining',
      'x-ratelimit-remaining',
    ),
    requestsResetMs: first(
      reset,
      'x-ratelimit-reset-requests',
      'anthropic-ratelimit-requests-reset',
      'x-ratelimit-reset',
    ),
    tokensLimit: first(count, 'x-ratelimit-limit-tokens', 'anthropic-ratelimit-tokens-limit'),
    tokensLeft: first(count, 'x-ratelimit-remaining-tokens', 'anthropic-ratelimit-tokens-remaining'),
    tokensResetMs: first(reset, 'x-ratelimit-reset-tokens', 'anthropic-ratelimit-tokens-reset'),
  }).filter(([, value]) => value !== undefined)
  return found.length === 0 ? undefined : (Object.fromEntries(found) as RateLimits)
}
