// Whatever agents reply, and whichever fail: never more calls than planned, never fewer where none fails, never more tokens.
// Tokens are letters here, so that the bound can be counted exactly.
import { type Call, planTopology } from '@mixlab/agents'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ask, letters, preset, question, type Reply, router } from './ask.ts'

const count = (least: number, most: number) => fc.integer({ min: least, max: most })

/** Presets with fields at random. */
const fields: Readonly<Record<string, fc.Arbitrary<object>>> = {
  single: fc.constant({}),
  'self-consistency': fc.record({ samples: count(1, 9) }),
  'more-agents': fc.record({ samples: count(1, 9), by: fc.constantFrom('vote', 'similarity') }),
  'best-of-n': fc.record({ samples: count(2, 6) }),
  moa: fc.record({ layers: count(2, 5) }),
  'moa-lite': fc.constant({}),
  'self-moa': fc.record({ samples: count(1, 8) }),
  'self-moa-seq': fc.record({ samples: count(2, 12), window: count(2, 5) }),
  smoa: fc.record({ rounds: count(1, 4), keep: count(1, 4) }),
  rmoa: fc.record({ layers: count(1, 4), keep: count(1, 4) }),
  'attention-moa': fc.record({ layers: count(1, 3) }),
  'tree-moa': fc.record({ branching: count(2, 4), depth: count(1, 2), agreement: fc.constantFrom(0, 0.5, 0.9) }),
  debate: fc.record({ rounds: count(1, 4) }),
  'llm-blender': fc.record({ top: count(1, 5) }),
  'frugal-gpt': fc.record({
    scorer: fc.constantFrom('agreement', 'log-probability', 'verifier'),
    samples: count(2, 5),
    threshold: fc.constantFrom(0, 0.5, 1),
  }),
  'route-llm': fc.record({ threshold: fc.constantFrom(0, 0.5, 1) }),
  'route-moa': fc.record({ choices: count(2, 4), keep: count(1, 3) }),
  'chain-of-agents': fc.record({ parts: count(1, 6) }),
  archon: fc.record({
    layers: fc
      .array(
        fc.constantFrom(
          { type: 'critic' },
          { type: 'ranker', top: 2 },
          { type: 'verifier' },
          { type: 'fuser', agents: ['a', 'b'] },
        ),
        {
          maxLength: 3,
        },
      )
      .map((middle) => [{ type: 'generator' }, ...middle, { type: 'fuser' }]),
  }),
}

const replies: readonly Reply[] = [
  'forty-two',
  'the same words',
  'A longer reply, of several words, none of which is in the others.',
  '[[1]]',
  '[[A]]',
  '[[B]]',
  '[[95]]',
  '[[NONE]]',
  '[[STOP]]',
  '[[RIGHT]]',
  '[[WRONG]]',
  '{"chosen": [2, 1], "end": true}',
  '{"chosen": [1], "end": false}',
  '{"marks": [10, 90]}',
  'x'.repeat(120),
  { text: 'sure', logProbabilities: [-0.01, -0.02] },
]

const LIMIT = 120
const SYSTEM = 'You are an agent of few words.'

const text = 'One sentence here. Another sentence there. A third one.\n\nQUESTION?'

test.each(Object.keys(fields))('%s', async (name) => {
  await fc.assert(
    fc.asyncProperty(
      fields[name]!,
      count(2, 4),
      fc.infiniteStream(count(0, 99)),
      fc.boolean(),
      async (given, size, draws, failing) => {
        const agents = letters(size)
        const made = preset(name, given, agents)
        const settings = Object.fromEntries(agents.map((agent) => [agent, { maxTokens: LIMIT, system: SYSTEM }]))
        const asked = { ...question, text }
        const plan = planTopology(made, {
          agents: settings,
          questionTokens: text.length,
          countTokens: (words) => words.length,
        })
        let failed = false
        const script = (call: Call): Reply => {
          expect(call.request.maxTokens).toBe(LIMIT)
          const draw = draws.next().value!
          if (failing && draw >= 80) {
            failed = true
            return { fail: 'server' }
          }
          return replies[draw % replies.length]!
        }
        const { calls, result } = await ask(made, script, {
          question: asked,
          agents: settings,
          router: () => router(8),
        })
        expect(calls.length).toBeLessThanOrEqual(plan.calls.max)
        if (!failed) {
          expect(calls.length).toBeGreaterThanOrEqual(plan.calls.min)
          expect(result.failure).toBeUndefined()
          expect(result.answer).not.toBeNull()
        }
        const tokens = calls.reduce(
          (sum, { request }) => sum + request.messages.reduce((all, { content }) => all + content.length, 0),
          0,
        )
        expect(tokens).toBeLessThanOrEqual(plan.inputTokens)
        for (const step of plan.steps) {
          const own = calls.filter((call) => call.step === step.id)
          expect(own.length).toBeLessThanOrEqual(step.calls.max)
          if (!failed) expect(own.length).toBeGreaterThanOrEqual(step.calls.min)
        }
        // Every failure is in the result, and nothing else is missing.
        const missing = result.steps.flatMap((step) => step.missing ?? []).map((one) => one.call)
        const failures = result.calls.filter(({ failure }) => failure !== undefined).map(({ id }) => id)
        expect(new Set(missing)).toEqual(new Set(failures))
        expect(missing.length).toBe(failures.length)
        expect(result.calls.length).toBe(calls.length)
      },
    ),
    { numRuns: 60 },
  )
})

test.each(['moa', 'self-moa-seq', 'debate', 'attention-moa', 'llm-blender', 'archon', 'best-of-n'])(
  '%s: replies of the full length come near the bound, and stay below it',
  async (name) => {
    const agents = letters(12)
    const many =
      name === 'debate'
        ? { agents }
        : name.startsWith('self')
          ? { samples: 12, window: 12 }
          : name === 'best-of-n'
            ? { samples: 12 }
            : {}
    const made = preset(name, many, agents)
    const settings = Object.fromEntries(agents.map((agent) => [agent, { maxTokens: LIMIT }]))
    const plan = planTopology(made, {
      agents: settings,
      questionTokens: question.text.length,
      countTokens: (words) => words.length,
    })
    const { calls } = await ask(made, () => 'x'.repeat(LIMIT), { agents: settings })
    const tokens = calls.reduce(
      (sum, { request }) => sum + request.messages.reduce((all, { content }) => all + content.length, 0),
      0,
    )
    expect(tokens).toBeLessThanOrEqual(plan.inputTokens)
    expect(tokens).toBeGreaterThan(0.9 * plan.inputTokens)
    expect(plan.outputTokens).toBe(calls.length * LIMIT)
  },
)
