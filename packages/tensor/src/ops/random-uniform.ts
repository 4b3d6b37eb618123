// Uniform numbers as a pure function of (key, offset, index), the same on every engine: Philox 4×32-10, element i is word
// i mod 4 of block offset + ⌊i/4⌋.
import { philox4x32, type PhiloxKey } from '@mixlab/core'
import { expect } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { tf } from '../tf.ts'

export interface Draw {
  /** Two uint32 words, from a `RandomStream`'s `key`. */
  readonly key: PhiloxKey
  /** First counter block: draws of n elements from one key are disjoint if their offsets differ by ⌈n/4⌉. Default 0. */
  readonly offset?: number
}

/** As the kernels take it. */
export interface DrawAttributes {
  readonly seed0: number
  readonly seed1: number
  readonly offset: number
}

/** @throws MixlabError on a key or offset that is not a whole number in range. */
export function drawAttributes(operation: string, { key, offset = 0 }: Draw): DrawAttributes {
  const isWord = (word: number) => Number.isInteger(word) && word >= 0 && word < 2 ** 32
  expect(
    operation,
    key.length === 2 && key.every(isWord),
    () => `key is [${key.join(', ')}], expected two uint32 words`,
  )
  expect(operation, Number.isSafeInteger(offset) && offset >= 0, () => `offset is ${offset}, expected a whole number`)
  return { seed0: key[0], seed1: key[1], offset }
}

/** `size` uniform numbers in [0, 1), on the host: TensorFlow.js has no counter-based generator. */
export function uniforms(size: number, { seed0, seed1, offset }: DrawAttributes): Float32Array {
  const values = new Float32Array(size)
  for (let start = 0; start < size; start += 4) {
    const block = offset + start / 4
    const words = philox4x32([block % 2 ** 32, Math.floor(block / 2 ** 32), 0, 0], [seed0, seed1])
    for (let lane = 0; lane < 4 && start + lane < size; lane++) values[start + lane] = (words[lane]! >>> 8) * 2 ** -24
  }
  return values
}

export const randomUniformOperation = defineOperation<
  Record<string, never>,
  DrawAttributes & { shape: readonly number[] },
  tf.Tensor
>({
  name: 'RandomUniform',
  summary: 'Uniform numbers in [0, 1), counter-based',
  source: 'https://doi.org/10.1145/2063384.2063405',
  reference: (_, { shape, ...draw }) => tf.tensor(uniforms(tf.util.sizeFromShape([...shape]), draw), [...shape]),
})

/** Uniform float32 numbers in [0, 1) with 24 random bits, the same on every engine. */
export function randomUniform(shape: readonly number[], draw: Draw): tf.Tensor {
  return randomUniformOperation.run({}, { shape: [...shape], ...drawAttributes('randomUniform', draw) })
}
