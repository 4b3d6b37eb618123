// Elementwise functions that wait: what writes in place does not change what was to be read before, memory is given back,
// and nobody can tell but by the time it takes. What chains compute is compared in fused.test.ts.
import { adamW, addInto, appendRows, cachedAttention, tf, writeInPlace } from '@mixlab/tensor'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { backend } from './start.ts'

const processor = backend.native()
const reason = typeof processor === 'string' ? processor : undefined
const size = 4096
const full = (value: number, shape: number[] = [size]) => tf.fill(shape, value)
const allEqual = (x: tf.Tensor, value: number) => expect(new Set(x.dataSync())).toEqual(new Set([value]))

let tensors = 0
let bytes = 0
beforeEach(() => {
  tensors = tf.memory().numTensors
  bytes = backend.usage().allocatedBytes
})
afterEach(() => {
  const more = [tf.memory().numTensors - tensors, backend.usage().allocatedBytes - bytes]
  if (more.some((count) => count !== 0)) throw new Error(`left behind: ${more[0]} tensors, ${more[1]} bytes`)
})

describe('what was to be read before a tensor is written in place is', () => {
  const shape = [1, 64, 1, 64]

  /** Triples a tensor, lets it be overwritten, and only then reads the triple. */
  function tripled(before: number, x: tf.Tensor, overwrite: () => void): void {
    const triple = tf.mul(x, 3)
    overwrite()
    allEqual(triple, 3 * before)
    tf.dispose([triple, x])
  }

  test('by addInto', () => {
    const [x, one] = [full(2), full(1)]
    tripled(2, x, () => addInto(x, one))
    one.dispose()
  })

  test('by writeInPlace', () => {
    const x = full(2)
    tripled(2, x, () => writeInPlace(x, new Float32Array(size)))
  })

  test('by appendRows', () => {
    const [cache, rows] = [full(2, shape) as tf.Tensor4D, full(1, shape) as tf.Tensor4D]
    tripled(2, cache, () => appendRows(cache, rows, 0))
    rows.dispose()
  })

  test('by cachedAttention', () => {
    const caches = { keys: full(2, shape) as tf.Tensor4D, values: full(2, shape) as tf.Tensor4D }
    const rows = full(1, [8, 64]) as tf.Tensor2D
    const attend = () => cachedAttention({ q: rows, k: rows, v: rows }, caches, { position: 0 }).dispose()
    const keys = tf.mul(caches.keys, 5)
    tripled(2, caches.values, attend)
    allEqual(keys, 10)
    tf.dispose([keys, caches.keys, rows])
  })

  test('by adamW', () => {
    const [p, g, m, v] = [full(2), full(1), full(0), full(0)] as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
    tripled(2, p, () => adamW({ parameters: [p], gradients: [g], m: [m], v: [v], learningRate: 0.1, step: 1 }))
    tf.dispose([g, m, v])
  })
})

test('operands that were disposed of are kept until they are read, and then given back', () => {
  const x = full(2)
  const y = tf.tidy(() => tf.add(tf.mul(x, 3), 1))
  x.dispose()
  allEqual(y, 7)
  y.dispose()
})

test('what nobody reads is never computed', (context) => {
  context.skip(reason !== undefined, `no machine code here: ${reason}`)
  const runs: string[] = []
  const own = new CpuBackend({ threads: 1 })
  const run = own.run.bind(own)
  own.run = (kernel, ...rest) => {
    runs.push(kernel)
    run(kernel, ...rest)
  }
  const x = own.output([size], 'float32')
  own.view(x).fill(2)
  const held = own.usage().allocatedBytes
  const operands = [{ info: x, walk: 'all' }] as const
  const y = own.deferred([size], { name: 'exp', operands, parameters: [], width: 0 })
  expect(own.usage().allocatedBytes).toBe(held)
  own.release(x)
  own.release(y)
  expect(own.usage().allocatedBytes).toBe(0)
  expect(runs).toEqual([])
  own.dispose()
  expect(() => own.deferred([size], { name: 'exp', operands, parameters: [], width: 0 })).toThrow('was disposed')
})

test('tf.time counts the work', async () => {
  const x = full(1, [1 << 20])
  const kept: tf.Tensor[] = []
  const before = backend.usage().allocatedBytes
  await tf.time(() => kept.push(tf.exp(x)))
  expect(backend.usage().allocatedBytes).toBe(before + (4 << 20))
  tf.dispose([x, ...kept])
})

test('a chain for which memory runs out can be computed later', (context) => {
  context.skip(reason !== undefined, `no machine code here: ${reason}`)
  const own = new CpuBackend({ threads: 1, memoryLimit: 32 << 20 })
  const x = own.output([1 << 20], 'float32')
  own.view(x).fill(2)
  const chain = (name: string, info: typeof x) =>
    own.deferred([1 << 20], { name, operands: [{ info, walk: 'all' }], parameters: [], width: 0 })
  const square = chain('square', x)
  const negative = chain('neg', square)
  const filler = own.output([(20 << 20) / 4], 'float32')
  const held = own.usage().allocatedBytes
  // One of the two fits, both do not.
  expect(() => own.view(negative)).toThrow('out of memory')
  expect(own.usage().allocatedBytes).toBe(held)
  own.release(filler)
  expect(own.view(negative)[12345]).toBe(-4)
  expect(own.view(square)[12345]).toBe(4)
  own.dispose()
})
