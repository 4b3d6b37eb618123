// What runs at once: calls are held until nothing more starts, then all of them end. The sizes of these waves are the
// topology's own; their number is the critical path.
import { answerQuestion, type CallOutcome } from '@mixlab/agents'
import { RandomStream } from '@mixlab/core'
import { expect, test } from 'vitest'
import { ask, letters, outcomeOf, preset, question, router } from './ask.ts'

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function waves(
  name: string,
  fields: object,
  agents: number,
): Promise<{ readonly sizes: number[]; readonly path: number }> {
  const waiting: (() => void)[] = []
  const result = answerQuestion({
    topology: preset(name, fields, letters(agents)),
    question: { ...question, text: 'One.\nTwo.\nThree.\n\nQUESTION' },
    index: 0,
    call: (call) =>
      new Promise<CallOutcome>((resolve) => {
        const words = new RandomStream(1, call.id)
        waiting.push(() =>
          resolve(outcomeOf(call, Array.from({ length: 9 }, () => letters(16)[words.integer(16)]).join(''))),
        )
      }),
    identity: (agent) => ({ provider: 'scripted', model: agent }),
    agents: {},
    router: () => router(8),
    rng: new RandomStream(1),
    signal: new AbortController().signal,
  })
  const sizes: number[] = []
  for (await settled(); waiting.length > 0; await settled()) {
    sizes.push(waiting.length)
    for (const end of waiting.splice(0).toReversed()) end()
  }
  return { sizes, path: (await result).timing.criticalPathMs }
}

test.each([
  ['single', {}, 1, [1]],
  ['self-consistency', {}, 1, [40]],
  ['more-agents', { samples: 4, by: 'similarity' }, 2, [4]],
  ['best-of-n', {}, 1, [6, 1]],
  ['moa', {}, 6, [6, 6, 1]],
  ['moa-lite', {}, 6, [6, 1]],
  ['self-moa', {}, 1, [6, 1]],
  ['self-moa-seq', {}, 1, [6, 1, 1, 1]],
  ['smoa', {}, 4, [4, 1, 4, 1, 1]],
  ['rmoa', { layers: 2 }, 4, [4, 5, 1, 1]],
  ['attention-moa', { layers: 2 }, 3, [3, 9, 3, 1, 3, 9, 3, 1, 1]],
  ['tree-moa', {}, 3, [4, 2, 2, 2, 1, 1, 1]],
  ['debate', {}, 3, [3, 3]],
  ['llm-blender', {}, 4, [4, 12, 1]],
  ['frugal-gpt', {}, 3, [3, 3, 1]],
  ['route-llm', {}, 2, [1]],
  ['route-moa', {}, 6, [3, 1, 1]],
  ['chain-of-agents', { parts: 3 }, 1, [1, 1, 1, 1]],
  ['archon', {}, 3, [3, 3, 6, 1]],
] as const)('%s %j of %i agents: %j', async (name, fields, agents, expected) => {
  const { sizes, path } = await waves(name, fields, agents)
  expect(sizes).toEqual(expected)
  // Calls take 10 ms each; rmoa's first answer is not needed by its second layer, and runs beside it.
  expect(path).toBe(10 * expected.length)
})

test('quorum and degrading are fields of every preset', async () => {
  const twoFail = ({ agent, layer }: { agent: string; layer: number }) =>
    layer === 1 && agent < 'c' ? ({ fail: 'server' } as const) : 'fine'
  expect((await ask(preset('moa', {}, letters(4)), twoFail)).result.answer).toBe('fine')
  const strict = await ask(preset('moa', { quorum: 3 }, letters(4)), twoFail)
  expect(strict.result.failure).toMatch(/^layer 1 gave 2 of at least 3 answers/)
  expect(strict.calls.length).toBe(4)
  const lenient = await ask(preset('moa', { quorum: 3, below: 'degrade' }, letters(4)), twoFail)
  expect(lenient.result.answer).toBe('fine')
  expect(lenient.result.steps.flatMap(({ missing = [] }) => missing).length).toBe(2)
  // A quorum beyond a layer of one is one: the aggregator's answer suffices.
  expect((await ask(preset('moa-lite', { quorum: 4 }, letters(4)), () => 'fine')).result.answer).toBe('fine')
  const timed = await ask(preset('moa', { layerDeadlineSeconds: 2 }, letters(2)), () => 'fine', { now: () => 5000 })
  expect(timed.calls.map(({ deadline }) => deadline)).toEqual([7000, 7000, 7000, 7000, 7000])
})
