// The transformer: shapes and names, nanoGPT's figures, gradients against differences, memory, errors.
import { RandomStream } from '@mixlab/core'
import { crossEntropy, tf, useEngine } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { type LanguageModel, type RoutingRecord } from '../src/index.ts'
import { build, integers, tiny, tinyMixture } from './models.ts'

beforeAll(() => useEngine('reference'))

const nanoGpt = {
  layers: 4,
  width: 128,
  heads: 4,
  contextLength: 64,
  norm: 'layer',
  positions: 'learned',
  feedForward: { activation: 'gelu' },
}

const sizeOf = (model: LanguageModel) => [...model.parameters().values()].reduce((sum, { size }) => sum + size, 0)

/** Cross-entropy of predicting `targets` plus the router losses. */
function lossOf(model: LanguageModel, inputs: tf.Tensor2D, targets: tf.Tensor1D, step = 0): tf.Scalar {
  const { logits, losses } = model.forward(inputs, { training: true, rng: new RandomStream(9, 'step').at(step) })
  const parts = losses
    .flatMap((layer) => Object.values(layer))
    .map(({ value, coefficient }) => tf.mul<tf.Scalar>(value, coefficient))
  return tf.addN<tf.Scalar>([crossEntropy(logits, targets).loss, ...parts])
}

describe('nanoGPT’s CPU configuration', () => {
  test('has its number of parameters, names, initial deviations and initial loss', () => {
    using model = build(nanoGpt, 65)
    const positions = 64 * 128
    // nanoGPT prints "number of parameters: 0.80M" without the positions.
    expect(sizeOf(model) - positions).toBe(65 * 128 + 4 * (12 * 128 ** 2 + 2 * 128) + 128)
    expect(model.activeParameters).toBe(sizeOf(model))
    expect([...model.parameters().keys()].slice(0, 12)).toEqual([
      'model.embed_tokens.weight',
      'model.embed_positions.weight',
      ...['input_layernorm.weight', ...['q', 'k', 'v', 'o'].map((part) => `self_attn.${part}_proj.weight`)].map(
        (name) => `model.layers.0.${name}`,
      ),
      ...['post_attention_layernorm.weight', 'mlp.c_fc.weight', 'mlp.c_proj.weight'].map(
        (name) => `model.layers.0.${name}`,
      ),
      'model.layers.1.input_layernorm.weight',
      'model.layers.1.self_attn.q_proj.weight',
    ])
    const deviation = (name: string) =>
      tf.tidy(() => tf.sqrt(tf.moments(model.parameters().get(name)!).variance).dataSync()[0]!)
    expect(deviation('model.layers.2.self_attn.q_proj.weight')).toBeCloseTo(0.02, 3)
    expect(deviation('model.layers.2.mlp.c_proj.weight')).toBeCloseTo(0.02 / Math.sqrt(8), 3)
    const loss = tf.tidy(() => {
      const { logits } = model.forward(tf.tensor2d(integers(64, 65), [1, 64], 'int32'), { training: false })
      return crossEntropy(logits, tf.tensor1d(integers(64, 65, 4), 'int32')).loss.dataSync()[0]!
    })
    expect(Math.abs(loss - Math.log(65))).toBeLessThan(0.1)
  })
})

describe('a mixture transformer', () => {
  test('names are those of Hugging Face’s fused checkpoints', () => {
    using model = build(tinyMixture({ from: 1, shared: [{ name: 'swiglu', gated: true }] }, { tied: false }))
    const shapes = Object.fromEntries([...model.parameters()].map(([name, { shape }]) => [name, shape]))
    expect(shapes).toMatchObject({
      'model.layers.0.mlp.gate_proj.weight': [12, 8],
      'model.layers.1.mlp.gate.weight': [4, 8],
      'model.layers.1.mlp.experts.gate_up_proj': [4, 12, 8],
      'model.layers.1.mlp.experts.down_proj': [4, 8, 6],
      'model.layers.1.mlp.shared_experts.gate_up_proj': [1, 24, 8],
      'model.layers.1.mlp.shared_expert_gate.weight': [1, 8],
      'lm_head.weight': [11, 8],
    })
    expect(model.mixtures).toEqual([
      { layer: 0, router: 'top-k', members: ['swiglu 0', 'swiglu 1', 'swiglu 2', 'swiglu 3'] },
    ])
    // Two of four experts of 3·6·8 parameters are idle.
    expect(sizeOf(model) - model.activeParameters).toBe(2 * 3 * 6 * 8)
  })

  test('its gradient is that of central differences', () => {
    // Larger weights than training starts with: no gradient vanishes, no route is near a tie.
    using model = build(
      tinyMixture(
        { shared: [{ name: 'mlp', gated: true, width: 4 }] },
        { initializerRange: 0.4, keyValueHeads: 1, dropout: 0.2 },
      ),
    )
    const run = () =>
      tf.tidy(() =>
        lossOf(model, tf.tensor2d(integers(10, 11), [2, 5], 'int32'), tf.tensor1d(integers(10, 11, 4), 'int32')),
      )
    const { value, grads } = tf.variableGrads(run, [...model.parameters().values()])
    value.dispose()
    for (const [name, variable] of model.parameters()) {
      const gradient = grads[variable.name]!.dataSync<'float32'>()
      const at = gradient.reduce((best, g, i) => (Math.abs(g) > Math.abs(gradient[best]!) ? i : best), 0)
      const values = variable.dataSync() // the reference engine hands out its own memory
      const held = values[at]!
      const lossAt = (x: number) => {
        values[at] = x
        const loss = run()
        const result = loss.dataSync()[0]!
        loss.dispose()
        return result
      }
      const step = 5e-3
      const difference = (lossAt(held + step) - lossAt(held - step)) / (2 * step)
      values[at] = held
      expect(Math.abs(gradient[at]!), name).toBeGreaterThan(1e-4)
      expect(Math.abs(difference - gradient[at]!), name).toBeLessThan(0.02 * Math.abs(gradient[at]!) + 2e-4)
    }
    tf.dispose(grads)
  })

  test('steps leave the number of tensors where it was', () => {
    using model = build(tinyMixture({ router: 'sigmoid-bias', capacity: {} }, { dropout: 0.1 }))
    const inputs = tf.tensor2d(integers(12, 11), [2, 6], 'int32')
    const targets = tf.tensor1d(integers(12, 11, 4), 'int32')
    const step = (index: number) => {
      const { value, grads } = tf.variableGrads(
        () => lossOf(model, inputs, targets, index),
        [...model.parameters().values()],
      )
      model.afterStep()
      tf.dispose([value, grads])
    }
    step(0)
    const before = tf.memory().numTensors
    for (let index = 1; index < 5; index++) step(index)
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose([inputs, targets])
  })

  test('random draws follow the step’s stream; evaluation has none', () => {
    using model = build(tinyMixture({ router: { name: 'switch', jitter: 0.3 } }, { dropout: 0.3 }))
    const tokens = tf.tensor2d(integers(12, 11), [1, 12], 'int32')
    const logits = (training: boolean, step: number) =>
      tf.tidy(() =>
        model
          .forward(tokens, { training, rng: new RandomStream(1).at(step) })
          .logits.dataSync()
          .slice(),
      )
    expect(logits(true, 1)).toEqual(logits(true, 1))
    expect(logits(true, 1)).not.toEqual(logits(true, 2))
    expect(logits(false, 1)).toEqual(logits(false, 2))
    tokens.dispose()
  })

  test('dropout zeroes its share of the embeddings and scales the rest', () => {
    // With all else 0, the logits are the norm of the dropped embeddings: √(1/share kept), or 0 where dropped.
    const width = 32
    using model = build({ ...tiny, width, layers: 1, contextLength: 64, tied: false, dropout: 0.3 }, width)
    const kept = (name: string) => (name.includes('norm') || name.includes('embed') ? 1 : 0)
    const identity = Float32Array.from({ length: width * width }, (_, i) => Number(i % (width + 1) === 0))
    tf.tidy(() => {
      const filled = [...model.state()].map(([name, { shape }]) => [name, tf.fill(shape, kept(name))] as const)
      model.loadState(new Map([...filled, ['lm_head.weight', tf.tensor2d(identity, [width, width])]]))
    })
    const rows = tf.tidy(() => {
      const { logits } = model.forward(tf.zeros([1, 64], 'int32'), { training: true, rng: new RandomStream(1) })
      return logits.arraySync()
    })
    const shares = rows.map((row) => row.filter((value) => value > 0).length / width)
    for (const [t, row] of rows.entries()) {
      for (const value of row) if (value !== 0) expect(value).toBeCloseTo(Math.sqrt(1 / shares[t]!), 3)
    }
    // 2,048 draws: the standard deviation of the share is 0.01.
    expect(Math.abs(shares.reduce((a, b) => a + b) / 64 - 0.7)).toBeLessThan(0.04)
  })

  test('a router that looks ahead makes the model non-causal, with a warning', () => {
    using ahead = build(tinyMixture({ router: 'expert-choice' }))
    using causal = build(tinyMixture())
    expect([ahead.causal, causal.causal]).toEqual([false, true])
    expect(ahead.warnings).toHaveLength(1)
    expect(ahead.warnings[0]).toContain('router expert-choice looks at later tokens')
    expect(causal.warnings).toEqual([])
    using dropping = build(tinyMixture({ capacity: { drop: 'priority' } }))
    expect([dropping.causal, dropping.warnings.length]).toEqual([true, 1])
    using same = build(tinyMixture({ capacity: { drop: 'priority', evaluation: 'same' } }))
    expect(same.causal).toBe(false)
  })

  test('observes each mixture layer', () => {
    using model = build(tinyMixture({ every: 2 }, { layers: 3 }))
    const seen = tf.tidy(() => {
      const records: RoutingRecord[] = []
      model.forward(tf.tensor2d(integers(10, 11), [2, 5], 'int32'), {
        training: false,
        observe: (record) => records.push(record),
      })
      return records.map(({ layer, tokens, requested, routing }) => [
        layer,
        tokens,
        requested,
        routing.offsets.dataSync().at(-1),
      ])
    })
    expect(seen).toEqual([
      [0, 10, 20, 20],
      [1, 10, 20, 20],
    ])
  })
})

describe('errors', () => {
  test.each([
    [{ ...tiny, heads: 3 }, 'model: width 8 is not divisible by 3 heads'],
    [{ ...tiny, heads: 4, keyValueHeads: 3 }, 'heads 4 is not divisible by keyValueHeads 3'],
    [{ ...tiny, heads: 8 }, 'rotary positions turn pairs of features, but a head has 1'],
    [tinyMixture({ router: { name: 'top-k', k: 9 } }), 'router top-k: k is 9 but the layer has 4 members'],
    [
      tinyMixture({ experts: { name: 'swiglu', count: 2, wdith: 3 } }),
      'expert swiglu: unknown field wdith. Did you mean width?',
    ],
    [{ ...tiny, norm: 'group' }, 'model: norm is "group", expected "rms" | "layer"'],
    [{ ...tiny, dropout: 1 }, 'model: dropout is 1, expected number'],
  ])('%#', (config, message) => {
    expect(() => build(config)).toThrow(message)
  })

  test('an input longer than the context', () => {
    using model = build(tiny)
    const tokens = tf.zeros<tf.Rank.R2>([1, 13], 'int32')
    expect(() => tf.tidy(() => model.forward(tokens, { training: false }).logits)).toThrow(
      "the input has 13 tokens, but the model's context is 12",
    )
  })

  test('a capacity with a router whose members choose', () => {
    using model = build(tinyMixture({ router: 'expert-choice', capacity: {} }))
    const tokens = tf.zeros<tf.Rank.R2>([1, 4], 'int32')
    expect(() => tf.tidy(() => model.forward(tokens, { training: false }).logits)).toThrow(
      "router expert-choice sets its members' loads itself",
    )
  })
})
