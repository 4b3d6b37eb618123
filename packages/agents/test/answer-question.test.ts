// The orchestrator: when steps run, what of a failure, what is recorded.
import { MixlabError } from '@mixlab/core'
import { expect, test } from 'vitest'
import { aggregate, propose, type Step, topology, validateTopology, vote } from '../src/index.ts'
import { ask, held, question, scripted, settle } from './scripted-call.ts'

const three = ['a', 'b', 'c']
const twoLayers = topology('two', propose(three), propose(three), aggregate('a'))

test('all proposers of a layer are in flight at once, and the next layer waits for the last of them', async () => {
  const agents = held()
  const answer = ask(twoLayers, agents.call)
  await settle()
  expect(agents.ids()).toEqual(['q1/layer-1/proposer-1', 'q1/layer-1/proposer-2', 'q1/layer-1/proposer-3'])
  agents.end('q1/layer-1/proposer-3')
  agents.end('q1/layer-1/proposer-1')
  await settle()
  expect(agents.ids()).toEqual(['q1/layer-1/proposer-2'])
  agents.end('q1/layer-1/proposer-2')
  await settle()
  expect(agents.ids()).toEqual(['q1/layer-2/proposer-1', 'q1/layer-2/proposer-2', 'q1/layer-2/proposer-3'])
  for (const id of agents.ids().toReversed()) agents.end(id)
  await settle()
  expect(agents.ids()).toEqual(['q1/layer-3/aggregator'])
  agents.end('q1/layer-3/aggregator')
  const result = await answer
  expect(result.answer).toBe('q1/layer-3/aggregator')
  // In the order of the topology, whatever the order of the replies.
  expect(result.calls.map(({ id }) => id)).toEqual(twoLayers.steps.map(({ id }) => `q1/${id}`))
})

test('a step runs as soon as what it sees is there, though others of its layer still wait', async () => {
  const agents = held()
  const own = (index: number): Step => ({ ...twoLayers.steps[3 + index]!, from: [`layer-1/proposer-${index + 1}`] })
  const sparse = { ...twoLayers, steps: [...twoLayers.steps.slice(0, 3), own(0), own(1), own(2), twoLayers.steps[6]!] }
  validateTopology(sparse)
  const answer = ask(sparse, agents.call)
  await settle()
  agents.end('q1/layer-1/proposer-2')
  await settle()
  expect(agents.ids()).toEqual(['q1/layer-1/proposer-1', 'q1/layer-1/proposer-3', 'q1/layer-2/proposer-2'])
  while (agents.inFlight.size > 0) {
    for (const id of agents.ids()) agents.end(id)
    await settle()
  }
  expect((await answer).answer).toBe('q1/layer-3/aggregator')
})

test('who saw what: each agent sees the question and all answers of the layer before, numbered in order', async () => {
  const { call, calls } = scripted(({ step }) => `<${step}>`)
  await ask(twoLayers, call, { settings: { b: { system: 'You are B.', temperature: 0.3, maxTokens: 99 } } })
  const of = (step: string) => calls.find((made) => made.step === step)!.request
  expect(of('layer-1/proposer-1')).toEqual({
    messages: [{ role: 'user', content: question.text }],
    maxTokens: 2048,
  })
  expect(of('layer-1/proposer-2')).toEqual({
    messages: [
      { role: 'system', content: 'You are B.' },
      { role: 'user', content: question.text },
    ],
    maxTokens: 99,
    temperature: 0.3,
  })
  const references = '\n\n1. <layer-1/proposer-1>\n\n2. <layer-1/proposer-2>\n\n3. <layer-1/proposer-3>'
  for (const [step, start] of [
    ['layer-2/proposer-1', 'Several language models'],
    // One system message: the agent's own comes first.
    ['layer-2/proposer-2', 'You are B.\n\nSeveral language models'],
  ] as const) {
    const [system, user, ...rest] = of(step).messages
    expect(rest).toEqual([])
    expect(user).toEqual({ role: 'user', content: question.text })
    expect(system!.role).toBe('system')
    expect(system!.content.startsWith(start)).toBe(true)
    expect(system!.content.endsWith(references)).toBe(true)
  }
  expect(of('layer-3/aggregator').messages[0]!.content).toContain('2. <layer-2/proposer-2>\n\n3. <layer-2/proposer-3>')
  expect(of('layer-3/aggregator').messages[0]!.content).not.toContain('layer-1')
})

test('a reference is a whole answer, never its letters', async () => {
  const { call, calls } = scripted(() => 'forty-two')
  await ask(topology('one', propose(['a']), aggregate('a')), call)
  expect(calls[1]!.request.messages[0]!.content.endsWith('\n\n1. forty-two')).toBe(true)
})

test('a missing proposer is recorded, and the layer goes on without it', async () => {
  const { call, calls } = scripted(({ step }) => (step === 'layer-1/proposer-2' ? { fail: 'rate-limit' } : `<${step}>`))
  const result = await ask(twoLayers, call)
  expect(result.answer).toBe('<layer-3/aggregator>')
  expect(result.steps[1]).toMatchObject({
    answers: [],
    missing: [{ agent: 'b', call: 'q1/layer-1/proposer-2', kind: 'rate-limit', message: 'scripted rate-limit' }],
  })
  expect(result.calls[1]).toMatchObject({ failure: { kind: 'rate-limit' } })
  expect(calls[3]!.request.messages[0]!.content).toContain('1. <layer-1/proposer-1>\n\n2. <layer-1/proposer-3>')
})

test('an empty reply is missing, not an answer', async () => {
  const { call } = scripted(({ agent }) => (agent === 'b' ? { text: ' \n', finishReason: 'length' } : 'yes'))
  const result = await ask(topology('t', propose(three), vote()), call)
  expect(result.steps[1]!.missing).toMatchObject([{ agent: 'b', kind: 'truncated' }])
  expect(result.steps[3]!.decision).toMatchObject({ votes: { yes: 2 } })
})

test('below its quorum a layer fails the question, and what did not run says why', async () => {
  const { call, calls } = scripted(({ agent }) => (agent === 'c' ? 'fine' : { fail: 'server' }))
  const strict = { ...twoLayers, layers: { 1: { quorum: 2 } } }
  const result = await ask(strict, call)
  expect(result.answer).toBeNull()
  expect(result.failure).toMatch(
    /^layer 1 gave 1 of at least 2 answers; 2 missing, the first: a, server: scripted server$/,
  )
  expect(calls.length).toBe(3)
  expect(
    result.steps.slice(3, 6).every(({ skipped }) => skipped === 'not run: a layer that it sees has too few answers'),
  ).toBe(true)
  expect(result.steps[6]!.skipped).toBe('not run: layer-2/proposer-1 was not run')
  const degraded = await ask(
    { ...twoLayers, layers: { 1: { quorum: 2, below: 'degrade' }, 2: { below: 'degrade' } } },
    call,
  )
  expect(degraded.failure).toMatch(/^layer 3 gave 0/)
  const good = scripted(({ agent, layer }) => (agent === 'c' || layer > 1 ? 'fine' : { fail: 'server' }))
  expect((await ask({ ...twoLayers, layers: { 1: { quorum: 2, below: 'degrade' } } }, good.call)).answer).toBe('fine')
})

test('degrading needs one answer', async () => {
  const { call } = scripted(() => ({ fail: 'connection' }))
  const result = await ask({ ...twoLayers, layers: { 1: { quorum: 3, below: 'degrade' } } }, call)
  expect(result.answer).toBeNull()
  expect(result.steps.flatMap(({ missing = [] }) => missing).length).toBe(3)
})

/** Of layer 2, the first proposer sees the second one of layer 1 alone. */
const alone = {
  ...twoLayers,
  steps: twoLayers.steps.with(3, { ...twoLayers.steps[3]!, from: ['layer-1/proposer-2'] }),
}

test('a step waits until the layer of what it sees is known to be good enough, and no longer', async () => {
  const agents = held()
  const answer = ask({ ...alone, layers: { 1: { quorum: 2 } } }, agents.call)
  await settle()
  agents.end('q1/layer-1/proposer-2')
  await settle()
  expect(agents.ids()).toEqual(['q1/layer-1/proposer-1', 'q1/layer-1/proposer-3'])
  agents.end('q1/layer-1/proposer-1')
  await settle()
  expect(agents.ids()).toEqual(['q1/layer-1/proposer-3', 'q1/layer-2/proposer-1'])
  while (agents.inFlight.size > 0) {
    for (const id of agents.ids()) agents.end(id)
    await settle()
  }
  expect((await answer).failure).toBeUndefined()
})

test('the order of replies changes nothing in the result, not even of a question that fails', async () => {
  const script = ({ agent, layer }: { agent: string; layer: number }) =>
    layer === 1 && agent !== 'b' ? ({ fail: 'server' } as const) : 'fine'
  const orders: ((ids: readonly string[]) => string)[] = [
    (ids) => ids[0]!,
    (ids) => ids.at(-1)!,
    (ids) => ids[Math.floor(ids.length / 2)]!,
  ]
  for (const quorum of [1, 2]) {
    const results = await Promise.all(
      orders.map(async (next) => {
        const agents = held(script)
        const answer = ask({ ...alone, layers: { 1: { quorum } } }, agents.call)
        for (await settle(); agents.inFlight.size > 0; await settle()) agents.end(next(agents.ids()))
        return answer
      }),
    )
    expect(results[1]).toEqual(results[0])
    expect(results[2]).toEqual(results[0])
    expect(results[0]!.failure === undefined).toBe(quorum === 1)
    expect(results[0]!.calls.length).toBe(quorum === 1 ? 7 : 3)
  }
})

test('deadlines: a layer’s from its first call, a question’s from its start, the earlier one counts', async () => {
  let clock = 1000
  const { call, calls } = scripted(() => ((clock += 100), 'ok'))
  const timed = { ...twoLayers, layers: { 2: { deadlineMs: 500 }, 3: { deadlineMs: 5000 } } }
  await ask(timed, call, { deadlineMs: 2000, now: () => clock })
  expect(calls.map(({ deadline }) => deadline)).toEqual([3000, 3000, 3000, 1800, 1800, 1800, 3000])
})

test('samples: by place among the calls of a layer whose agents are one model', async () => {
  const { call, calls } = scripted()
  const identity = (agent: string) => ({ provider: 'p', model: agent === 'c' ? 'other' : 'same' })
  await ask(topology('t', propose(['a', 'b', 'c', 'a']), propose(['b', 'c']), aggregate('a')), call, { identity })
  expect(calls.map(({ sample }) => sample)).toEqual([0, 1, 0, 2, 0, 0, 0])
})

test('a recording of six samples serves three: same requests, same samples', async () => {
  const of = async (count: number) => {
    const { call, calls } = scripted()
    await ask(topology('t', propose(Array.from({ length: count }, () => 'a')), vote()), call)
    return calls.map(({ request, sample }) => JSON.stringify([request, sample]))
  }
  expect((await of(6)).slice(0, 3)).toEqual(await of(3))
  expect(new Set(await of(6)).size).toBe(6)
})

test('the critical path and the first token follow the graph, not the clock', async () => {
  const times: Record<string, number> = { a: 5, b: 70, c: 20 }
  const { call } = scripted(({ agent }) => ({ ms: times[agent]!, firstTokenMs: 2 }))
  const { timing, cost } = await ask(twoLayers, call)
  expect(timing).toEqual({ criticalPathMs: 70 + 70 + 5, firstTokenMs: 70 + 70 + 2 })
  expect(cost).toMatchObject({ inputTokens: 700, outputTokens: 70, billed: 14, logical: 21, currency: 'USD' })
  const voted = await ask(topology('t', propose(three), vote()), call)
  // The voted answer came in full when the last vote was there.
  expect(voted.timing).toEqual({ criticalPathMs: 70, firstTokenMs: 70 })
})

test('calls of a step that wait for one another are told by `after`', async () => {
  const twice: Step = {
    id: 'twice',
    kind: 'refine',
    layer: 1,
    agents: ['a', 'a'],
    from: [],
    plan: () => ({ calls: [], answers: { count: 1, tokens: 1 } }),
    async run({ call }) {
      const first = await call({ agent: 'a', messages: [] })
      await call({ agent: 'a', messages: [], sample: 1, after: [first] })
      return { answers: [{ text: 'x', agent: 'a' }] }
    },
  }
  const { call, calls } = scripted(() => ({ ms: 30 }))
  const result = await ask({ name: 't', steps: [twice], output: 'twice' }, call)
  expect(result.timing.criticalPathMs).toBe(60)
  expect(calls.map(({ id, sample }) => [id, sample])).toEqual([
    ['q1/twice', 0],
    ['q1/twice/2', 1],
  ])
})

test('a step that does not wait for all of its calls: none is lost, and it can cancel what it does not need', async () => {
  const enough = new AbortController()
  const racing: Step = {
    id: 'race',
    kind: 'propose',
    layer: 1,
    agents: ['a', 'b'],
    from: [],
    plan: () => ({ calls: [], answers: { count: 1, tokens: 1 } }),
    async run({ call }) {
      const calls = ['a', 'b'].map((agent) => call({ agent, messages: [], signal: enough.signal }))
      const first = await Promise.race(calls)
      enough.abort()
      return { answers: [{ text: 'x', agent: first.call.agent }] }
    },
  }
  const agents = held()
  const answer = ask({ name: 't', steps: [racing], output: 'race' }, agents.call)
  await settle()
  agents.end('q1/race/2')
  const result = await answer
  expect(result.calls.map(({ agent, failure }) => [agent, failure?.kind])).toEqual([
    ['a', 'cancelled'],
    ['b', undefined],
  ])
  expect(result.steps[0]!.missing).toMatchObject([{ agent: 'a', kind: 'cancelled' }])
  // Without cancelling: the step is over when its last call is.
  const patient: Step = {
    ...racing,
    async run({ call }) {
      const calls = ['a', 'b'].map((agent) => call({ agent, messages: [] }))
      return { answers: [{ text: 'x', agent: (await Promise.race(calls)).call.agent }] }
    },
  }
  const others = held()
  const later = ask({ name: 't', steps: [patient], output: 'race' }, others.call)
  await settle()
  others.end('q1/race/2')
  await settle()
  others.end('q1/race')
  expect((await later).calls.map(({ id, text }) => [id, text])).toEqual([
    ['q1/race', 'q1/race'],
    ['q1/race/2', 'q1/race/2'],
  ])
})

test('Ctrl-C: no new step starts, and the run is interrupted', async () => {
  const stop = new AbortController()
  const agents = held()
  const answer = ask(twoLayers, agents.call, { signal: stop.signal })
  await settle()
  stop.abort()
  // The caller lets paid calls end: nothing here cancels them.
  expect(agents.ids().length).toBe(3)
  for (const id of agents.ids()) agents.end(id)
  await expect(answer).rejects.toMatchObject({ code: 'interrupted' })
  expect(agents.inFlight.size).toBe(0)
})

test('an error of the caller ends the question with it, after the other calls have ended', async () => {
  const agents = held()
  const broken = new MixlabError('the disk is full')
  const answer = ask(twoLayers, (call) => (call.agent === 'b' ? Promise.reject(broken) : agents.call(call)))
  await expect(answer).rejects.toBe(broken)
  expect(agents.inFlight.size).toBe(0)
})

test('a step may only call its own agents', async () => {
  const step = twoLayers.steps[0]!
  const sly = { name: 't', steps: [{ ...step, agents: ['b'] }], output: step.id }
  await expect(ask(sly, scripted().call)).rejects.toThrow(/calls a, which is not among its agents \(b\)/)
})
