// Pairs of experts for tokens whose three experts are known from their ids. The ids 0 and 1 choose members that are not
// next to each other in rank, so that counting neighbours only, as OLMoE's script does, gives other numbers.
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { pairCounts } from '../src/co-activation.ts'
import { coActivation } from '../src/index.ts'
import { corpusOf, range, repeated, routedModel, run, startCpu } from './scripted.ts'

beforeAll(startCpu)

const options = { batchSize: 1, contextLength: 8, config: { batches: 2 } }

describe('co-activation', () => {
  test('N_ij / N_i for all pairs of three choices, a never-chosen expert undefined', async () => {
    // Eight tokens of id 0, four each of 1 and 2, in order of rank; nobody chooses expert 4.
    const chosen = [
      [2, 0, 1],
      [3, 1, 0],
      [3, 2, 0],
    ]
    using model = routedModel({ k: 3, members: 5 }, (token) => chosen[token]!)
    const corpus = corpusOf([...repeated([8, 4, 4]), 0])
    const { metrics, matrices } = await run(coActivation, model, corpus, options)
    // N_0 = 16, N_1 = 12, N_2 = 12, N_3 = 8; N_01 = 12, N_02 = 12, N_03 = 8, N_12 = 8, N_13 = 4, N_23 = 4.
    const values = [
      [null, 12 / 16, 12 / 16, 8 / 16, 0],
      [12 / 12, null, 8 / 12, 4 / 12, 0],
      [12 / 12, 8 / 12, null, 4 / 12, 0],
      [8 / 8, 4 / 8, 4 / 8, null, 0],
      [null, null, null, null, null],
    ]
    const names = range(5).map((member) => `copy ${member}`)
    expect(matrices).toEqual({
      'layer-0': {
        title: expect.stringContaining('layer 0') as string,
        rows: names,
        columns: names,
        values,
        rowTitle: 'expert',
        columnTitle: 'chosen together with',
        baseline: 2 / 4,
      },
    })
    expect(metrics['layer-0/strongest']).toBe(1)
    // Four rows that each sum to k − 1 = 2, over 16 defined entries.
    expect(metrics['layer-0/mean']).toBeCloseTo(8 / 16, 10)
  })

  test('each layer has its own, summed over batches', async () => {
    // Layer 0: {0, 1} and {2, 3}. Layer 1: {0, 1} for ids 0 and 1, {0, 2} for 2 and 3.
    const choose = (token: number, layer: number) =>
      layer === 0 ? (token % 2 === 0 ? [0, 1] : [2, 3]) : [0, token < 2 ? 1 : 2]
    using model = routedModel({ layers: 2, k: 2, members: 4 }, choose)
    const { matrices } = await run(coActivation, model, corpusOf([...repeated([7, 5, 3, 1]), 0]), options)
    expect(matrices!['layer-0']!.values).toEqual([
      [null, 1, 0, 0],
      [1, null, 0, 0],
      [0, 0, null, 1],
      [0, 0, 1, null],
    ])
    expect(matrices!['layer-1']!.values).toEqual([
      [null, 12 / 16, 4 / 16, 0],
      [1, null, 0, 0],
      [1, 0, null, 0],
      [null, null, null, null],
    ])
    expect(matrices!['layer-1']!.baseline).toBeCloseTo(1 / 3, 10)
  })

  test('with one choice nothing is chosen together', async () => {
    using model = routedModel({ k: 1, members: 4 }, (token) => [token])
    const { metrics, matrices } = await run(coActivation, model, corpusOf([...repeated([8, 4, 2, 2]), 0]), options)
    expect(metrics).toEqual({ 'layer-0/strongest': 0, 'layer-0/mean': 0 })
    expect(matrices!['layer-0']!.baseline).toBe(0)
  })

  test.each([
    ['one expert', 1, [0]],
    ['nothing routed', 3, [-1]],
  ])('nothing to compare: %s', async (_, members, choice) => {
    using model = routedModel({ k: 1, members }, () => choice)
    const { metrics, matrices } = await run(coActivation, model, corpusOf(range(17).map(() => 0)), options)
    expect(metrics).toEqual({ 'layer-0/strongest': 0, 'layer-0/mean': 0 })
    expect(matrices!['layer-0']!.values.flat().every((value) => value === null)).toBe(true)
    expect(matrices!['layer-0']!.baseline).toBe(0)
  })
})

describe('pair counts', () => {
  const k = 3
  const choices = fc.array(fc.shuffledSubarray(range(6), { minLength: k, maxLength: k }), { maxLength: 30 })

  test('are those of their definition: symmetric, N_i on the diagonal, k − 1 others for each choice', () =>
    fc.assert(
      fc.property(choices, (chosen) => {
        const counts = pairCounts(chosen, 6)
        for (const i of range(6)) {
          for (const j of range(6)) {
            expect(counts[i]![j]).toBe(chosen.filter((own) => own.includes(i) && own.includes(j)).length)
          }
          expect(counts[i]!.reduce((sum, count) => sum + count, 0)).toBe(k * counts[i]![i]!)
        }
      }),
    ))

  test('a member that is chosen twice for a token counts once', () => {
    expect(pairCounts([[1, 1, 0]], 2)).toEqual([
      [1, 1],
      [1, 1],
    ])
  })
})
