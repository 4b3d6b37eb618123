// Every preset's messages: whose answers each call holds, in which role and in which order. Each reply is its call's name in
// angle brackets; `s`, `u`, `a` are messages of the system, the user, the assistant; `Q` is the question.
import { expect, test } from 'vitest'
import { ask, letters, preset, type Reply, router, sights } from './ask.ts'
import type { Call } from '@mixlab/agents'

const named = ({ id }: Call): Reply => `<${id.slice(2)}>`

const seen = async (
  name: string,
  fields: object,
  agents: number,
  script: (call: Call) => Reply = named,
  options: Parameters<typeof ask>[2] = {},
) => {
  const { calls, result } = await ask(preset(name, fields, letters(agents)), script, options)
  return { sights: sights(calls), result, agents: calls.map(({ agent }) => agent) }
}

const alone = (...ids: readonly string[]) => Object.fromEntries(ids.map((id) => [id, 'u(Q)']))
const layer = (number: number, role: string, count: number) =>
  Array.from({ length: count }, (_, index) => `layer-${number}/${role}-${index + 1}`)
const first = (count: number) => layer(1, 'proposer', count)

test('moa', async () => {
  const { sights, agents, result } = await seen('moa', { proposers: ['a', 'b'], aggregator: 'c' }, 3)
  expect(sights).toEqual({
    ...alone(...first(2)),
    'layer-2/proposer-1': 's(layer-1/proposer-1 layer-1/proposer-2) u(Q)',
    'layer-2/proposer-2': 's(layer-1/proposer-1 layer-1/proposer-2) u(Q)',
    'layer-3/aggregator': 's(layer-2/proposer-1 layer-2/proposer-2) u(Q)',
  })
  expect(agents).toEqual(['a', 'b', 'a', 'b', 'c'])
  expect(result.answer).toBe('<layer-3/aggregator>')
})

test('moa-lite and self-moa: all answers, once', async () => {
  const expected = { ...alone(...first(3)), 'layer-2/aggregator': `s(${first(3).join(' ')}) u(Q)` }
  expect((await seen('moa-lite', {}, 3)).sights).toEqual(expected)
  const self = await seen('self-moa', { samples: 3, aggregator: 'b' }, 2)
  expect(self.sights).toEqual(expected)
  expect(self.agents).toEqual(['a', 'a', 'a', 'b'])
})

test('self-moa-seq: a window, then the synthesis so far and the next samples', async () => {
  const { sights } = await seen('self-moa-seq', { samples: 6, window: 3 }, 1)
  expect(sights).toEqual({
    ...alone(...first(6)),
    'layer-2/aggregator': 's(layer-1/proposer-1 layer-1/proposer-2 layer-1/proposer-3) u(Q)',
    'layer-3/aggregator': 's(layer-2/aggregator layer-1/proposer-4 layer-1/proposer-5) u(Q)',
    'layer-4/aggregator': 's(layer-3/aggregator layer-1/proposer-6) u(Q)',
  })
})

test.each(['single', 'self-consistency', 'more-agents'])('%s: the question alone', async (name) => {
  const { sights } = await seen(name, name === 'single' ? {} : { samples: 3 }, 2)
  expect(sights).toEqual(alone(...first(name === 'single' ? 1 : 3)))
})

test('best-of-n: the judge sees all samples, and its choice is the answer', async () => {
  const judged = await seen('best-of-n', { samples: 3, judge: 'b' }, 2, (call) =>
    call.agent === 'b' ? 'so: [[3]]' : named(call),
  )
  expect(judged.sights).toEqual({ ...alone(...first(3)), 'layer-2/judge': `s() u(Q ${first(3).join(' ')})` })
  expect(judged.result.answer).toBe('<layer-1/proposer-3>')
  // A reply without a choice takes the first, and says so.
  const silent = await seen('best-of-n', { samples: 3, judge: 'b' }, 2)
  expect(silent.result.answer).toBe('<layer-1/proposer-1>')
  expect(silent.result.steps.at(-1)!.decision).toMatchObject({ unparseable: true })
})

test('smoa: roles, and the moderator’s choice alone goes on, in its order', async () => {
  const script = (call: Call) =>
    call.step === 'layer-2/moderator' ? '{"reasoning": "b repeats a", "chosen": [3, 1], "end": false}' : named(call)
  const { sights, result } = await seen('smoa', { keep: 2 }, 3, script)
  expect(sights).toEqual({
    ...Object.fromEntries(first(3).map((id) => [id, 's() u(Q)'])),
    'layer-2/moderator': `s() u(Q ${first(3).join(' ')})`,
    ...Object.fromEntries(layer(3, 'proposer', 3).map((id) => [id, 's(layer-1/proposer-3 layer-1/proposer-1) u(Q)'])),
    'layer-4/moderator': `s() u(Q ${layer(3, 'proposer', 3).join(' ')})`,
    // The second moderator said nothing readable: the first answers go on, the same in every run.
    'layer-5/aggregator': 's(layer-3/proposer-1 layer-3/proposer-2) u(Q)',
  })
  expect(result.steps.find(({ id }) => id === 'layer-4/moderator')!.decision).toEqual({
    chosen: [1, 2],
    of: 3,
    end: false,
    unparseable: true,
  })
  const roles = result.calls.slice(0, 3).map(({ messages }) => messages[0]!.content)
  expect(new Set(roles).size).toBe(3)
})

test('smoa: after its end nobody is asked but the aggregator, who sees what was chosen then', async () => {
  const script = (call: Call) => (call.step.endsWith('moderator') ? '{"chosen": [2], "end": true}' : named(call))
  const { sights, result } = await seen('smoa', { rounds: 3 }, 2, script)
  expect(Object.keys(sights)).toEqual([...first(2), 'layer-2/moderator', 'layer-7/aggregator'])
  expect(sights['layer-7/aggregator']).toBe('s(layer-1/proposer-2) u(Q)')
  expect(result.steps.filter(({ skipped }) => skipped === 'ended by layer-2/moderator').length).toBe(6)
})

test('rmoa: the chosen answers of the layer before, and what was added to them', async () => {
  const texts: Readonly<Record<string, string>> = {
    a: 'zebra crossing',
    b: 'zebra crossing quantum',
    c: 'quantum field',
  }
  const script = (call: Call) => `${named(call) as string} ${call.step.includes('proposer') ? texts[call.agent] : ''}`
  const { sights } = await seen('rmoa', { layers: 2, keep: 2 }, 3, script)
  expect(sights).toEqual({
    ...alone(...first(3)),
    // c is least like the others, and a is less like it than b is.
    'layer-3/aggregator': 's(layer-1/proposer-1 layer-1/proposer-3) u(Q)',
    ...Object.fromEntries(layer(4, 'proposer', 3).map((id) => [id, 's(layer-1/proposer-1 layer-1/proposer-3) u(Q)'])),
    'layer-6/residual': 's() u(Q layer-1/proposer-1 layer-1/proposer-3 layer-4/proposer-1 layer-4/proposer-3)',
    'layer-7/aggregator': 's(layer-1/proposer-1 layer-1/proposer-3 layer-6/residual) u(Q)',
  })
})

test('attention-moa: every draft is reviewed by everybody, and each author has the reviews of its own', async () => {
  const { sights } = await seen('attention-moa', { layers: 2 }, 2)
  const round = (n: number, question: string) => ({
    [`layer-${n}/proposer-1`]: question,
    [`layer-${n}/proposer-2`]: question,
    // The draft, and beside it the reviewer's own where that is another one.
    [`layer-${n + 1}/critic-1`]: `s() u(Q layer-${n}/proposer-1)`,
    [`layer-${n + 1}/critic-1/2`]: `s() u(Q layer-${n}/proposer-2 layer-${n}/proposer-1)`,
    [`layer-${n + 1}/critic-2`]: `s() u(Q layer-${n}/proposer-1 layer-${n}/proposer-2)`,
    [`layer-${n + 1}/critic-2/2`]: `s() u(Q layer-${n}/proposer-2)`,
    [`layer-${n + 2}/author-1`]: `u(Q) a(layer-${n}/proposer-1) u(layer-${n + 1}/critic-1 layer-${n + 1}/critic-2)`,
    [`layer-${n + 2}/author-2`]: `u(Q) a(layer-${n}/proposer-2) u(layer-${n + 1}/critic-1/2 layer-${n + 1}/critic-2/2)`,
    [`layer-${n + 3}/aggregator`]: `s(layer-${n + 2}/author-1 layer-${n + 2}/author-2) u(Q)`,
  })
  expect(sights).toEqual({
    ...round(1, 'u(Q)'),
    ...round(5, 's(layer-4/aggregator) u(Q)'),
    'layer-9/residual': 's() u(Q layer-4/aggregator layer-8/aggregator)',
  })
})

test('attention-moa: an author whose draft is missing is left out, and nobody gets another’s reviews', async () => {
  const script = (call: Call): Reply => (call.step === 'layer-1/proposer-1' ? { fail: 'timeout' } : named(call))
  const { sights } = await seen('attention-moa', { layers: 1 }, 3, script)
  expect(sights['layer-3/author-1']).toBeUndefined()
  expect(sights['layer-3/author-3']).toBe(
    'u(Q) a(layer-1/proposer-3) u(layer-2/critic-1/2 layer-2/critic-2/2 layer-2/critic-3/2)',
  )
  expect(sights['layer-2/critic-2/2']).toBe('s() u(Q layer-1/proposer-3 layer-1/proposer-2)')
})

test('tree-moa: a node sees its children; a third child runs where the first two disagree', async () => {
  const words: Readonly<Record<string, string>> = { 'proposer-1-2': 'quantum field', 'aggregator-2': 'monsoon' }
  const script = (call: Call) =>
    `${named(call) as string} ${Object.entries(words).find(([part]) => call.step.endsWith(part))?.[1] ?? 'zebra crossing'}`
  const { sights } = await seen('tree-moa', { agreement: 0.75, branching: 3, depth: 2 }, 2, (call) =>
    script(call).replaceAll(/layer-\d+\//g, ''),
  )
  expect(sights).toEqual({
    ...alone('layer-1/proposer-1-1', 'layer-1/proposer-1-2', 'layer-2/proposer-1-3'),
    ...alone('layer-1/proposer-2-1', 'layer-1/proposer-2-2'),
    ...alone('layer-4/proposer-3-1', 'layer-4/proposer-3-2'),
    'layer-3/aggregator-1': 's(proposer-1-1 proposer-1-2 proposer-1-3) u(Q)',
    'layer-3/aggregator-2': 's(proposer-2-1 proposer-2-2) u(Q)',
    'layer-6/aggregator-3': 's(proposer-3-1 proposer-3-2) u(Q)',
    'layer-7/aggregator': 's(aggregator-1 aggregator-2 aggregator-3) u(Q)',
  })
})

test('debate: own turns as the assistant, the others’ of each round as the user', async () => {
  const { sights, result } = await seen('debate', { rounds: 3, agents: ['a', 'b', 'c'] }, 3)
  const second = (own: number, ...others: number[]) =>
    `u(Q) a(layer-1/debater-${own}) u(${others.map((other) => `layer-1/debater-${other}`).join(' ')})`
  const third = (own: number, ...others: number[]) =>
    `${second(own, ...others)} a(layer-2/debater-${own}) u(${others.map((other) => `layer-2/debater-${other}`).join(' ')})`
  expect(sights).toEqual({
    ...alone(...layer(1, 'debater', 3)),
    'layer-2/debater-1': second(1, 2, 3),
    'layer-2/debater-2': second(2, 1, 3),
    'layer-2/debater-3': second(3, 1, 2),
    'layer-3/debater-1': third(1, 2, 3),
    'layer-3/debater-2': third(2, 1, 3),
    'layer-3/debater-3': third(3, 1, 2),
  })
  // Only the last round has votes.
  expect(result.steps.at(-1)!.saw).toEqual(layer(3, 'debater', 3))
})

test('debate: a missing turn is left out on both sides, and roles still alternate', async () => {
  const script = (call: Call): Reply => (call.step === 'layer-1/debater-2' ? { fail: 'server' } : named(call))
  const { sights } = await seen('debate', { agents: ['a', 'b', 'c'] }, 3, script)
  expect(sights['layer-2/debater-1']).toBe('u(Q) a(layer-1/debater-1) u(layer-1/debater-3)')
  expect(sights['layer-2/debater-2']).toBe('u(Q layer-1/debater-1 layer-1/debater-3)')
})

test('llm-blender: every pair in both orders, the best fused, best first', async () => {
  // b beats everybody wherever it stands; between a and c the judge always takes the first place.
  const script = (call: Call) => {
    if (!call.step.endsWith('rank')) return named(call)
    const [one, two] = [...call.request.messages[1]!.content.matchAll(/proposer-(\d)/g)].map(([, number]) => number)
    return one === '2' ? '[[A]]' : two === '2' ? '[[B]]' : '[[A]]'
  }
  const { sights, result } = await seen('llm-blender', { top: 2 }, 3, script)
  const pair = (one: number, two: number) => `s() u(Q layer-1/proposer-${one} layer-1/proposer-${two})`
  expect(sights).toEqual({
    ...alone(...first(3)),
    'layer-2/rank': pair(1, 2),
    'layer-2/rank/2': pair(1, 3),
    'layer-2/rank/3': pair(2, 1),
    'layer-2/rank/4': pair(2, 3),
    'layer-2/rank/5': pair(3, 1),
    'layer-2/rank/6': pair(3, 2),
    'layer-3/fuser': 's(layer-1/proposer-2 layer-1/proposer-1) u(Q)',
  })
  const ranked = result.steps.find(({ kind }) => kind === 'rank')!
  // s_i = mean_j (L_ij − L_ji) / 2: the judge's liking for the first place cancels.
  expect(ranked.decision).toMatchObject({
    scores: [-0.5, 1, -0.5],
    order: [2, 1, 3],
    pairs: 3,
    consistent: 2,
    unparseable: 0,
  })
})

test('frugal-gpt: tiers see the question alone, the verifier the answer, and what satisfies is the answer', async () => {
  const script = (call: Call) =>
    call.step === 'layer-2/verifier' ? '[[10]]' : call.step === 'layer-4/verifier' ? '[[80]]' : named(call)
  const { sights, result } = await seen('frugal-gpt', { scorer: 'verifier', verifier: 'd', threshold: 0.7 }, 4, script)
  expect(sights).toEqual({
    'layer-1/tier': 'u(Q)',
    'layer-2/verifier': 's() u(Q layer-1/tier)',
    'layer-3/tier': 'u(Q)',
    'layer-4/verifier': 's() u(Q layer-3/tier)',
  })
  expect(result.answer).toBe('<layer-3/tier>')
  expect(result.steps.at(-1)).toMatchObject({
    skipped: 'ended by layer-4/verifier',
    answers: [{ agent: 'b', score: 0.8 }],
  })
})

test('frugal-gpt: a tier that fails does not satisfy', async () => {
  const script = (call: Call): Reply => (call.agent === 'a' ? { fail: 'overloaded' } : 'same')
  const { result } = await seen('frugal-gpt', {}, 3, script)
  expect(result.answer).toBe('same')
  expect(result.steps[0]!.missing!.length).toBe(3)
  expect(result.steps[1]!.decision).toMatchObject({ end: true, confidence: 1 })
})

test('frugal-gpt: another tier of one agent takes other samples', async () => {
  const { result } = await seen('frugal-gpt', { tiers: ['a', 'a', 'b'] }, 2)
  expect(result.calls.map(({ sample }) => sample)).toEqual([0, 1, 2, 3, 4, 5, 0])
})

test('route-llm: the chosen agent sees the question alone', async () => {
  const weak = await seen('route-llm', { threshold: 0.6 }, 2, named, { router: () => router(1, [0], [0.2, 0]) })
  expect([weak.agents, weak.sights]).toEqual([['b'], { 'layer-1/route': 'u(Q)' }])
  const strong = await seen('route-llm', { threshold: 0.5 }, 2, named, { router: () => router(1, [1], [0.2, 0]) })
  expect(strong.agents).toEqual(['a'])
  // Without a threshold the router chooses.
  expect((await seen('route-llm', {}, 2, named, { router: () => router(1, [1]) })).agents).toEqual(['b'])
})

test('route-moa: the author of the best-valued answer marks all and merges the best', async () => {
  const script = (call: Call) =>
    call.step === 'layer-1/route'
      ? `${named(call) as string} [[${call.agent === 'd' ? 95 : 40}]]`
      : call.step === 'layer-2/assess'
        ? '{"marks": [20, 60, 90]}'
        : named(call)
  const { sights, agents, result } = await seen('route-moa', { choices: 3, keep: 2 }, 4, script, {
    router: () => router(3, [1, 3, 0], [0.5, 0.6, 0.1, 0.5]),
  })
  expect(agents).toEqual(['b', 'd', 'a', 'd', 'a'])
  expect(sights).toEqual({
    'layer-1/route': 's() u(Q)',
    'layer-1/route/2': 's() u(Q)',
    'layer-1/route/3': 's() u(Q)',
    'layer-2/assess': 's() u(Q layer-1/route layer-1/route/2 layer-1/route/3)',
    // (0.5 + 0.95) / 2 and 0.6; (0.5 + 0.4) / 2 and 0.9; (0.6 + 0.4) / 2 and 0.2.
    'layer-3/aggregator': 's(layer-1/route/3 layer-1/route/2) u(Q)',
  })
  expect(result.steps[1]!.answers.map(({ agent, score }) => [agent, score])).toEqual([
    ['a', (0.45 + 0.9) / 2],
    ['d', (0.725 + 0.6) / 2],
  ])
})

test('chain-of-agents: each worker its part and the note before it, the manager the last note', async () => {
  const question = { id: 'q', text: 'One <1>.\nTwo <2>.\nThree <3>.\n\nQUESTION' }
  const { sights } = await seen('chain-of-agents', { parts: 3, workers: ['a', 'b'], manager: 'c' }, 3, named, {
    question,
  })
  expect(sights).toEqual({
    'layer-1/worker': 's() u(1 Q)',
    'layer-2/worker': 's() u(2 layer-1/worker Q)',
    'layer-3/worker': 's() u(3 layer-2/worker Q)',
    'layer-4/manager': 's() u(layer-3/worker Q)',
  })
})

test('archon: reviews travel with answers; what the verifier finds wrong does not', async () => {
  const layers = [
    { type: 'generator' },
    { type: 'critic', agent: 'b' },
    { type: 'verifier', agent: 'a' },
    { type: 'fuser' },
  ]
  const script = (call: Call) =>
    call.step === 'layer-3/verifier' ? (call.id.endsWith('/2') ? '[[WRONG]]' : '[[RIGHT]]') : named(call)
  const { sights } = await seen('archon', { layers }, 3, script)
  expect(sights).toEqual({
    ...alone(...first(3)),
    'layer-2/critic': 's() u(Q layer-1/proposer-1)',
    'layer-2/critic/2': 's() u(Q layer-1/proposer-2)',
    'layer-2/critic/3': 's() u(Q layer-1/proposer-3)',
    'layer-3/verifier': 's() u(Q layer-1/proposer-1 layer-2/critic)',
    'layer-3/verifier/2': 's() u(Q layer-1/proposer-2 layer-2/critic/2)',
    'layer-3/verifier/3': 's() u(Q layer-1/proposer-3 layer-2/critic/3)',
    'layer-4/fuser': 's(layer-1/proposer-1 layer-2/critic layer-1/proposer-3 layer-2/critic/3) u(Q)',
  })
})

test('earlier turns of a conversation and choices are there in every preset that shows the question', async () => {
  const question = {
    id: 'q',
    text: 'QUESTION',
    choices: ['yes', 'no'],
    history: [
      { role: 'user', content: 'hello' },
      { role: 'assistant', content: 'hi' },
    ] as const,
  }
  const { result } = await seen('moa', {}, 2, named, { question })
  for (const { messages } of result.calls) {
    expect(messages.slice(-3)).toEqual([...question.history, { role: 'user', content: 'QUESTION\nA. yes\nB. no' }])
  }
})
