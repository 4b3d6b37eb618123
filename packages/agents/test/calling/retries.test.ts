// Which failures are tried again, how often and when.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChatFailure, type FailureKind, failureKinds } from '@mixlab/agents'
import { agentOf, callerOf, callOf, chatModel, lastText, reply } from './models.ts'
import { VirtualClock } from './virtual-clock.ts'

const retryable = ['rate-limit', 'overloaded', 'server', 'connection', 'timeout', 'truncated', 'malformed']

async function timesOfTries(kind: FailureKind, failing: number, retryAfterMs?: number, rngText = 'hello') {
  const clock = new VirtualClock()
  const at: number[] = []
  const model = chatModel({
    async generate() {
      at.push(clock.now())
      if (at.length <= failing)
        throw new ChatFailure(kind, `failed ${at.length}`, retryAfterMs === undefined ? {} : { retryAfterMs })
      return reply('at last')
    },
  })
  await using caller = callerOf([agentOf('a', model)], {
    clock,
    retries: { max: 4, firstWaitSeconds: 2, longestWaitSeconds: 10 },
  })
  const outcome = await clock.run(caller.call(callOf('q/s', rngText)))
  return { outcome, at, waits: at.slice(1).map((time, i) => time - at[i]!) }
}

test('waits double from the first one, half of it at random, up to the longest', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string(), async (text) => {
      const { waits, outcome } = await timesOfTries('server', 4, undefined, text)
      expect(outcome).toMatchObject({ ok: true, attempts: 5 })
      for (const [i, longest] of [2000, 4000, 8000, 10_000].entries()) {
        expect(waits[i]).toBeGreaterThanOrEqual(longest / 2)
        expect(waits[i]).toBeLessThanOrEqual(longest)
      }
    }),
    { numRuns: 50 },
  )
})

test('calls that failed together come back apart', async () => {
  const firsts = await Promise.all(
    ['a', 'b', 'c', 'd'].map(async (text) => (await timesOfTries('server', 1, undefined, text)).waits[0]),
  )
  expect(new Set(firsts).size).toBe(4)
})

test('retry-after is waited for, never less, and capped', async () => {
  const { waits } = await timesOfTries('rate-limit', 2, 3000)
  for (const wait of waits) {
    expect(wait).toBeGreaterThanOrEqual(3000)
    expect(wait).toBeLessThanOrEqual(3300)
  }
  expect((await timesOfTries('overloaded', 1, 3_600_000)).waits).toEqual([10_000])
})

test('a retry-after holds everybody of that model back', async () => {
  const clock = new VirtualClock()
  const at: number[] = []
  const model = chatModel({
    async generate() {
      at.push(clock.now())
      if (at.length === 1) throw new ChatFailure('rate-limit', '429', { retryAfterMs: 5000 })
      return reply('x')
    },
  })
  await using caller = callerOf([agentOf('a', model)], { clock, concurrency: 1 })
  await clock.run(Promise.all([caller.call(callOf('q1/s', '1')), caller.call(callOf('q2/s', '2'))]))
  expect(at).toHaveLength(3)
  expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(5000)
})

test.each(failureKinds)(
  '%s: tried again only where that may help, and the last failure is the outcome',
  async (kind) => {
    const { outcome, at } = await timesOfTries(kind, 99)
    expect(at).toHaveLength(retryable.includes(kind) ? 5 : 1)
    expect(outcome).toMatchObject({ ok: false, attempts: at.length, failure: { kind, message: `failed ${at.length}` } })
  },
)

test('a model that throws something else has a defect, which is not hidden', async () => {
  const clock = new VirtualClock()
  const model = chatModel({ generate: () => Promise.reject(new TypeError('undefined is not a function')) })
  await using caller = callerOf([agentOf('a', model)], { clock })
  await expect(clock.run(caller.call(callOf('q/s', 'x')))).rejects.toThrow(TypeError)
  expect(caller.totals()).toMatchObject({ active: 0, queued: 0 })
})

test('a model that draws here draws anew in each try, and the same for a call whatever came before it', async () => {
  const draws = async (texts: readonly string[], more = 0) => {
    const clock = new VirtualClock()
    const drawn: Record<string, number[]> = {}
    const model = chatModel({
      async generate(request, { rng }) {
        const tries = (drawn[lastText(request)] ??= [])
        tries.push(rng!.uniform())
        for (let i = 0; i < more; i++) rng!.uniform()
        if (tries.length < 3) throw new ChatFailure('server', '500')
        return reply('x')
      },
    })
    await using caller = callerOf([agentOf('a', model)], { clock })
    for (const text of texts) await clock.run(caller.call(callOf(`q/${text}`, text)))
    return drawn
  }
  const one = await draws(['a', 'b'])
  expect(new Set([...one['a']!, ...one['b']!]).size).toBe(6)
  expect(await draws(['b', 'a'])).toEqual(one)
  // Nor does it matter how much a try had drawn when it failed.
  expect(await draws(['a', 'b'], 7)).toEqual(one)
})
