import { describe, expect, test } from 'vitest'
import { backend, difference, randomValues, tf } from './start.ts'

const run = (name: string, inputs: Record<string, unknown>, attrs: Record<string, unknown>) =>
  tf.engine().runKernel<ReturnType<typeof tf.tensor>>(name, inputs as never, attrs as never)

const members = 4
const cases = {
  even: [0, 6, 12, 18, 24],
  'a member without rows': [0, 5, 5, 20, 24],
  'all rows at one member': [0, 0, 24, 24, 24],
  'slots before and after the members': [3, 7, 8, 19, 21],
  'no rows at all': [0, 0, 0, 0, 0],
}
const slots = 24
const inner = 13
const outer = 18

describe.each(Object.entries(cases))('%s', (_, offsets) => {
  test.each([true, false])('forward, transposeB %s', (transposeB) => {
    const x = randomValues(slots * inner, 1)
    const w = randomValues(members * inner * outer, 2)
    const shape = transposeB ? [members, outer, inner] : [members, inner, outer]
    const expected = new Float64Array(slots * outer)
    for (let e = 0; e < members; e++) {
      for (let slot = offsets[e]!; slot < offsets[e + 1]!; slot++) {
        for (let j = 0; j < outer; j++) {
          for (let p = 0; p < inner; p++) {
            const at = transposeB ? (e * outer + j) * inner + p : (e * inner + p) * outer + j
            expected[slot * outer + j]! += x[slot * inner + p]! * w[at]!
          }
        }
      }
    }
    const results = [1, 2, 3].map((threads) => {
      backend.setThreads(threads)
      const inputs = {
        x: tf.tensor(x, [slots, inner]),
        w: tf.tensor(w, shape),
        offsets: tf.tensor(offsets, [5], 'int32'),
      }
      const y = run('mixlab.GroupedMatMul', inputs, { transposeB })
      expect(y.shape).toEqual([slots, outer])
      return y.dataSync()
    })
    expect(difference(results[0]!, expected)).toBeLessThan(2e-6)
    for (const other of results) expect(other).toEqual(results[0])
  })

  test.each([true, false])('gradient of the weights, transposeB %s', (transposeB) => {
    const x = randomValues(slots * inner, 3)
    const dy = randomValues(slots * outer, 4)
    const shape = transposeB ? [members, outer, inner] : [members, inner, outer]
    const expected = new Float64Array(members * inner * outer)
    for (let e = 0; e < members; e++) {
      for (let slot = offsets[e]!; slot < offsets[e + 1]!; slot++) {
        for (let j = 0; j < outer; j++) {
          for (let p = 0; p < inner; p++) {
            const at = transposeB ? (e * outer + j) * inner + p : (e * inner + p) * outer + j
            expected[at]! += x[slot * inner + p]! * dy[slot * outer + j]!
          }
        }
      }
    }
    const inputs = {
      x: tf.tensor(x, [slots, inner]),
      dy: tf.tensor(dy, [slots, outer]),
      offsets: tf.tensor(offsets, [5], 'int32'),
    }
    const dw = run('mixlab.GroupedMatMulGradW', inputs, { transposeB })
    expect(dw.shape).toEqual(shape)
    expect(difference(dw.dataSync(), expected)).toBeLessThan(2e-6)
  })

  test.each([true, false])('both gradients at once have the bits of each, transposeB %s', (transposeB) => {
    const inputs = {
      x: tf.tensor(randomValues(slots * inner, 3), [slots, inner]),
      dy: tf.tensor(randomValues(slots * outer, 4), [slots, outer]),
      w: tf.tensor(
        randomValues(members * inner * outer, 5),
        transposeB ? [members, outer, inner] : [members, inner, outer],
      ),
      offsets: tf.tensor(offsets, [5], 'int32'),
    }
    const { x, dy, w } = inputs
    const separate = [
      run('mixlab.GroupedMatMul', { x: dy, w, offsets: inputs.offsets }, { transposeB: !transposeB }),
      run('mixlab.GroupedMatMulGradW', { x, dy, offsets: inputs.offsets }, { transposeB }),
    ]
    for (const threads of [1, 3]) {
      backend.setThreads(threads)
      const joint = run('mixlab.GroupedMatMulGrad', inputs, { transposeB }) as unknown as (typeof x)[]
      for (const [i, gradient] of joint.entries()) {
        expect(gradient.shape).toEqual(separate[i]!.shape)
        expect(gradient.dataSync()).toEqual(separate[i]!.dataSync())
      }
    }
  })
})

test('a row has the same product whatever member sizes surround it, in members of few rows as in those of many', () => {
  const x = tf.tensor(randomValues(64 * 40, 5), [64, 40])
  const w = tf.tensor(randomValues(2 * 24 * 40, 6), [2, 24, 40])
  const byOffsets = (middle: number) => {
    const offsets = tf.tensor([0, middle, 64], [3], 'int32')
    return run('mixlab.GroupedMatMul', { x, w, offsets }, { transposeB: true }).dataSync()
  }
  const [one, four, eight, many] = [byOffsets(1), byOffsets(4), byOffsets(8), byOffsets(56)]
  expect(one.slice(0, 24)).toEqual(four.slice(0, 24))
  expect(eight.slice(0, 8 * 24)).toEqual(many.slice(0, 8 * 24))
  for (const other of [four, eight]) expect(one.slice(8 * 24)).toEqual(other.slice(8 * 24))
  expect(four.slice(56 * 24)).toEqual(many.slice(56 * 24))
  expect(difference(one.slice(0, 24), many.slice(0, 24))).toBeLessThan(1e-5)
})

test('no slots give an empty result, and weights of zero gradient', () => {
  const offsets = tf.tensor([0, 0, 0], [3], 'int32')
  const y = run('mixlab.GroupedMatMul', { x: tf.zeros([0, 3]), w: tf.ones([2, 5, 3]), offsets }, { transposeB: true })
  expect(y.shape).toEqual([0, 5])
  const dw = run(
    'mixlab.GroupedMatMulGradW',
    { x: tf.zeros([0, 3]), dy: tf.zeros([0, 5]), offsets },
    { transposeB: true },
  )
  expect(dw.dataSync()).toEqual(new Float32Array(30))
})

function inPrecision(precision: 'float32' | 'bfloat16', work: () => void): void {
  const before = backend.precision
  backend.precision = () => precision
  try {
    work()
  } finally {
    backend.precision = before
  }
}

// 512: rows of gate ‖ up are a page apart, and laid otherwise on the way back. 3: no whole strip, so that the unit is a
// kernel of its own.
test.each([3, 32, 512])('gated experts of width %i have the bits of their parts', (width) => {
  const [slots, inputs, outputs] = [160, 40, 24]
  const [x, dy] = [
    tf.tensor(randomValues(slots * inputs, 7), [slots, inputs]),
    tf.tensor(randomValues(slots * outputs, 8), [slots, outputs]),
  ]
  const w = tf.tensor(randomValues(3 * 2 * width * inputs, 9), [3, 2 * width, inputs])
  const down = tf.tensor(randomValues(3 * outputs * width, 10), [3, outputs, width])
  const transposed = { transposeB: true }
  for (const bounds of [
    [0, 120, 123, 160],
    [4, 4, 150, 158],
    [0, 2, 4, 6],
    [0, 0, 0, 0],
  ])
    for (const precision of ['float32', 'bfloat16'] as const)
      inPrecision(precision, () => {
        const offsets = tf.tensor(bounds, [4], 'int32')
        const attributes = { activation: 'silu' }
        /** Rows of members only: between them, what is kept for the gradient may be anything. */
        const rows = (each: typeof x) => tf.slice(each, [bounds[0]!, 0], [bounds[3]! - bounds[0]!, -1]).dataSync()
        const pre = run('mixlab.GroupedMatMul', { x, w, offsets }, transposed)
        const hidden = run('mixlab.GatedUnit', { x: pre }, attributes)
        const parts = run('mixlab.GroupedGatedExperts', { x, w, down, offsets }, attributes) as unknown as (typeof x)[]
        expect(parts[0]!.dataSync()).toEqual(
          run('mixlab.GroupedMatMul', { x: hidden, w: down, offsets }, transposed).dataSync(),
        )
        expect(rows(parts[1]!)).toEqual(rows(pre))
        expect(rows(parts[2]!)).toEqual(rows(hidden))
        const dHidden = run('mixlab.GroupedMatMul', { x: dy, w: down, offsets }, { transposeB: false })
        const d = run('mixlab.GatedUnitGrad', { dy: dHidden, x: pre }, attributes)
        const kept = { dy, x, w, down, pre: parts[1]!, hidden: parts[2]!, offsets }
        const gradients = run('mixlab.GroupedGatedExpertsGrad', kept, attributes) as unknown as (typeof x)[]
        const expected = [
          run('mixlab.GroupedMatMul', { x: d, w, offsets }, { transposeB: false }),
          run('mixlab.GroupedMatMulGradW', { x, dy: d, offsets }, transposed),
          run('mixlab.GroupedMatMulGradW', { x: hidden, dy, offsets }, transposed),
        ]
        for (const [i, each] of expected.entries()) expect(gradients[i]!.dataSync()).toEqual(each.dataSync())
      })
})
