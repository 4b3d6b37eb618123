// Each preset's number of calls: the paper's, the plan's and what happens are one number, for several sizes.
import { type Call, planTopology } from '@mixlab/agents'
import { RandomStream } from '@mixlab/core'
import { expect, test } from 'vitest'
import { ask, letters, preset, type Reply, router } from './ask.ts'

const exact: readonly (readonly [name: string, fields: object, agents: number, calls: number])[] = [
  ['single', {}, 6, 1],
  ['self-consistency', {}, 1, 40],
  ['self-consistency', { samples: 7 }, 3, 7],
  ['more-agents', {}, 2, 15],
  ['more-agents', { samples: 4, by: 'similarity' }, 2, 4],
  ['best-of-n', {}, 1, 6 + 1],
  // The paper's: three layers of six, six and one; two of six and one.
  ['moa', {}, 6, 13],
  ['moa-lite', {}, 6, 7],
  ['moa', { layers: 4 }, 3, 3 * 3 + 1],
  ['moa', { layers: 2, proposers: ['a', 'a', 'b'], aggregator: 'c' }, 6, 4],
  ['self-moa', {}, 1, 7],
  ['self-moa-seq', {}, 1, 6 + 3],
  ['self-moa-seq', { samples: 10, window: 4 }, 1, 10 + 3],
  ['self-moa-seq', { samples: 3, window: 6 }, 1, 3 + 1],
  ['debate', {}, 6, 6],
  ['debate', { rounds: 3, agents: ['a', 'b', 'c', 'd'] }, 6, 12],
  ['llm-blender', {}, 6, 6 + 30 + 1],
  ['llm-blender', { top: 1 }, 2, 2 + 2 + 1],
  ['route-llm', {}, 2, 1],
  ['route-moa', {}, 6, 3 + 1 + 1],
  ['route-moa', { choices: 5 }, 4, 4 + 1 + 1],
  ['archon', {}, 6, 6 + 6 + 30 + 1],
  [
    'archon',
    { layers: [{ type: 'generator', samples: 3 }, { type: 'fuser', agents: ['a', 'b'] }, { type: 'fuser' }] },
    2,
    6 + 2 + 1,
  ],
]

test.each(exact)('%s %j of %i agents: %i calls, planned and made', async (name, fields, agents, calls) => {
  const made = preset(name, fields, letters(agents))
  const plan = planTopology(made, { agents: {}, questionTokens: 10 })
  expect(plan.calls).toEqual({ min: calls, max: calls })
  const { calls: sent, result } = await ask(made, ({ id }) => `<${id}>`)
  expect(sent.length).toBe(calls)
  expect(result.calls.length).toBe(calls)
  expect(result.failure).toBeUndefined()
  expect(new Set(sent.map(({ id }) => id)).size).toBe(calls)
  // By layer, step and agent the plan adds up to the same.
  for (const part of [plan.layers, plan.steps])
    expect(part.reduce((sum, { calls: { max } }) => sum + max, 0)).toBe(calls)
  const made_ = (agent: string) => sent.filter((call) => call.agent === agent).length
  for (const { agent, calls: planned } of plan.agents) {
    expect(made_(agent)).toBeGreaterThanOrEqual(planned.min)
    expect(made_(agent)).toBeLessThanOrEqual(planned.max)
  }
})

const alike = (): Reply => 'the same words'
/** A word of its own for each call. */
const unlike = ({ id }: Pick<Call, 'id'>): Reply => {
  const rng = new RandomStream(1, id)
  return Array.from({ length: 12 }, () => letters(16)[rng.integer(16)]).join('')
}

/** Least and most calls, and replies that lead to them. */
const bounded: readonly (readonly [
  name: string,
  fields: object,
  agents: number,
  least: number,
  fewest: (call: Call) => Reply,
  most: number,
  longest: (call: Call) => Reply,
])[] = [
  ['smoa', {}, 6, 8, ({ step }) => (step.endsWith('moderator') ? '{"chosen": [1], "end": true}' : 'x'), 15, () => 'x'],
  [
    'smoa',
    { rounds: 3, keep: 1 },
    2,
    4,
    ({ step }) => (step.endsWith('moderator') ? '{"chosen": [2], "end": true}' : 'x'),
    10,
    () => 'x',
  ],
  ['rmoa', { layers: 1 }, 6, 7, unlike, 7, unlike],
  ['attention-moa', { layers: 1 }, 3, 3 + 9 + 3 + 1, unlike, 16, unlike],
  ['tree-moa', {}, 3, 7, alike, 13, unlike],
  ['tree-moa', { branching: 2, depth: 3 }, 3, 15, alike, 15, unlike],
  ['frugal-gpt', {}, 3, 3, alike, 3 + 3 + 1, unlike],
  ['frugal-gpt', { scorer: 'verifier', threshold: 0.5 }, 3, 2, () => '[[90]]', 5, () => '[[10]]'],
  [
    'frugal-gpt',
    { scorer: 'log-probability', threshold: 0.5 },
    3,
    1,
    () => ({ text: 'x', logProbabilities: [-0.1] }),
    3,
    () => 'x',
  ],
  ['chain-of-agents', {}, 1, 1, unlike, 1, unlike],
]

test.each(bounded)('%s %j of %i agents: from %i calls', async (name, fields, agents, least, fewest, most, longest) => {
  const made = preset(name, fields, letters(agents))
  const plan = planTopology(made, { agents: {}, questionTokens: 10 })
  expect((await ask(made, fewest)).calls.length).toBe(least)
  expect((await ask(made, longest)).calls.length).toBe(most)
  expect(plan.calls.min).toBeLessThanOrEqual(least)
  expect(plan.calls.max).toBeGreaterThanOrEqual(most)
  if (name !== 'chain-of-agents') expect(plan.calls).toEqual({ min: least, max: most })
})

test('rmoa: n + 1 calls, then n + 2 a layer, and none after a layer that adds nothing', async () => {
  const made = preset('rmoa', { layers: 4 })
  expect(planTopology(made, { agents: {}, questionTokens: 10 }).calls).toEqual({ min: 7 + 7, max: 7 + 3 * 8 })
  expect((await ask(made, unlike)).calls.length).toBe(31)
  const nothingIn = (layer: number) => (call: Call) =>
    call.step === `layer-${layer}/residual` ? '[[NONE]]' : unlike(call)
  // Nothing new in the second layer: its aggregator is not asked either.
  const { calls, result } = await ask(made, nothingIn(6))
  expect(calls.length).toBe(7 + 7)
  expect(result.answer).toBe(unlike({ id: 'q/layer-3/aggregator' }))
  expect((await ask(made, nothingIn(10))).calls.length).toBe(7 + 8 + 7)
})

test('attention-moa: n² + 2n + 1 calls, then one more a layer, and none after a layer that stops', async () => {
  const made = preset('attention-moa', { layers: 3 }, letters(3))
  expect(planTopology(made, { agents: {}, questionTokens: 10 }).calls).toEqual({ min: 16 + 17, max: 16 + 17 + 17 })
  expect((await ask(made, unlike)).calls.length).toBe(50)
  const { calls, result } = await ask(made, (call) => (call.step === 'layer-9/residual' ? '[[STOP]]' : unlike(call)))
  expect(calls.length).toBe(33)
  expect(result.answer).toBe(unlike({ id: 'q/layer-8/aggregator' }))
})

test('chain-of-agents: a call for each part that there is, and the manager', async () => {
  const text = `${Array.from({ length: 40 }, (_, index) => `Sentence ${index}.`).join(' ')}\n\nWhich one is last?`
  const long = { id: 'q', text }
  for (const parts of [1, 2, 5]) {
    const made = preset('chain-of-agents', { parts }, ['a'])
    const { calls } = await ask(made, unlike, { question: long })
    expect(calls.length).toBe(parts + 1)
    expect(planTopology(made, { agents: {}, questionTokens: 10 }).calls.max).toBe(parts + 1)
  }
})

test('a router is only asked for as many agents as are called', async () => {
  const made = preset('route-moa', { choices: 2 }, letters(5))
  const { calls } = await ask(made, () => 'x', { router: () => router(2, [4, 1]) })
  expect(calls.slice(0, 2).map(({ agent }) => agent)).toEqual(['e', 'b'])
})
