// The hostile server as a process of its own, so that a client's processor time is its own and a killed client leaves it
// be. Its order comes as JSON in the first argument; `{ "statistics": true }` over IPC asks what it has seen.
import { always, type Behaviour, firstTries, seededPlan } from './hostile-plan.ts'
import { type HostileServerOptions, type LogEntry, startHostileServer } from './hostile-server.ts'

export interface ServerOrder {
  /** Milliseconds to the first token, uniform, by the request. */
  readonly firstTokenMs?: readonly [least: number, most: number]
  readonly tokenMs?: number
  /** Every request's first try fails this way. */
  readonly first?: Behaviour
  /** Faults at random, by the request and try: a seed, and how likely each is. */
  readonly faults?: { readonly seed: number; readonly shares: Partial<Record<Behaviour, number>> }
  /** Words of a reply. */
  readonly words?: number
}

export interface ServerStatistics {
  readonly requests: number
  /** Replies that were sent to their end. */
  readonly completed: number
  /** The largest number of whole replies to one request body. */
  readonly mostForOne: number
  readonly peak: number
  /** Milliseconds from the first request to the last answer's end. */
  readonly busyMs: number
  /** Milliseconds of all requests together. */
  readonly serviceMs: number
}

const order = JSON.parse(process.argv[2] ?? '{}') as ServerOrder
const { firstTokenMs: [least, most] = [0, 0], tokenMs = 0, words = 20, faults, first } = order

const share = (key: string): number => Number.parseInt(key.slice(0, 8), 16) / 2 ** 32

const options: HostileServerOptions = {
  firstTokenMs: (key) => least + (most - least) * share(key),
  tokenMs,
  keepBodies: false,
  answer: (_, key) => `${'a word '.repeat(Math.max(1, words / 2 - 1))}#### ${Number.parseInt(key.slice(0, 2), 16) % 5}`,
  plan: faults ? seededPlan(faults.seed, faults.shares) : first ? firstTries(first) : always('reply'),
}
await using server = await startHostileServer(options)
process.on('message', () => process.send!({ statistics: statisticsOf(server.log, server.peak) }))
process.once('disconnect', () => process.exit())
process.send!({ url: server.url })
await new Promise(() => undefined)

function statisticsOf(log: readonly LogEntry[], peak: number): ServerStatistics {
  const whole = new Map<string, number>()
  for (const { key, completed } of log) if (completed) whole.set(key, (whole.get(key) ?? 0) + 1)
  const ended = log.filter(({ endedAt }) => endedAt !== undefined)
  return {
    requests: log.length,
    completed: [...whole.values()].reduce((sum, count) => sum + count, 0),
    mostForOne: Math.max(0, ...whole.values()),
    peak,
    busyMs: Math.max(...ended.map(({ endedAt }) => endedAt!)) - Math.min(...log.map(({ startedAt }) => startedAt)),
    serviceMs: ended.reduce((sum, { startedAt, endedAt }) => sum + endedAt! - startedAt, 0),
  }
}
