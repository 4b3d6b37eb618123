// What evaluators see of a forward pass: which token of which window went to which member.
import { fixedBatches } from '@mixlab/data'
import { beforeAll, expect, test } from 'vitest'
import { forEachPair, membersOfTokens, observeRouting } from '../src/observe-routing.ts'
import { corpusOf, range, routedModel, startCpu, usage } from './scripted.ts'

beforeAll(startCpu)

test('the pairs of each member, in order; slots without a token are passed over', () => {
  const layer = {
    layer: 0,
    members: ['a', 'b', 'c'],
    rows: Int32Array.of(2, 0, -1, 1, 2, -1),
    offsets: Int32Array.of(0, 1, 3, 5),
    requested: 6,
  }
  const pairs: [number, number][] = []
  forEachPair(layer, (token, member) => pairs.push([token, member]))
  expect(pairs).toEqual([
    [2, 0],
    [0, 1],
    [1, 2],
    [2, 2],
  ])
  expect(membersOfTokens(layer, 4)).toEqual([[1], [2], [0, 2], []])
})

test('every batch, every layer, every token: its members in ascending order', async () => {
  const choose = (token: number, layer: number) => (token === 5 ? [-1, 2] : [(token + layer + 1) % 4, token % 4])
  using model = routedModel({ layers: 3, k: 2, members: 4, contextLength: 4 }, choose)
  const tokens = range(17).map((index) => (index * 7) % 16)
  const before = await usage()
  const seen: number[] = []
  const batches = fixedBatches(corpusOf(tokens).validation, { batches: 2, batchSize: 2, contextLength: 4 })
  for await (const { batch, layers } of observeRouting(model, batches)) {
    seen.push(...batch.inputs)
    expect(layers.map(({ layer }) => layer)).toEqual([0, 1, 2])
    for (const layer of layers) {
      expect(layer.requested).toBe(16)
      const wanted = [...batch.inputs].map((token) => choose(token, layer.layer).filter((member) => member >= 0))
      expect(membersOfTokens(layer, 8)).toEqual(wanted.map((members) => members.toSorted((a, b) => a - b)))
    }
  }
  expect(seen).toEqual(tokens.slice(0, 16))
  expect(await usage()).toEqual(before)
})
