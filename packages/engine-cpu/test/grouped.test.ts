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

test('a row has the same product whatever member sizes surround it', () => {
  const x = tf.tensor(randomValues(64 * 40, 5), [64, 40])
  const w = tf.tensor(randomValues(2 * 24 * 40, 6), [2, 24, 40])
  const byOffsets = (middle: number) => {
    const offsets = tf.tensor([0, middle, 64], [3], 'int32')
    return run('mixlab.GroupedMatMul', { x, w, offsets }, { transposeB: true }).dataSync()
  }
  const [few, many] = [byOffsets(2), byOffsets(60)]
  expect(few.slice(0, 2 * 24)).toEqual(many.slice(0, 2 * 24))
  expect(few.slice(60 * 24)).toEqual(many.slice(60 * 24))
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

// 512: rows of gate ‖ up are a page apart, and laid otherwise on the way back.
test.each([3, 512])('a gated unit of width %i has the bits of its parts', (width) => {
  const [x, dy] = [tf.tensor(randomValues(60 * 40, 7), [60, 40]), tf.tensor(randomValues(60 * width, 8), [60, width])]
  const w = tf.tensor(randomValues(3 * 2 * width * 40, 9), [3, 2 * width, 40])
  for (const bounds of [
    [0, 20, 23, 60],
    [4, 4, 50, 58],
    [0, 0, 0, 0],
  ]) {
    const offsets = tf.tensor(bounds, [4], 'int32')
    const attributes = { activation: 'silu' }
    const pre = run('mixlab.GroupedMatMul', { x, w, offsets }, { transposeB: true })
    const [y, joint] = run('mixlab.GroupedGatedUnit', { x, w, offsets }, attributes) as unknown as (typeof x)[]
    expect(joint!.dataSync()).toEqual(pre.dataSync())
    expect(y!.dataSync()).toEqual(run('mixlab.GatedUnit', { x: pre }, attributes).dataSync())
    const d = run('mixlab.GatedUnitGrad', { dy, x: pre }, attributes)
    const inputs = { dy, x, w, pre, offsets }
    const [dx, dw] = run('mixlab.GroupedGatedUnitGrad', inputs, attributes) as unknown as (typeof x)[]
    expect(dx!.dataSync()).toEqual(run('mixlab.GroupedMatMul', { x: d, w, offsets }, { transposeB: false }).dataSync())
    expect(dw!.dataSync()).toEqual(
      run('mixlab.GroupedMatMulGradW', { x, dy: d, offsets }, { transposeB: true }).dataSync(),
    )
  }
})
