// The budget is never passed, whatever is under way, and is refused where it cannot be kept.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChatFailure } from '@mixlab/agents'
import { agentOf, callerOf, callOf, chatModel, reply } from './models.ts'
import { VirtualClock } from './virtual-clock.ts'

const price = { input: 3, output: 15, currency: 'USD' }

test('never passed under concurrency; and refused only what could pass it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        tokens: fc.integer({ min: 200, max: 5000 }),
        money: fc.double({ min: 3e-3, max: 6e-2, noNaN: true }),
        calls: fc.array(
          fc.record({
            maxTokens: fc.integer({ min: 1, max: 800 }),
            used: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
            ms: fc.integer({ min: 0, max: 1000 }),
            fails: fc.boolean(),
          }),
          { minLength: 1, maxLength: 30 },
        ),
        concurrency: fc.integer({ min: 1, max: 24 }),
      }),
      async ({ tokens, money, calls, concurrency }) => {
        const clock = new VirtualClock()
        let [spentTokens, spentMoney] = [0, 0]
        const model = chatModel({
          async generate(request) {
            const i = Number(request.messages[0]!.content)
            const { maxTokens, used, ms, fails } = calls[i]!
            await clock.sleep(ms)
            if (fails) throw new ChatFailure('server', '500')
            const usage = { inputTokens: 12, outputTokens: Math.floor(used * maxTokens) }
            spentTokens += usage.inputTokens + usage.outputTokens
            spentMoney += (usage.inputTokens * 3 + usage.outputTokens * 15) / 1e6
            return reply('x', { usage })
          },
        })
        await using caller = callerOf([agentOf('a', model, { price })], {
          clock,
          concurrency,
          budget: { tokens, money },
          retries: { max: 0 },
        })
        const outcomes = await clock.run(
          Promise.all(
            calls.map(({ maxTokens }, i) =>
              caller.call(
                callOf(`q${i}/s`, '', { request: { messages: [{ role: 'user', content: `${i}` }], maxTokens } }),
              ),
            ),
          ),
        )
        expect(spentTokens).toBeLessThanOrEqual(tokens)
        expect(spentMoney).toBeLessThanOrEqual(money + 1e-9)
        const { cost } = caller.totals()
        expect(cost.inputTokens + cost.outputTokens).toBe(spentTokens)
        expect(cost.billed).toBeCloseTo(spentMoney, 9)
        for (const [i, outcome] of outcomes.entries()) {
          if (outcome.ok || outcome.failure.kind !== 'budget') continue
          // At the end of the run it would still not be sure to fit.
          const { maxTokens } = calls[i]!
          const prompt = `${i}`.length + 32
          const fits =
            spentTokens + prompt + maxTokens <= tokens && spentMoney + (prompt * 3 + maxTokens * 15) / 1e6 <= money
          expect(fits).toBe(false)
          expect(outcome).toMatchObject({ attempts: 0, cost: { inputTokens: 0, billed: 0 } })
        }
      },
    ),
    { numRuns: 100 },
  )
})

test('a run of calls stops before its budget, and says why', async () => {
  const clock = new VirtualClock()
  let requests = 0
  const model = chatModel({
    async generate() {
      requests++
      return reply('x', { usage: { inputTokens: 30, outputTokens: 70 } })
    },
  })
  // A call may need 1 + 32 + 100 tokens, and uses 100.
  await using caller = callerOf([agentOf('a', model)], { clock, budget: { tokens: 1000 } })
  const outcomes = []
  for (let i = 0; i < 12; i++)
    outcomes.push(await clock.run(caller.call(callOf(`q${i}/s`, `${i % 10}`, { sample: i }))))
  expect(requests).toBe(9)
  expect(outcomes.map(({ ok }) => ok)).toEqual([...Array.from({ length: 9 }, () => true), false, false, false])
  expect(outcomes[9]).toMatchObject({
    failure: { kind: 'budget', message: 'not made: 900 of 1000 tokens are spent and it could need 133' },
  })
})

test('what an earlier part of the run spent counts', async () => {
  const clock = new VirtualClock()
  const model = chatModel({ generate: async () => reply('x') })
  await using caller = callerOf([agentOf('a', model)], {
    clock,
    budget: { tokens: 1000 },
    spent: { tokens: 900, money: 0 },
  })
  expect(await clock.run(caller.call(callOf('q/s', '1')))).toMatchObject({ ok: false, failure: { kind: 'budget' } })
})

test('tries that failed after the provider had read the prompt are charged for, each', async () => {
  const clock = new VirtualClock()
  const model = chatModel({ generate: () => new Promise(() => undefined) })
  await using caller = callerOf([agentOf('a', model, { price })], {
    clock,
    budget: { tokens: 140 },
    deadlines: { totalSeconds: 1 },
  })
  // A try may need 133 tokens; a timeout is taken to have cost its prompt, 8 of them: the second try does not fit.
  const outcome = await clock.run(caller.call(callOf('q/s', '1')))
  expect(outcome).toMatchObject({
    ok: false,
    attempts: 1,
    failure: { kind: 'budget' },
    cost: { inputTokens: 8, estimated: true },
  })
})

test('a budget of zero, or of money without a price, or without a limit of the reply, is refused in one line', async () => {
  const model = chatModel(
    { generate: async () => reply('x') },
    { provider: 'openai-compatible:localhost:8000', model: 'llama-3-8b' },
  )
  expect(() => callerOf([agentOf('a', model)], { budget: { tokens: 0 } })).toThrow(
    'calls: budget.tokens is 0, expected number > 0',
  )
  expect(() => callerOf([agentOf('weak', model)], { budget: { money: 1 } })).toThrow(
    'a budget of money needs the price of every model, and none is known of llama-3-8b at openai-compatible:localhost:8000: give agents.weak.price',
  )
  await using caller = callerOf([agentOf('a', model)], { budget: { tokens: 1000 } })
  await expect(caller.call(callOf('q/s', '1', { request: { messages: [] } }))).rejects.toThrow(
    'step s asks agent a without a limit, and a budget needs one: set agents.a.maxTokens',
  )
})
