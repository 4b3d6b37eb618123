// Loads that follow from the tokens' ids, so that every statistic is a sum on paper.
import type { ForwardContext } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { expertLoad } from '../src/index.ts'
import { corpusOf, range, repeated, routedModel, run, ScriptedModel, startCpu, transformerOf } from './scripted.ts'

beforeAll(startCpu)

const near = (value: number): unknown => expect.closeTo(value, 10)

// Ids 0 … 3, eight, four, two and two of them, and one more token that is a target only: two batches of one window of 8.
const tokens = [...repeated([8, 4, 2, 2]), 0]
const options = { batchSize: 1, contextLength: 8, config: { batches: 2 } }

describe('expert-load', () => {
  test('two layers with loads of their own', async () => {
    // Layer 0: 8, 4, 2, 2. Layer 1: even ids to member 0, odd ones to member 2.
    const choose = (token: number, layer: number) => [layer === 0 ? token : token % 2 === 0 ? 0 : 2]
    using model = routedModel({ layers: 2, k: 1, members: 4 }, choose)
    const { metrics, matrices } = await run(expertLoad, model, corpusOf(tokens), options)
    const wanted = {
      // Mean 4, deviations 4, 0, −2, −2; shares ½ ¼ ⅛ ⅛ have 1.75 bits of 2.
      'layer-0/variation': Math.sqrt(24 / 4) / 4,
      'layer-0/maxViolation': 1,
      'layer-0/entropy': 1.75 / 2,
      'layer-0/dead': 0,
      'layer-0/dropped': 0,
      // Loads 10, 0, 6, 0: deviations 6, −4, 2, −4.
      'layer-1/variation': Math.sqrt(72 / 4) / 4,
      'layer-1/maxViolation': 1.5,
      'layer-1/entropy': -(0.625 * Math.log2(0.625) + 0.375 * Math.log2(0.375)) / 2,
      'layer-1/dead': 2,
      'layer-1/dropped': 0,
      variation: (Math.sqrt(6) + Math.sqrt(18)) / 8,
      maxViolation: 1.25,
      dead: 1,
      dropped: 0,
    }
    for (const [name, value] of Object.entries(wanted)) expect([name, metrics[name]]).toEqual([name, near(value)])
    expect(metrics['entropy']).toBeCloseTo((metrics['layer-0/entropy']! + metrics['layer-1/entropy']!) / 2, 10)
    expect(Object.keys(metrics)).toHaveLength(15)
    expect(matrices!['load']).toMatchObject({
      rows: ['layer 0', 'layer 1'],
      columns: ['copy 0', 'copy 1', 'copy 2', 'copy 3'],
      values: [
        [8 / 16, 4 / 16, 2 / 16, 2 / 16],
        [10 / 16, 0, 6 / 16, 0],
      ],
      baseline: 1 / 4,
    })
  })

  test('a capacity limit drops, batch by batch', async () => {
    // ⌈1 · 8/4⌉ = 2 pairs a member: of eight tokens of id 0 two stay, of 4, 2 and 2 of the others 2, 2 and 2.
    const capacity = { factor: 1, evaluation: 'same' }
    using model = routedModel({ k: 1, members: 4, capacity }, (token) => [token])
    const { metrics } = await run(expertLoad, model, corpusOf(tokens), options)
    expect(metrics['dropped']).toBeCloseTo(8 / 16, 10)
    expect(metrics['layer-0/dropped']).toBe(metrics['dropped'])
    expect([metrics['variation'], metrics['maxViolation'], metrics['dead']]).toEqual([0, 0, 0])
    expect(metrics['entropy']).toBeCloseTo(1, 10)
    // In one batch of two windows each member takes ⌈16/4⌉ = 4.
    const { metrics: together } = await run(expertLoad, model, corpusOf(tokens), {
      ...options,
      batchSize: 2,
      config: { batches: 1 },
    })
    expect(together['dropped']).toBeCloseTo(4 / 16, 10)
  })

  test('a limit for training only drops nothing', async () => {
    using model = routedModel({ k: 1, members: 4, capacity: { factor: 1 } }, (token) => [token])
    expect((await run(expertLoad, model, corpusOf(tokens), options)).metrics['dropped']).toBe(0)
  })

  test('pairs that the router itself drops count as dropped', async () => {
    // Of two choices the second is none for ids 0 and 1: 12 of 32 pairs.
    using model = routedModel({ k: 2, members: 4 }, (token) => [token, token < 2 ? -1 : (token + 1) % 4])
    const { metrics, matrices } = await run(expertLoad, model, corpusOf(tokens), options)
    expect(metrics['dropped']).toBeCloseTo(12 / 32, 10)
    // 8 + 2, 4, 2, 2 + 2
    expect(matrices!['load']!.values).toEqual([[10 / 20, 4 / 20, 2 / 20, 4 / 20].map(near)])
  })

  test('a router whose members choose fills each of them equally', async () => {
    using model = transformerOf({ mixture: { router: 'expert-choice', experts: { name: 'copy', count: 4 } } })
    const { metrics } = await run(expertLoad, model, corpusOf(tokens), options)
    expect(metrics).toMatchObject({ variation: 0, maxViolation: 0, dead: 0, dropped: 0 })
  })

  test('layers may report in any order and have different numbers of members', async () => {
    // Layer 0 has two members, layer 1 three; the later one speaks first.
    const slots = [
      [0, 1, 4],
      [0, 0, 4, 4],
    ]
    class Uneven extends ScriptedModel {
      override forward(tokens_BT: tf.Tensor2D, context: ForwardContext) {
        for (const layer of [1, 0]) {
          const offsets = tf.tensor1d(slots[layer]!, 'int32')
          const rows_N = tf.tensor1d([0, 1, 2, 3], 'int32')
          const routing = { rows_N, offsets, weights_N: tf.ones<tf.Rank.R1>([4]), losses: {} }
          const members = range(layer + 2).map((member) => `m${member}`)
          context.observe!({ layer, router: 'uneven', members, routing, requested: 8, tokens: 4 })
        }
        return super.forward(tokens_BT, context)
      }
    }
    using model = new Uneven(4, 4, () => [0, 0, 0, 0])
    const { metrics, matrices } = await run(expertLoad, model, corpusOf(range(4).concat(0)), {
      batchSize: 1,
      config: { batches: 1 },
    })
    expect(matrices!['load']).toMatchObject({
      columns: ['m0', 'm1', 'm2'],
      values: [
        [1 / 4, 3 / 4, null],
        [0, 1, 0],
      ],
      baseline: 1 / 3,
    })
    expect([metrics['layer-0/maxViolation'], metrics['layer-1/maxViolation']]).toEqual([0.5, 2])
    expect([metrics['layer-0/dead'], metrics['layer-1/dead'], metrics['dropped']]).toEqual([0, 2, 0.5])
  })
})
