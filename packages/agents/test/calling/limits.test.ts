// Limits are held exactly, at their bounds, by any mixture of calls, and nobody waits for ever.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChatFailure, type RateLimits } from '@mixlab/agents'
import { agentOf, callerOf, callOf, chatModel, reply } from './models.ts'
import { VirtualClock } from './virtual-clock.ts'

/** The most that any window of a minute held, wherever it begins. */
function worstMinute(events: readonly { readonly at: number; readonly amount: number }[]): number {
  let worst = 0
  for (const { at: end } of events) {
    let sum = 0
    for (const { at, amount } of events) if (at > end - 60_000 && at <= end) sum += amount
    worst = Math.max(worst, sum)
  }
  return worst
}

test('concurrency, requests and tokens a minute are never passed, and are used to the full', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        perProvider: fc.integer({ min: 1, max: 6 }),
        perModel: fc.integer({ min: 1, max: 4 }),
        requests: fc.integer({ min: 1, max: 20 }),
        tokens: fc.integer({ min: 600, max: 3000 }),
        calls: fc.array(
          fc.record({
            model: fc.constantFrom('a', 'b'),
            ms: fc.integer({ min: 0, max: 30_000 }),
            delay: fc.integer({ min: 0, max: 50_000 }),
          }),
          { minLength: 1, maxLength: 40 },
        ),
      }),
      async ({ perProvider, perModel, requests, tokens, calls }) => {
        const clock = new VirtualClock()
        const started = { a: [] as { at: number; amount: number }[], b: [] as { at: number; amount: number }[] }
        const active = { a: 0, b: 0 }
        let [mostTogether, mostOfA] = [0, 0]
        const modelOf = (name: 'a' | 'b') =>
          chatModel(
            {
              async generate(request) {
                active[name]++
                mostTogether = Math.max(mostTogether, active.a + active.b)
                mostOfA = Math.max(mostOfA, active.a)
                started[name].push({ at: clock.now(), amount: 480 })
                await clock.sleep(Number(request.messages[0]!.content.split(' ')[1]))
                active[name]--
                return reply('x', { usage: { inputTokens: 80, outputTokens: 400 } })
              },
            },
            { model: name },
          )
        await using caller = callerOf(
          [
            agentOf('a', modelOf('a'), {
              limits: { concurrency: perModel, requestsPerMinute: requests, tokensPerMinute: tokens },
            }),
            agentOf('b', modelOf('b')),
          ],
          { clock, concurrency: perProvider },
        )
        const outcomes = await clock.run(
          Promise.all(
            calls.map(async ({ model, ms, delay }, i) => {
              await clock.sleep(delay)
              const request = { messages: [{ role: 'user' as const, content: `${i} ${ms}` }], maxTokens: 490 }
              return await caller.call(callOf(`q${i}/s`, '', { agent: model, request }))
            }),
          ),
        )
        expect(outcomes.every((outcome) => outcome.ok)).toBe(true)
        expect(mostTogether).toBeLessThanOrEqual(perProvider)
        expect(mostOfA).toBeLessThanOrEqual(perModel)
        const requestsOfA = started.a.map(({ at }) => ({ at, amount: 1 }))
        expect(worstMinute(requestsOfA)).toBeLessThanOrEqual(requests)
        expect(worstMinute(started.a)).toBeLessThanOrEqual(tokens)
      },
    ),
    { numRuns: 60 },
  )
})

test('what the limits allow is done: ten calls of a second, two at once, take five seconds', async () => {
  const clock = new VirtualClock()
  const model = chatModel({ generate: async () => (await clock.sleep(1000), reply('x')) })
  await using caller = callerOf([agentOf('a', model, { limits: { concurrency: 2 } })], { clock })
  const begun = clock.now()
  const outcomes = await clock.run(
    Promise.all(Array.from({ length: 10 }, (_, i) => caller.call(callOf(`q${i}/s`, `${i}`)))),
  )
  expect(clock.now() - begun).toBe(5000)
  // First come, first served; the time in the queue is told apart.
  expect(outcomes.map(({ timing }) => timing.queuedMs)).toEqual([0, 0, 1000, 1000, 2000, 2000, 3000, 3000, 4000, 4000])
  expect(outcomes.every(({ timing }) => timing.durationMs === 1000)).toBe(true)
})

test('a provider’s places go to its models in turn', async () => {
  const clock = new VirtualClock()
  const order: string[] = []
  const modelOf = (name: string) =>
    chatModel(
      {
        async generate() {
          order.push(name)
          await clock.sleep(1000)
          return reply('x')
        },
      },
      { model: name },
    )
  await using caller = callerOf([agentOf('a', modelOf('a')), agentOf('b', modelOf('b'))], { clock, concurrency: 1 })
  const many = Array.from({ length: 50 }, (_, i) => caller.call(callOf(`q${i}/s`, `${i}`)))
  const few = [0, 1, 2].map((i) => caller.call(callOf(`r${i}/s`, `${i}`, { agent: 'b' })))
  await clock.run(Promise.all([...many, ...few]))
  // The short queue is done within twice its length, not after fifty.
  expect(order.slice(0, 8).filter((name) => name === 'b')).toHaveLength(3)
})

/** A server with fixed windows, each begun by its first request: so many in each, told in headers, 429 beyond. */
function windowedServer(clock: VirtualClock, limit: number, windowMs: number, delayMs: () => number) {
  let ends = 0
  let left = 0
  const server = { refused: 0, windows: 0 }
  const model = chatModel({
    async generate(_request, { onRateLimits }) {
      await clock.sleep(delayMs())
      if (clock.now() >= ends) {
        ends = clock.now() + windowMs
        left = limit
        server.windows++
      }
      const ok = left > 0
      if (ok) left--
      else server.refused++
      const told: RateLimits = { requestsLimit: limit, requestsLeft: left, requestsResetMs: ends - clock.now() }
      await clock.sleep(delayMs())
      onRateLimits?.(told)
      if (!ok) throw new ChatFailure('rate-limit', '429', { status: 429 })
      await clock.sleep(delayMs())
      return reply('x')
    },
  })
  return { server, model }
}

test('limits learnt from headers: no request is turned away, in whatever order requests and replies arrive', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 0, max: 8 }),
      fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 50 }),
      fc.array(fc.integer({ min: 0, max: 9000 }), { minLength: 1, maxLength: 60 }),
      async (concurrency, more, delays, starts) => {
        const clock = new VirtualClock()
        let next = 0
        const { server, model } = windowedServer(clock, concurrency + more, 5000, () => delays[next++ % delays.length]!)
        await using caller = callerOf([agentOf('a', model)], { clock, concurrency })
        const begun = clock.now()
        const outcomes = await clock.run(
          Promise.all(
            starts.map(async (ms, i) => {
              await clock.sleep(ms)
              return await caller.call(callOf(`q${i}/s`, `${i}`))
            }),
          ),
        )
        expect(outcomes.every(({ ok }) => ok)).toBe(true)
        expect(server.refused).toBe(0)
        // Nor does anybody wait for long in vain: for each of its windows perhaps one more, and the delays on the way.
        const inTurn = Math.ceil(starts.length / concurrency)
        const windows = Math.ceil((2 * starts.length) / (concurrency + more))
        expect(clock.now() - begun).toBeLessThan(15_000 + 9000 * inTurn + 11_000 * windows)
      },
    ),
    { numRuns: 300 },
  )
})

test('a provider that only says 429 is approached: nothing is lost at sixteen times its concurrency', async () => {
  const clock = new VirtualClock()
  let active = 0
  let refused = 0
  const model = chatModel({
    async generate() {
      if (active >= 4) {
        refused++
        throw new ChatFailure('rate-limit', '429', { status: 429 })
      }
      active++
      await clock.sleep(500)
      active--
      return reply('x')
    },
  })
  await using caller = callerOf([agentOf('a', model)], { clock, concurrency: 64 })
  const outcomes = await clock.run(
    Promise.all(Array.from({ length: 400 }, (_, i) => caller.call(callOf(`q${i}/s`, `${i}`)))),
  )
  expect(outcomes.filter(({ ok }) => !ok)).toEqual([])
  // 60 of the first 64, then a few each time it tries one more.
  expect(refused).toBeLessThan(200)
})

test('a limit of the day is not waited for in silence', async () => {
  const clock = new VirtualClock()
  const model = chatModel({
    async generate(_request, { onRateLimits }) {
      onRateLimits?.({ requestsLeft: 0, requestsResetMs: 86_400_000 })
      return reply('x')
    },
  })
  await using caller = callerOf([agentOf('a', model)], { clock })
  const begun = clock.now()
  for (const i of [1, 2]) await clock.run(caller.call(callOf(`q${i}/s`, `${i}`)))
  expect(clock.now() - begun).toBe(60_000)
})
