import { RandomStream } from '@mixlab/core'
import { assert, integer, pre, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BatchOptions,
  createBatches,
  fixedBatches,
  ignored,
  samplings,
  type TokenStream,
  windows,
} from '../src/index.ts'

/** The token at position i is i, so that a batch shows where it comes from. */
const stream = (length: number): TokenStream => ({
  name: 'training',
  tokens: Int32Array.from({ length }, (_, i) => i),
  documents: Int32Array.of(0),
  bytes: length,
})

const options = (more: Partial<BatchOptions> = {}): BatchOptions => ({
  batchSize: 5,
  contextLength: 8,
  rng: new RandomStream(7).stream('batches'),
  ...more,
})

describe.each(samplings)('%s batches', (sampling) => {
  const batches = createBatches(stream(100), options({ sampling }))

  it('are windows with the next tokens as targets', () => {
    const { inputs, targets, starts } = batches.batch(3)
    for (const [row, start] of starts.entries()) {
      for (let t = 0; t < 8; t++) {
        expect(inputs[row * 8 + t]).toBe(start + t)
        expect(targets[row * 8 + t]).toBe(start + t + 1)
      }
    }
  })

  it('depend on the seed and the step only', () => {
    const again = createBatches(stream(100), options({ sampling }))
    again.batch(1)
    expect(again.batch(9)).toEqual(batches.batch(9))
    expect(batches.batch(9)).not.toEqual(batches.batch(10))
  })

  it('of accumulated steps are parts of the larger batch', () => {
    const parts = createBatches(stream(100), options({ sampling, accumulation: 2 }))
    const whole = createBatches(stream(100), options({ sampling, batchSize: 10 })).batch(4)
    expect([...parts.batch(4, 0).starts, ...parts.batch(4, 1).starts]).toEqual([...whole.starts])
  })

  it('need more data than one context', () => {
    expect(() => createBatches(stream(8), options({ sampling }))).toThrow(
      'contextLength is 8, but the training data have only 8 tokens; give more data or a shorter context',
    )
    expect([...createBatches(stream(9), options({ sampling })).batch(1).starts]).toEqual([0, 0, 0, 0, 0])
  })
})

it('random batches reach every window, the first and the last too', () => {
  const seen = new Set<number>()
  const small = createBatches(stream(10), options({ batchSize: 50, contextLength: 4, sampling: 'random' }))
  for (let step = 1; step <= 4; step++) for (const start of small.batch(step).starts) seen.add(start)
  // The window at 6 would have no target for its last token.
  expect([...seen].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5])
})

describe('a shuffled pass', () => {
  it('predicts each token once, but for fewer than two contexts at the ends', () => {
    const size = integer({ min: 2, max: 60 })
    assert(
      property(size, integer({ min: 1, max: 20 }), integer({ min: 1, max: 7 }), (tokens, contextLength, batchSize) => {
        pre(tokens > contextLength)
        const batches = createBatches(stream(tokens), options({ batchSize, contextLength }))
        const count = Math.max(1, Math.floor((tokens - contextLength) / contextLength))
        // Three passes, in batches that do not end where passes do.
        const starts = Array.from({ length: Math.ceil((3 * count) / batchSize) }, (_, step) => [
          ...batches.batch(step + 1).starts,
        ]).flat()
        for (let pass = 0; pass < 3; pass++) {
          const sorted = starts.slice(pass * count, (pass + 1) * count).toSorted((a, b) => a - b)
          expect(sorted[0]).toBeLessThan(contextLength)
          for (const [i, start] of sorted.entries()) expect(start).toBe(sorted[0]! + i * contextLength)
          expect(tokens - 1 - (sorted.at(-1)! + contextLength)).toBeLessThan(2 * contextLength)
          expect(sorted.at(-1)! + contextLength).toBeLessThan(tokens)
        }
      }),
    )
  })

  it('has an order and an offset of its own', () => {
    const batches = createBatches(stream(2000), options({ batchSize: 20, contextLength: 10 }))
    const passes = Array.from({ length: 6 }, (_, pass) =>
      Array.from({ length: 10 }, (__, i) => [...batches.batch(pass * 10 + i + 1).starts])
        .flat()
        .slice(0, 199),
    )
    expect(new Set(passes.map((starts) => starts.join())).size).toBe(6)
    expect(new Set(passes.map((starts) => starts[0]! % 10)).size).toBeGreaterThan(1)
  })
})

it('fixed batches span the stream', () => {
  const starts = fixedBatches(stream(101), { batches: 2, batchSize: 3, contextLength: 10 }).flatMap((batch) => [
    ...batch.starts,
  ])
  expect(starts).toEqual([0, 18, 36, 54, 72, 90])
})

const scored = (length: number, options: Parameters<typeof windows>[1]) =>
  [...windows(stream(length), options)].flatMap((batch) => [...batch.targets]).filter((target) => target !== ignored)

describe('windows', () => {
  it('score every target once, in any stride', () => {
    assert(
      property(
        integer({ min: 2, max: 40 }),
        integer({ min: 1, max: 12 }),
        integer({ min: 1, max: 12 }),
        (size, length, stride) => {
          pre(stride <= length && size > length)
          const targets = scored(size, { batchSize: 3, length, stride, tail: true })
          expect(targets.toSorted((a, b) => a - b)).toEqual(Array.from({ length: size - 1 }, (_, i) => i + 1))
          const whole = scored(size, { batchSize: 3, length, stride })
          expect(new Set(whole).size).toBe(whole.length)
        },
      ),
    )
  })

  it('give strided targets at least length − stride tokens of context', () => {
    for (const { inputs, targets, starts } of windows(stream(50), { batchSize: 2, length: 8, stride: 3, tail: true })) {
      for (const [row, start] of starts.entries()) {
        const first = targets.subarray(row * 8, row * 8 + 8).findIndex((target) => target !== ignored)
        expect(start === 0 || first >= 5).toBe(true)
        expect(inputs[row * 8]).toBe(start)
      }
    }
  })

  it('leave out an incomplete last window unless asked', () => {
    expect(scored(12, { batchSize: 4, length: 5 })).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })
})
