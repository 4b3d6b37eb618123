// Calls, tokens and money before a question is asked.
import { expect, test } from 'vitest'
import { aggregate, planTopology, propose, topology, vote } from '../src/index.ts'

const six = ['a', 'b', 'c', 'd', 'e', 'f']
const price = { input: 2, output: 10, currency: 'USD' }

test('by layer, step and agent', () => {
  const moa = topology('moa', propose(six), propose(six), aggregate('a'))
  const plan = planTopology(moa, { agents: {}, questionTokens: 100 })
  expect(plan.calls).toEqual({ min: 13, max: 13 })
  expect(plan.layers.map(({ calls }) => calls.max)).toEqual([6, 6, 1])
  expect(plan.agents.map(({ agent, calls }) => [agent, calls.max])).toEqual([
    ['a', 3],
    ...six.slice(1).map((name) => [name, 2]),
  ])
  expect(plan.steps.at(-1)).toMatchObject({ id: 'layer-3/aggregator', kind: 'aggregate', calls: { min: 1, max: 1 } })
  expect(plan.outputTokens).toBe(13 * 2048)
  // Each of the second and third layer reads six answers of at most 2048 tokens.
  expect(plan.inputTokens).toBeGreaterThanOrEqual(13 * 100 + 7 * 6 * 2048)
  expect(plan.inputTokens).toBeLessThan(1.05 * (13 * 100 + 7 * 6 * 2048))
  expect(plan.price).toBeUndefined()
  expect(plan.unpriced).toEqual(six)
})

test('a price bound, from the agents’ prices or a table; one unknown price and there is none', () => {
  const lite = topology('t', propose(['a', 'b']), vote())
  const agents = {
    a: { price, maxTokens: 100 },
    b: { price: { ...price, output: 30 }, maxTokens: 100, system: 'x'.repeat(300) },
  }
  const plan = planTopology(lite, { agents, questionTokens: 50 })
  expect(plan.price!.amount).toBeCloseTo((plan.inputTokens * 2 + 100 * 10 + 100 * 30) / 1e6, 12)
  expect(plan.inputTokens - 2 * 50).toBe(2 * 16 + 100)
  const partly = planTopology(lite, {
    agents,
    questionTokens: 50,
    prices: (agent) => (agent === 'a' ? price : undefined),
  })
  expect(partly.price).toBeUndefined()
  expect(partly.unpriced).toEqual(['b'])
  const mixed = planTopology(lite, { agents, questionTokens: 50, prices: (agent) => ({ ...price, currency: agent }) })
  expect(mixed.price).toBeUndefined()
})
