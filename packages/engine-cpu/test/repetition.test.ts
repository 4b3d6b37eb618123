// Functions that an engine repeats instead of calling them: the same values as if they were called, whatever changes between.
import { cachedAttention, currentPrecision, linear, type Repeated, tf, withPrecision } from '@mixlab/tensor'
import { afterEach, describe, expect, test } from 'vitest'
import { cpuEngine } from '../src/engine.ts'
import { backend, randomValues } from './start.ts'

const engine = await cpuEngine.start({ precision: currentPrecision })

const [width, hidden] = [48, 70]
const matrix = (rows: number, columns: number, seed: number) =>
  tf.keep(tf.tensor2d(randomValues(rows * columns, seed), [rows, columns]))

const made: { dispose(): void }[] = []
const kept = <T extends { dispose(): void }>(one: T): T => {
  made.push(one)
  return one
}
afterEach(() => {
  for (const each of made.splice(0)) each.dispose()
})

/** Repeats `f` of rows [2, width], and says how often it was called. */
function repeating(f: (x: tf.Tensor2D) => tf.Tensor): { repeated: Repeated; calls: () => number } {
  let calls = 0
  const repeated = kept(
    engine.repeated!(tf.keep(tf.zeros([2, width])), (x) => {
      calls++
      return f(x as tf.Tensor2D)
    }),
  )
  return { repeated, calls: () => calls }
}

const inputs = Array.from({ length: 8 }, (_, i) => randomValues(2 * width, 100 + i))
const valuesOf = (f: (x: tf.Tensor2D) => tf.Tensor, x: Float32Array) =>
  tf.tidy(() =>
    f(tf.tensor2d(x, [2, width]))
      .dataSync()
      .slice(),
  )

describe('repeated', () => {
  test('gives what calls give, after two calls', () => {
    const [a, b] = [kept(matrix(hidden, width, 1)), kept(matrix(width, hidden, 2))]
    const f = (x: tf.Tensor2D) => tf.tanh(tf.add(linear(tf.relu(linear(x, a)), b), tf.mul(x, tf.scalar(0.5))))
    const { repeated, calls } = repeating(f)
    for (const [i, x] of inputs.entries()) {
      expect(repeated.run(x)).toEqual(valuesOf(f, x))
      expect(calls()).toBe(Math.min(2, i + 1))
    }
  })

  test('repeats more jobs than the queue has room for', () => {
    const f = (x: tf.Tensor2D) => Array.from({ length: 700 }).reduce<tf.Tensor>((y, _, i) => tf.add(y, i % 7), x)
    const { repeated, calls } = repeating(f)
    for (const x of inputs) expect(repeated.run(x)).toEqual(valuesOf(f, x))
    expect(calls()).toBe(2)
  })

  test('keeps its memory from whatever runs between', () => {
    const [a, b] = [kept(matrix(hidden, width, 1)), kept(matrix(width, hidden, 2))]
    const f = (x: tf.Tensor2D) => linear(linear(x, a), b)
    const { repeated } = repeating(f)
    const others: tf.Tensor[] = []
    for (const x of inputs) {
      expect(repeated.run(x)).toEqual(valuesOf(f, x))
      for (let i = 0; i < 40; i++) others.push(kept(tf.fill([2, i % 2 ? hidden : width], 7)))
    }
    for (const other of others) expect(other.dataSync().every((value) => value === 7)).toBe(true)
  })

  test('gives its memory back', () => {
    const a = kept(matrix(width, width, 1))
    const before = { bytes: backend.usage().allocatedBytes, tensors: tf.memory().numTensors, ids: backend.numDataIds() }
    for (const how of ['repeated', 'reads'] as const) {
      const { repeated } = repeating((x) => {
        const y = linear(x, a)
        if (how === 'reads') y.dataSync()
        return y
      })
      for (const x of inputs) repeated.run(x)
      made.pop()!.dispose()
      const { allocatedBytes: bytes } = backend.usage()
      expect({ bytes, tensors: tf.memory().numTensors, ids: backend.numDataIds() }).toEqual(before)
    }
  })

  test.each<[string, (x: tf.Tensor2D, i: number) => tf.Tensor]>([
    ['reads a value', (x) => tf.mul(x, tf.sum(x).dataSync()[0]!)],
    ['reads its input', (x) => tf.mul(x, x.dataSync()[3]!)],
    ['does something else for an input', (x) => (x.dataSync()[0] === inputs[4]![0] ? tf.neg(x) : tf.abs(x))],
    ['does something else for a value', (x) => (tf.neg(x).dataSync()[0] === -inputs[4]![0]! ? tf.neg(x) : tf.abs(x))],
    ['has another attribute each time', (x, i) => tf.slice(x, [0, i], [2, width - 8])],
    ['has another number each time', (x, i) => tf.mul(x, tf.scalar(i))],
    ['has another shape each time', (x, i) => linear(x, tf.ones([i + 1, width]))],
    ['does more each time', (x, i) => Array.from({ length: i }).reduce<tf.Tensor>((y) => tf.neg(y), tf.neg(x))],
  ])('calls what %s', (_, f) => {
    let at = 0
    const { repeated, calls } = repeating((x) => f(x, at))
    for (const [i, x] of inputs.entries()) {
      at = i
      expect(repeated.run(x)).toEqual(valuesOf((each) => f(each, i), x))
      expect(calls()).toBe(i + 1)
    }
  })

  test('sees that a weight was assigned, written or disposed of', () => {
    const weight = kept(tf.variable(matrix(hidden, width, 3)))
    const f = (x: tf.Tensor2D) => linear(x, weight as tf.Tensor2D)
    const { repeated, calls } = repeating(f)
    for (const [i, x] of inputs.entries()) {
      if (i === 4) {
        const other = matrix(hidden, width, 4)
        weight.assign(other)
        other.dispose()
      }
      // In place: nothing else is to be done.
      if (i === 6) backend.view(weight).fill(0.25)
      expect(repeated.run(x)).toEqual(valuesOf(f, x))
    }
    expect(calls()).toBe(4)
    weight.dispose()
    expect(() => repeated.run(inputs[0]!)).toThrow(/disposed/)
  })

  test('goes by the precision and the threads of each time', () => {
    const weight = kept(matrix(128, width, 5))
    const f = (x: tf.Tensor2D) => linear(tf.tile(x, [40, 1]), weight)
    const { repeated } = repeating(f)
    const threads = backend.threads()
    for (const [i, x] of inputs.entries()) {
      if (i === 3) backend.setThreads(1)
      if (i === 5) backend.setThreads(threads)
      const precision = i === 6 ? 'bf16' : 'float32'
      expect(withPrecision(precision, () => repeated.run(x))).toEqual(withPrecision(precision, () => valuesOf(f, x)))
    }
  })

  test('leaves what a function keeps for itself', () => {
    const a = kept(matrix(width, width, 6))
    let table: tf.Tensor2D | undefined
    const f = (x: tf.Tensor2D) => linear(x, (table ??= kept(tf.keep(tf.add(a, 1) as tf.Tensor2D))))
    const { repeated } = repeating(f)
    for (const x of inputs) expect(repeated.run(x)).toEqual(valuesOf(f, x))
    repeated.dispose()
    made.splice(made.indexOf(repeated), 1)
    kept(tf.fill([width, width], 3))
    expect(valuesOf(f, inputs[0]!)).toEqual(valuesOf((x) => linear(x, tf.add(a, 1)), inputs[0]!))
  })

  test('fails as the function does, and goes on', () => {
    let fails = true
    const f = (x: tf.Tensor2D) => {
      const y = tf.neg(x)
      if (fails) throw new Error('not yet')
      return y
    }
    const { repeated } = repeating(f)
    const before = backend.usage().allocatedBytes
    expect(() => repeated.run(inputs[0]!)).toThrow('not yet')
    expect(backend.usage().allocatedBytes).toBe(before)
    fails = false
    for (const x of inputs) expect(repeated.run(x)).toEqual(valuesOf(f, x))
  })

  test('a position that is a function is asked each time', () => {
    const [batch, length, heads, head] = [2, 8, 2, 24]
    const caches = [0, 1].map(() => {
      const buffer = () => kept(tf.keep(tf.zeros<tf.Rank.R4>([batch, length, heads, head])))
      return { keys: buffer(), values: buffer() }
    })
    const rotary = { cos: kept(matrix(length, head / 2, 7)), sin: kept(matrix(length, head / 2, 8)) }
    let position = 0
    const attend = (cache: (typeof caches)[number], at: number | (() => number)) => (x: tf.Tensor2D) =>
      cachedAttention({ q: x, k: tf.neg(x), v: x }, cache, { position: at, rotary })
    const { repeated, calls } = repeating(attend(caches[0]!, () => position))
    for (const x of inputs) {
      expect(repeated.run(x)).toEqual(valuesOf(attend(caches[1]!, position), x))
      position++
    }
    expect(calls()).toBe(2)
    for (const part of ['keys', 'values'] as const)
      expect(caches[0]![part].dataSync()).toEqual(caches[1]![part].dataSync())
  })
})
