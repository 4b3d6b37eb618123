// Names, shapes and the state dict.
import { RandomStream } from '@mixlab/core'
import { tf, useEngine } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { kaimingUniform, Module, normal, ones, xavierUniform, zeros } from '../src/index.ts'
import { build, tiny, tinyMixture } from './models.ts'

beforeAll(() => useEngine('reference'))

class Pair extends Module {
  constructor(rng: RandomStream, names: readonly string[]) {
    super(rng)
    for (const name of names) this.parameter(name, [2, 3], normal(1))
  }
}

describe('module', () => {
  test('a parameter does not depend on those made before it', () => {
    using first = new Pair(new RandomStream(7), ['a', 'b'])
    using second = new Pair(new RandomStream(7), ['b'])
    expect(first.parameters().get('b')!.dataSync()).toEqual(second.parameters().get('b')!.dataSync())
    expect(first.parameters().get('a')!.dataSync()).not.toEqual(second.parameters().get('b')!.dataSync())
  })

  test('a name is taken once', () => {
    using pair = new Pair(new RandomStream(7), ['a'])
    expect(() => pair.parameter('a', [1], zeros)).toThrow('the name a is taken')
  })

  test('state dict round trip; what is loaded is a copy', () => {
    using model = build(tinyMixture())
    using other = build(tinyMixture(), 11, 2)
    const name = 'model.layers.1.mlp.experts.down_proj'
    expect(other.state().get(name)!.dataSync()).not.toEqual(model.state().get(name)!.dataSync())
    other.loadState(model.state())
    for (const [key, variable] of model.state())
      expect(other.state().get(key)!.dataSync(), key).toEqual(variable.dataSync())
    const before = model.state().get(name)!.dataSync().slice()
    other.state().get(name)!.dataSync().fill(0) // the reference engine hands out its own memory
    expect(model.state().get(name)!.dataSync()).toEqual(before)
  })

  test('a state that does not fit changes nothing and says what is wrong', () => {
    using model = build(tiny)
    const before = model.state().get('model.norm.weight')!.dataSync().slice()
    const state = new Map<string, tf.Tensor>(
      [...model.state()].map(([name, variable]) => [name, tf.onesLike(variable).mul(3)]),
    )
    const wrong = new Map(state)
    wrong.delete('model.norm.weight')
    wrong.set('model.normal.weight', tf.zeros([8]))
    expect(() => model.loadState(wrong)).toThrow('missing model.norm.weight; unexpected model.normal.weight')
    state.set('model.embed_tokens.weight', tf.zeros([11, 9]))
    expect(() => model.loadState(state)).toThrow('model.embed_tokens.weight has shape [11, 9], expected [11, 8]')
    expect(model.state().get('model.norm.weight')!.dataSync()).toEqual(before)
  })

  test('disposing gives all tensors back', () => {
    const before = tf.memory().numTensors
    build(tinyMixture({ router: 'sigmoid-bias', shared: [{ name: 'swiglu', gated: true }] })).dispose()
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe('initializers', () => {
  const rng = () => new RandomStream(1, 'initializers')
  const moments = (values: Float32Array) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    return { mean, deviation: Math.sqrt(variance), bound: Math.max(...values.map(Math.abs)) }
  }

  test('have the moments of their formulas', () => {
    const shape = [100, 50]
    const drawn = moments(normal(0.02)(shape, rng()))
    expect(Math.abs(drawn.mean)).toBeLessThan(1e-3)
    expect(drawn.deviation).toBeCloseTo(0.02, 3)
    // A uniform number in ±b has deviation b/√3: He's is √(2/fan-in), Glorot's √(2/(fan-in + fan-out)).
    expect(moments(kaimingUniform()(shape, rng())).deviation).toBeCloseTo(Math.sqrt(2 / 50), 2)
    expect(moments(xavierUniform()(shape, rng())).deviation).toBeCloseTo(Math.sqrt(2 / 150), 2)
    expect(moments(kaimingUniform(1 / Math.sqrt(3))(shape, rng())).bound).toBeLessThanOrEqual(1 / Math.sqrt(50) + 1e-7)
    expect([...ones([2], rng()), ...zeros([2], rng())]).toEqual([1, 1, 0, 0])
  })
})
