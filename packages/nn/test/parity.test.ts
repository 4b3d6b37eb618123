// Against Hugging Face transformers: logits, loss and the norm of every parameter's gradient on tiny random checkpoints
// recorded in tests/fixtures/hf (transformers 5.17.0, float32).
import { readFileSync } from 'node:fs'
import { parseConfiguration, RandomStream } from '@mixlab/core'
import { crossEntropy, tf } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { readSafetensors } from '../../checkpoints/src/index.ts'
import { experts } from '../../../plugins/experts/src/index.ts'
import { routers } from '../../../plugins/routers/src/index.ts'
import { createTransformer, generate, type LanguageModel, type RoutingRecord, transformerConfig } from '../src/index.ts'
import { engines, startEngine } from './engines.ts'
import { tableOf } from './plugin-table.ts'

interface Reference {
  readonly loss: number
  readonly aux_loss: number | null
  readonly grad_norm: Readonly<Record<string, number>>
}

interface HostTensor {
  readonly shape: readonly number[]
  readonly values: ArrayLike<number>
}

/** The fixtures' shape; what differs between the families is given by each case. */
const base = { layers: 2, width: 32, heads: 4, keyValueHeads: 2, contextLength: 64, tied: false }
const mixture = (router: Readonly<Record<string, unknown>>) => ({
  router: { name: 'top-k', k: 2, balance: 0, ...router },
  experts: { name: 'swiglu', count: 4, width: 24 },
})

const cases: readonly { readonly name: string; readonly config: object; readonly coefficient?: number }[] = [
  { name: 'llama', config: { ...base, normEpsilon: 1e-6, feedForward: { width: 64 } } },
  {
    name: 'olmoe',
    config: { ...base, normEpsilon: 1e-5, queryKeyNorm: 'all', mixture: mixture({ renormalize: false }) },
    coefficient: 0.01,
  },
  {
    name: 'mixtral',
    config: { ...base, normEpsilon: 1e-5, rotaryBase: 1e6, mixture: mixture({ renormalize: true }) },
    coefficient: 0.02,
  },
  {
    name: 'qwen3_moe',
    config: {
      ...base,
      headWidth: 12,
      normEpsilon: 1e-6,
      queryKeyNorm: 'head',
      mixture: mixture({ renormalize: true }),
    },
    coefficient: 0.01,
  },
  {
    name: 'gpt2',
    config: {
      ...base,
      keyValueHeads: 4,
      norm: 'layer',
      positions: 'learned',
      tied: true,
      bias: true,
      normEpsilon: 1e-5,
      feedForward: { activation: 'geluTanh' },
    },
  },
]

const folder = (name: string) => new URL(`../../../tests/fixtures/hf/${name}/`, import.meta.url)

function read(name: string, file: string): Map<string, HostTensor> {
  const { tensors } = readSafetensors(new Uint8Array(readFileSync(new URL(file, folder(name)))))
  return tensors
}

const joined = (parts: readonly HostTensor[], shape: readonly number[]): HostTensor => ({
  shape,
  values: Float32Array.from(parts.flatMap(({ values }) => Array.from(values))),
})

/** Columns from … to of a matrix [rows, columns], transposed: GPT-2 stores its linear layers [in, out]. */
function transposed({ shape, values }: HostTensor, from = 0, to = shape[1]!): HostTensor {
  const [rows, columns] = shape as [number, number]
  const out = Array.from({ length: to - from }, (_, c) =>
    Array.from({ length: rows }, (__, r) => values[r * columns + from + c]!),
  )
  return { shape: [to - from, rows], values: Float32Array.from(out.flat()) }
}

/** A checkpoint under this package's names: experts stacked, GPT-2's joint and transposed weights taken apart. */
function ourNames(name: string, given: ReadonlyMap<string, HostTensor>): Map<string, HostTensor> {
  const ours = new Map<string, HostTensor>()
  for (const [key, tensor] of given) {
    const path = key
      .replace('block_sparse_moe', 'mlp')
      .replace('transformer.h.', 'model.layers.')
      .replace('.w1.', '.gate_proj.')
      .replace('.w3.', '.up_proj.')
      .replace('.w2.', '.down_proj.')
    const expert = /^(.*experts)\.(\d+)\.(gate|up|down)_proj\.weight$/.exec(path)
    if (expert) ours.set(`${expert[1]}/${expert[3]}/${expert[2]}`, tensor)
    else ours.set(path, tensor)
  }
  for (const layer of [0, 1]) {
    const prefix = `model.layers.${layer}.`
    const take = (path: string) => {
      const tensor = ours.get(prefix + path)
      ours.delete(prefix + path)
      return tensor
    }
    const stack = (part: string) =>
      [0, 1, 2, 3].map((expert) => take(`mlp.experts/${part}/${expert}`)).filter((x) => x !== undefined)
    const [gates, ups, downs] = [stack('gate'), stack('up'), stack('down')]
    if (gates.length > 0) {
      ours.set(
        `${prefix}mlp.experts.gate_up_proj`,
        joined(
          gates.flatMap((gate, e) => [gate, ups[e]!]),
          [4, 48, 32],
        ),
      )
      ours.set(`${prefix}mlp.experts.down_proj`, joined(downs, [4, 32, 24]))
    }
    if (name !== 'gpt2') continue
    const [weight, bias] = [take('attn.c_attn.weight')!, take('attn.c_attn.bias')!]
    for (const [index, part] of ['q_proj', 'k_proj', 'v_proj'].entries()) {
      ours.set(`${prefix}self_attn.${part}.weight`, transposed(weight, 32 * index, 32 * (index + 1)))
      ours.set(`${prefix}self_attn.${part}.bias`, {
        shape: [32],
        values: Array.from(bias.values).slice(32 * index, 32 * (index + 1)),
      })
    }
    ours.set(`${prefix}self_attn.o_proj.weight`, transposed(take('attn.c_proj.weight')!))
    ours.set(`${prefix}self_attn.o_proj.bias`, take('attn.c_proj.bias')!)
    for (const part of ['c_fc', 'c_proj'])
      ours.set(`${prefix}mlp.${part}.weight`, transposed(take(`mlp.${part}.weight`)!))
    for (const [from, to] of [
      ['ln_1', 'input_layernorm'],
      ['ln_2', 'post_attention_layernorm'],
    ] as const) {
      for (const part of ['weight', 'bias']) ours.set(`${prefix}${to}.${part}`, take(`${from}.${part}`)!)
    }
  }
  const rename = {
    'transformer.wte': 'model.embed_tokens',
    'transformer.wpe': 'model.embed_positions',
    'transformer.ln_f': 'model.norm',
  }
  for (const [from, to] of Object.entries(rename)) {
    for (const part of ['weight', 'bias']) {
      const tensor = ours.get(`${from}.${part}`)
      ours.delete(`${from}.${part}`)
      if (tensor) ours.set(`${to}.${part}`, tensor)
    }
  }
  return ours
}

/** GPT-2's gradient norms under our names: its joint q, k, v weight has one norm for three of ours. */
const jointNames: Readonly<Record<string, string>> = {
  'transformer.wte': 'model.embed_tokens',
  'transformer.wpe': 'model.embed_positions',
  'transformer.ln_f': 'model.norm',
  'transformer.h.': 'model.layers.',
  'attn.c_proj': 'self_attn.o_proj',
  ln_1: 'input_layernorm',
  ln_2: 'post_attention_layernorm',
}
const ourName = (key: string): string =>
  Object.entries(jointNames).reduce((name, [from, to]) => name.replace(from, to), key)

/** Hugging Face's auxiliary loss: all layers pooled, k · E · Σ f̄ P̄. */
function pooledBalance(records: readonly RoutingRecord[], k: number): tf.Scalar {
  const members = records[0]!.members.length
  const counts = records.map(({ routing }) => {
    const edges = tf.cast(routing.offsets, 'float32')
    return tf.sub(tf.slice(edges, [1], [members]), tf.slice(edges, [0], [members]))
  })
  const f = tf.div(tf.addN(counts), records.length * records[0]!.requested)
  const p = tf.mean(tf.concat(records.map(({ routing }) => routing.scores_TE!)), 0)
  return tf.mul(tf.sum(tf.mul(f, p)), members * k)
}

const runs = engines.flatMap((engine) => cases.map((one) => ({ ...one, engine })))

describe.each(runs)('$name on $engine', ({ name, config, coefficient = 0, engine }) => {
  const expected = read(name, 'expected.safetensors')
  const reference = JSON.parse(readFileSync(new URL('expected.json', folder(name)), 'utf8')) as Reference
  const ids = Array.from(expected.get('input_ids')!.values)
  let model: LanguageModel

  beforeAll(async () => {
    await startEngine(engine)
    const plugins = tableOf([...routers, ...experts])
    model = createTransformer(parseConfiguration(transformerConfig, config, 'model'), {
      vocabulary: 101,
      rng: new RandomStream(1),
      plugins,
    })
    tf.tidy(() => {
      const state = [...ourNames(name, read(name, 'model.safetensors'))]
      model.loadState(
        new Map(state.map(([key, { values, shape }]) => [key, tf.tensor(Float32Array.from(values), [...shape])])),
      )
    })
    return () => model.dispose()
  })

  test('logits', () => {
    const logits = tf.tidy(() => model.forward(tf.tensor2d(ids, [2, 13], 'int32'), { training: false }).logits)
    const wanted = expected.get('logits')!.values
    const difference = Math.max(...logits.dataSync().map((value, i) => Math.abs(value - wanted[i]!)))
    logits.dispose()
    expect(difference).toBeLessThanOrEqual(2e-4)
  })

  test('greedy continuation', async () => {
    const wanted = Array.from(expected.get('greedy')!.values)
    expect(await generate(model, wanted.slice(0, 5), { maxTokens: 10, temperature: 0 })).toEqual(wanted.slice(5))
  })

  test('loss and gradient norms', () => {
    const variables = model.parameters()
    const { value, grads } = tf.variableGrads(() => {
      const records: RoutingRecord[] = []
      const { logits } = model.forward(tf.tensor2d(ids, [2, 13], 'int32'), {
        training: false,
        observe: (record) => records.push(record),
      })
      const inputs = tf.gather<tf.Tensor2D>(
        logits,
        tf.tensor1d(
          ids.map((_, i) => i).filter((i) => i % 13 < 12),
          'int32',
        ),
      )
      const targets = tf.tensor1d(
        ids.filter((_, i) => i % 13 > 0),
        'int32',
      )
      const { loss } = crossEntropy(inputs, targets)
      return coefficient === 0 ? loss : tf.add<tf.Scalar>(loss, tf.mul(pooledBalance(records, 2), coefficient))
    }, [...variables.values()])
    expect(Math.abs(value.dataSync()[0]! - reference.loss)).toBeLessThanOrEqual(2e-4)
    const norms = new Map([...variables].map(([key, { name: id }]) => [key, tf.norm(grads[id]!).dataSync()[0]!]))
    for (const [key, wanted] of Object.entries(reference.grad_norm)) {
      const parts = ['q_proj', 'k_proj', 'v_proj'].map((part) =>
        ourName(key).replace('attn.c_attn', `self_attn.${part}`),
      )
      const norm = key.includes('c_attn')
        ? Math.hypot(...parts.map((part) => norms.get(part)!))
        : norms.get(ourName(key))!
      expect(Math.abs(norm - wanted) / wanted, key).toBeLessThanOrEqual(1e-3)
    }
  })
})
