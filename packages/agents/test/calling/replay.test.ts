// A replay gives every call what the run gave it: replies, failures, what was cancelled, late or beyond the budget, and
// what was billed to whom; without a model. What the run did not ask is a divergence.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Agent,
  agentConfig,
  type Call,
  type CallerOptions,
  type CallOutcome,
  ChatFailure,
  type NamedAgent,
  Recording,
} from '@mixlab/agents'
import { temporaryFolder } from './folder.ts'
import { agentOf, callerOf, callOf, chatModel, lastText, reply } from './models.ts'
import { VirtualClock } from './virtual-clock.ts'

const price = { input: 1, output: 2, currency: 'USD' }
const named = (name: string, model = 'model'): NamedAgent => ({
  name,
  config: agentConfig.parse({ model: 'test' }),
  model: { provider: 'test', model },
})

/** What a result keeps of an outcome. */
const kept = (outcome: CallOutcome): string => {
  const { call, replayed: _replayed, ...rest } = outcome
  return JSON.stringify({ id: call.id, ...rest })
}

const replayer = (folder: string, agents: readonly NamedAgent[], more: Partial<CallerOptions> = {}) =>
  callerOf(agents as unknown as Agent[], {
    mode: 'replay',
    recording: new Recording(folder, { access: 'read' }),
    clock: new VirtualClock(),
    ...more,
  })

interface Plan {
  readonly text: number
  readonly sample: number
  readonly ms: number
  readonly startMs: number
  readonly cancelMs: number | undefined
  readonly deadlineMs: number | undefined
}

const plan: fc.Arbitrary<Plan> = fc.record({
  text: fc.integer({ min: 0, max: 6 }),
  sample: fc.integer({ min: 0, max: 1 }),
  ms: fc.integer({ min: 0, max: 4000 }),
  startMs: fc.integer({ min: 0, max: 5000 }),
  cancelMs: fc.option(fc.integer({ min: 0, max: 5000 }), { nil: undefined }),
  deadlineMs: fc.option(fc.integer({ min: 0, max: 5000 }), { nil: undefined }),
})

/** Makes the planned calls; `onlyAfter` leaves the rest of a plan out. */
async function runPlan(folder: string, plans: readonly Plan[], options: Partial<CallerOptions>, shift = 0) {
  const clock = new VirtualClock()
  using recording = new Recording(folder, { access: 'write' })
  let requests = 0
  const model = chatModel({
    async *stream(request, { rng }) {
      requests++
      const text = Number(lastText(request))
      await clock.sleep(plans.find((one) => one.text === text)!.ms + shift)
      yield { type: 'text', text: `answer ${text} ` }
      if (text === 3) throw new ChatFailure('server', '500')
      if (text === 4) throw new ChatFailure('invalid-request', 'too long')
      const full = `answer ${text} ${rng!.integer(1000)}`
      yield { type: 'text', text: full.slice(9) }
      yield { type: 'reply', reply: reply(full) }
    },
  })
  await using caller = callerOf([agentOf('a', model, { price })], { clock, mode: 'record', recording, ...options })
  const outcomes = await clock.run(
    Promise.all(
      plans.map(async ({ startMs, cancelMs, deadlineMs, text, sample }, i) => {
        await clock.sleep(startMs)
        const controller = new AbortController()
        if (cancelMs !== undefined) clock.after(cancelMs, () => controller.abort())
        return await caller.call(
          callOf(`q${i}/s`, `${text}`, {
            sample,
            signal: controller.signal,
            ...(deadlineMs !== undefined && { deadline: clock.now() + deadlineMs }),
          }),
        )
      }),
    ),
  )
  return { outcomes, requests, totals: caller.totals() }
}

/** Two calls share a failure, and a third one asks the same a little later, waits for its turn, and fails as well. */
const sharedFailure: Plan[] = (
  [
    [4, 1, 1526, 0],
    [4, 1, 1527, 0],
    [4, 1, 1526, 0],
    [0, 0, 0, 0],
    [2, 0, 0, 0],
    [1, 0, 1525, 3],
  ] as const
).map(([text, sample, startMs, ms]) => ({ text, sample, startMs, ms, cancelMs: undefined, deadlineMs: undefined }))

/** Every run syncs files to the disk, and waits behind whatever else the disk has to do. */
const slow = { timeout: 180_000 }

test('a replay is the run, byte for byte, whatever was cancelled, late, shared, refused or failed', slow, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(plan, { minLength: 1, maxLength: 25 }),
      fc.integer({ min: 1, max: 4 }),
      fc.option(fc.integer({ min: 150, max: 1500 }), { nil: undefined }),
      async (plans, concurrency, tokens) => {
        const folder = temporaryFolder()
        const { outcomes } = await runPlan(folder, plans, {
          concurrency,
          ...(tokens !== undefined && { budget: { tokens } }),
        })
        await using replay = replayer(folder, [named('a')])
        // In another order, all at once, with signals that are aborted already.
        const again = await Promise.all(
          plans
            .map(({ text, sample }, i) =>
              replay.call(callOf(`q${i}/s`, `${text}`, { sample, signal: AbortSignal.abort(), deadline: 0 })),
            )
            .toReversed(),
        )
        expect(again.toReversed().map(kept)).toEqual(outcomes.map(kept))
        expect(replay.totals()).toMatchObject({ replayed: plans.length, attempts: 0, cost: { inputTokens: 0 } })
      },
    ),
    { numRuns: 150, examples: [[sharedFailure, 2, 296]] },
  )
})

test(
  'going on asks again for what was given up, and for nothing that was paid; its replay is what it did',
  slow,
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 20 }), async (plans) => {
        const folder = temporaryFolder()
        const first = await runPlan(folder, plans, { concurrency: 2 })
        const replies = new Set(first.outcomes.filter(({ ok }) => ok).map(({ key }) => key))
        const again = await runPlan(folder, plans, { concurrency: 2 }, 500)
        const paid = new Set(again.outcomes.filter(({ replayed, ok }) => !replayed && ok).map(({ key }) => key))
        expect([...paid].filter((key) => replies.has(key))).toEqual([])
        for (const [i, outcome] of first.outcomes.entries())
          if (outcome.ok) expect(kept(again.outcomes[i]!)).toBe(kept(outcome))
        await using replay = replayer(folder, [named('a')])
        const replayed = await Promise.all(
          plans.map(({ text, sample }, i) => replay.call(callOf(`q${i}/s`, `${text}`, { sample }))),
        )
        expect(replayed.map(kept)).toEqual(again.outcomes.map(kept))
      }),
      { numRuns: 60 },
    )
  },
)

test('recorded failures are given back, or asked again', async () => {
  const folder = temporaryFolder()
  let works = false
  let requests = 0
  const model = chatModel({
    async generate() {
      requests++
      if (!works) throw new ChatFailure('invalid-request', 'no')
      return reply('yes')
    },
  })
  const outcomes: boolean[] = []
  for (const failures of ['reuse', 'reuse', 'retry', 'reuse'] as const) {
    using recording = new Recording(folder, { access: 'write' })
    await using caller = callerOf([agentOf('a', model)], { mode: 'record', recording, failures })
    outcomes.push((await caller.call(callOf('q/s', 'x'))).ok)
    works = true
  }
  expect(outcomes).toEqual([false, false, true, true])
  expect(requests).toBe(2)
})

test('arms that share a recording share replies; each is billed for what it asked, and says so in its replay', async () => {
  const folder = temporaryFolder()
  let requests = 0
  const model = chatModel({ generate: async (request) => (requests++, reply(lastText(request))) })
  const arm = async (scope: string, samples: readonly number[]) => {
    using recording = new Recording(folder, { access: 'write' })
    await using caller = callerOf([agentOf('a', model, { price })], { mode: 'record', recording, scope })
    const outcomes = await Promise.all(samples.map((sample) => caller.call(callOf(`q/p${sample}`, 'x', { sample }))))
    return { outcomes, spent: recording.spent(scope) }
  }
  const six = await arm('six', [0, 1, 2, 3, 4, 5])
  const three = await arm('three', [0, 1, 2])
  const seven = await arm('seven', [0, 1, 2, 3, 4, 5, 6])
  expect(requests).toBe(7)
  const billed = ({ outcomes }: { readonly outcomes: readonly CallOutcome[] }) =>
    outcomes.map(({ cost }) => cost.billed)
  expect(billed(six)).toEqual([20e-6, 20e-6, 20e-6, 20e-6, 20e-6, 20e-6])
  expect(billed(three)).toEqual([0, 0, 0])
  expect(billed(seven)).toEqual([0, 0, 0, 0, 0, 0, 20e-6])
  expect(three.outcomes.every(({ cost }) => cost.logical === 20e-6)).toBe(true)
  expect([six.spent.tokens, three.spent.tokens, seven.spent.tokens]).toEqual([90, 0, 15])
  for (const [scope, { outcomes }] of Object.entries({ six, three, seven })) {
    await using replay = replayer(folder, [named('a')], { scope })
    const again = await Promise.all(outcomes.map(({ call }) => replay.call(call)))
    expect(again.map(kept)).toEqual(outcomes.map(kept))
  }
})

test('a call that was given another’s reply is given that one again, whatever other processes recorded of the request', async () => {
  const folder = temporaryFolder()
  using other = new Recording(folder, { access: 'write' })
  other.appendAgents('other', {})
  const model = chatModel({ generate: async () => reply('ours') })
  let outcomes: CallOutcome[]
  {
    using recording = new Recording(folder, { access: 'write' })
    await using caller = callerOf([agentOf('a', model)], { mode: 'record', recording })
    outcomes = await Promise.all(['q1/s', 'q2/s'].map((id) => caller.call(callOf(id, 'x'))))
    const [first] = recording.calls()
    other.append({ ...first!, scope: 'other', reply: reply('theirs') })
  }
  await using replay = replayer(folder, [named('a')])
  const again = await Promise.all(['q1/s', 'q2/s', 'q3/s'].map((id) => replay.call(callOf(id, 'x'))))
  expect(again.slice(0, 2).map(kept)).toEqual(outcomes.map(kept))
  // The other process's file comes first: a call of neither is given what is there.
  expect(again[2]).toMatchObject({ reply: { text: 'theirs' } })
})

test('a divergence names question, step and agent, and the first character that differs', async () => {
  const folder = temporaryFolder()
  const model = chatModel({ generate: async () => reply('x') })
  const messages = (text: string) => [
    { role: 'system' as const, content: 'Be brief.' },
    { role: 'user' as const, content: text },
  ]
  {
    using recording = new Recording(folder, { access: 'write' })
    await using caller = callerOf([agentOf('a', model)], { mode: 'record', recording })
    await caller.call(
      callOf('gsm8k-17/layer-1/proposer-2', '', {
        request: { messages: messages('How many apples does she have in the end?'), temperature: 0.7 },
      }),
    )
  }
  await using replay = replayer(folder, [named('a'), named('b', 'other')])
  const ask = (text: string, more: Partial<Call> = {}, request: object = {}) =>
    replay.call(
      callOf('gsm8k-17/layer-1/proposer-2', '', {
        request: { messages: messages(text), temperature: 0.7, ...request },
        ...more,
      }),
    )
  const same = 'How many apples does she have in the end?'
  expect(await ask(same)).toMatchObject({ ok: true, replayed: true })
  const start = `the replay diverges from the recording in ${folder} at question "gsm8k-17", step layer-1/proposer-2, agent a: `
  await expect(ask('How many apples does he have in the end?')).rejects.toThrow(
    `${start}message 2 (user) differs at character 22: …"ow many apples does he have in the end?", recorded …"ow many apples does she have in the end?"`,
  )
  await expect(ask(same, { sample: 3 })).rejects.toThrow(`${start}sample is 3, recorded 0`)
  await expect(ask(same, { agent: 'b' })).rejects.toThrow('agent b: model is other, recorded model')
  await expect(ask(same, {}, { temperature: 0.8 })).rejects.toThrow(
    /the request differs at character \d+: .*0\.8.*recorded .*0\.7/,
  )
  await expect(ask(same, { id: 'gsm8k-17/layer-1/proposer-9', step: 'layer-1/proposer-9', sample: 1 })).rejects.toThrow(
    'step layer-1/proposer-9, agent a: no call "gsm8k-17/layer-1/proposer-9" is in it',
  )
  await expect(ask(same, {}, { messages: messages(same).slice(0, 1) })).rejects.toThrow('1 messages, recorded 2')
})

test('which models an arm’s agents were is in the recording', async () => {
  const folder = temporaryFolder()
  const model = chatModel({ generate: async () => reply('x') })
  for (let i = 0; i < 2; i++) {
    using recording = new Recording(folder, { access: 'write' })
    await using _caller = callerOf([agentOf('a', model), agentOf('b', model)], {
      mode: 'record',
      recording,
      scope: 'arm',
    })
  }
  using recording = new Recording(folder, { access: 'read' })
  const same = { provider: 'test', model: 'model' }
  expect(recording.agents('arm')).toEqual({ a: same, b: same })
  expect(recording.agents('other')).toBeUndefined()
})
