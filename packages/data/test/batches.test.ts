import { RandomStream } from '@mixlab/core'
import { assert, integer, pre, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBatches, fixedBatches, ignored, type TokenStream, windows } from '../src/index.ts'

/** The token at position i is i, so that a batch shows where it comes from. */
const stream = (length: number): TokenStream => ({
  name: 'training',
  tokens: Int32Array.from({ length }, (_, i) => i),
  documents: Int32Array.of(0),
  bytes: length,
})

describe('random batches', () => {
  const rng = new RandomStream(7).stream('batches')
  const batches = createBatches(stream(100), { batchSize: 5, contextLength: 8, rng })

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
    const again = createBatches(stream(100), {
      batchSize: 5,
      contextLength: 8,
      rng: new RandomStream(7).stream('batches'),
    })
    again.batch(1)
    expect(again.batch(9)).toEqual(batches.batch(9))
    expect(batches.batch(9)).not.toEqual(batches.batch(10))
  })

  it('of accumulated steps are parts of the larger batch', () => {
    const whole = createBatches(stream(100), { batchSize: 10, contextLength: 8, rng }).batch(4)
    expect([...batches.batch(4, 0).starts, ...batches.batch(4, 1).starts]).toEqual([...whole.starts])
  })

  it('reach every window, the first and the last too', () => {
    const seen = new Set<number>()
    const small = createBatches(stream(10), { batchSize: 50, contextLength: 4, rng })
    for (let step = 0; step < 4; step++) for (const start of small.batch(step).starts) seen.add(start)
    // The window at 6 would have no target for its last token.
    expect([...seen].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('need more data than one context', () => {
    expect(() => createBatches(stream(8), { batchSize: 1, contextLength: 8, rng })).toThrow(
      'contextLength is 8, but the training data have only 8 tokens; give more data or a shorter context',
    )
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
