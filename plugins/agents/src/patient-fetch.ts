// fetch that waits as long as its signal lets it. Node's own gives up when a reply takes five minutes to begin, or pauses
// for five; reasoning models do both. The limit is the dispatcher's, and Node shows its class only through the one that
// fetch uses: another of that class is made without the limits. (Depending on `undici` would bring a second copy of it.)
import { ChatFailure } from '@mixlab/agents'
import { withoutSecrets } from './provider-errors.ts'

type Dispatcher = NonNullable<RequestInit['dispatcher']>
type DispatcherClass = new (options: { headersTimeout: number; bodyTimeout: number }) => Dispatcher

let dispatcher: Dispatcher | undefined

/** Undefined where the process has put something of its own in the place of fetch's dispatcher: that is left alone. */
function patientDispatcher(): Dispatcher | undefined {
  if (dispatcher !== undefined) return dispatcher
  void Headers // Node loads its fetch, and with it the dispatcher, at the first use of one of its names.
  const usual: unknown = Reflect.get(globalThis, Symbol.for('undici.globalDispatcher.1'))
  if (typeof usual !== 'object' || usual === null) return undefined
  if (!['Agent', 'EnvHttpProxyAgent'].includes(usual.constructor.name)) return undefined
  dispatcher = new (usual.constructor as DispatcherClass)({ headersTimeout: 0, bodyTimeout: 0 })
  return dispatcher
}

export const patientFetch: typeof fetch = (input, init) => {
  const patient = patientDispatcher()
  return fetch(input, { ...init, ...(patient !== undefined && { dispatcher: patient }) })
}

/** Codes and words of a chain of causes: fetch says only that it failed, and why lies below. */
function causes(error: unknown): string[] {
  const lines: string[] = []
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
    lines.push(cause.message.includes(code) ? cause.message : `${code} ${cause.message}`)
    // Happy Eyeballs: one error for each address, and no words of its own.
    if (cause instanceof AggregateError && cause.message === '') lines.push(...causes(cause.errors[0]))
  }
  return lines.filter((line) => line.trim() !== '')
}

/** What fetch, or reading its body, threw. */
export function failureOfFetch(provider: string, error: unknown, secrets: readonly string[]): ChatFailure {
  const lines = causes(error)
  const why = lines.findLast((line) => line.trim() !== '') ?? String(error)
  const timeout = lines.some((line) => /UND_ERR_(HEADERS|BODY)_TIMEOUT/.test(line))
  return new ChatFailure(timeout ? 'timeout' : 'connection', `${provider}: ${withoutSecrets(why, secrets)}`, {
    cause: error,
  })
}
