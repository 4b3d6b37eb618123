// Expert stacks of all kinds and widths in one layer, against a loop over tokens; gradients against central differences.
//
// Axes: T tokens, D width, k choices.
import {
  MixlabError,
  type Plugin,
  pluginConfiguration,
  type PluginTable,
  RandomStream,
  splitReference,
} from '@mixlab/core'
import { Mixture, mixtureConfig, normal } from '@mixlab/nn'
import { tf, useEngine } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { topKRouter } from '../../routers/src/index.ts'
import { experts } from '../src/index.ts'

const [T, D, k] = [14, 6, 3]
const rng = new RandomStream(6, 'experts')
const x = rng.stream('x').normals(T * D)

const table = {
  create: (kind: string, reference: Parameters<typeof splitReference>[0], context: unknown) => {
    const { name, config } = splitReference(reference)
    const plugin: Plugin = [topKRouter, ...experts].find(
      (candidate) => candidate.kind === kind && candidate.name === name,
    )!
    return plugin.create(pluginConfiguration(plugin, config), context as never)
  },
} as unknown as PluginTable

const layer = (groups: readonly object[], choices: number) =>
  new Mixture(new RandomStream(4), {
    width: D,
    innerWidth: 5,
    vocabulary: 3,
    layer: 0,
    config: mixtureConfig.parse({ experts: groups, router: { name: 'top-k', k: choices, balance: 0 } }),
    initializer: normal(0.6),
    residualInitializer: normal(0.6),
    plugins: table,
  })

function forward(mixture: Mixture): tf.Tensor2D {
  const input = {
    x_TD: tf.tensor2d(x.slice(), [T, D]),
    tokens_T: tf.zeros<tf.Rank.R1>([T], 'int32'),
    batch: 1,
    length: T,
  }
  return mixture.forward({ ...input, training: true, rng }).y_TD
}

type Vector = readonly number[]
const dot = (a: Vector, b: Vector) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
const row = (values: ArrayLike<number>, index: number, width: number) =>
  Array.from({ length: width }, (_, i) => values[index * width + i]!)
const softmax = (scores: Vector) =>
  scores.map((score) => Math.exp(score) / scores.reduce((sum, other) => sum + Math.exp(other), 0))

/** The error function by its series. */
function erf(z: number): number {
  let [term, sum] = [z, z]
  for (let n = 1; n < 60; n++) {
    term *= (-z * z) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

const activations = {
  gelu: (z: number) => 0.5 * z * (1 + erf(z / Math.SQRT2)),
  relu: (z: number) => Math.max(0, z),
  relu2: (z: number) => Math.max(0, z) ** 2,
}

/** Member `e` of a stack, by its formula. */
type Formula = (parameter: (name: string) => ArrayLike<number>, e: number, input: Vector) => Vector

const mlp =
  (activation: keyof typeof activations, inner: number): Formula =>
  (parameter, e, input) => {
    const hidden = Array.from({ length: inner }, (_, f) =>
      activations[activation](dot(row(parameter('c_fc'), e * inner + f, D), input)),
    )
    return input.map((_, d) => dot(row(parameter('c_proj'), e * D + d, inner), hidden))
  }

const swiglu =
  (inner: number): Formula =>
  (parameter, e, input) => {
    const unit = (f: number) => dot(row(parameter('gate_up_proj'), e * 2 * inner + f, D), input)
    const hidden = Array.from({ length: inner }, (_, f) => (unit(f) / (1 + Math.exp(-unit(f)))) * unit(inner + f))
    return input.map((_, d) => dot(row(parameter('down_proj'), e * D + d, inner), hidden))
  }

const constant: Formula = (parameter, e, input) => {
  const [ofToken, ofVector] = softmax([0, 1].map((i) => dot(row(parameter('mix'), 2 * e + i, D), input)))
  return input.map((value, d) => ofToken! * value + ofVector! * row(parameter('vector'), e, D)[d]!)
}

/** In an order in which stacks with weights and without lie between each other. */
const stacks: readonly {
  readonly group: { readonly name: string; readonly count: number; readonly [field: string]: unknown }
  readonly formula: Formula
}[] = [
  { group: { name: 'copy', count: 1 }, formula: (_, __, input) => input },
  { group: { name: 'swiglu', count: 2, width: 3 }, formula: swiglu(3) },
  { group: { name: 'zero', count: 1 }, formula: (_, __, input) => input.map(() => 0) },
  { group: { name: 'constant', count: 2 }, formula: constant },
  { group: { name: 'mlp', count: 2, activation: 'relu2', width: 4 }, formula: mlp('relu2', 4) },
  { group: { name: 'swiglu', count: 1 }, formula: swiglu(5) },
  { group: { name: 'mlp', count: 1, activation: 'gelu' }, formula: mlp('gelu', 5) },
  { group: { name: 'mlp', count: 1, activation: 'relu', width: 7 }, formula: mlp('relu', 7) },
]

function naive(mixture: Mixture, parts: typeof stacks, choices: number): number[] {
  const read = (name: string) => mixture.parameters().get(name)!.dataSync()
  const owners = parts.flatMap(({ group }, stack) => Array.from({ length: group.count }, (_, e) => ({ stack, e })))
  return Array.from({ length: T }, (_, t) => {
    const input = row(x, t, D)
    const probabilities = softmax(owners.map((__, member) => dot(row(read('gate.weight'), member, D), input)))
    const best = [...probabilities.keys()].toSorted((a, b) => probabilities[b]! - probabilities[a]!).slice(0, choices)
    const total = choices > 1 ? best.reduce((sum, member) => sum + probabilities[member]!, 0) : 1
    const y = input.map(() => 0)
    for (const member of best) {
      const { stack, e } = owners[member]!
      const prefix = parts.length === 1 ? 'experts.' : `experts.${stack}.`
      const output = parts[stack]!.formula((name) => read(prefix + name), e, input)
      for (const [d, value] of output.entries()) y[d]! += (probabilities[member]! / total) * value
    }
    return y
  }).flat()
}

function expectClose(actual: ArrayLike<number>, wanted: readonly number[]): void {
  for (const [i, value] of wanted.entries())
    expect(Math.abs(actual[i]! - value), String(i)).toBeLessThan(1e-4 * (1 + Math.abs(value)))
}

/** A vector that starts at 0 would hide its own mistakes. */
function shake(mixture: Mixture): Mixture {
  for (const [name, variable] of mixture.parameters()) {
    if (name.endsWith('vector')) variable.dataSync<'float32'>().set(rng.stream(name).normals(variable.size))
  }
  return mixture
}

beforeAll(() => useEngine('reference'))

describe('experts', () => {
  test('all kinds and widths in one layer', () => {
    using mixture = shake(
      layer(
        stacks.map(({ group }) => group),
        k,
      ),
    )
    expect(mixture.members).toHaveLength(11)
    expect(mixture.members.slice(0, 4)).toEqual(['copy 0', 'swiglu 1', 'swiglu 2', 'zero 3'])
    const y = tf.tidy(() => forward(mixture).dataSync().slice())
    expectClose(y, naive(mixture, stacks, k))
  })

  test.each(stacks.map((stack) => ({ ...stack, name: JSON.stringify(stack.group) })))(
    'a layer of one kind: $name',
    (stack) => {
      const only = { ...stack, group: { ...stack.group, count: 3 } }
      using mixture = shake(layer([only.group], 2))
      expectClose(
        tf.tidy(() => forward(mixture).dataSync().slice()),
        naive(mixture, [only], 2),
      )
    },
  )

  test('gradients of all parameters, the gate included, are those of central differences', () => {
    using mixture = shake(
      layer(
        stacks.map(({ group }) => group),
        6,
      ),
    )
    const mixing = Float32Array.from({ length: T * D }, (_, i) => Math.sin(1 + i))
    const objective = () => tf.sum<tf.Scalar>(tf.mul(forward(mixture), tf.tensor2d(mixing.slice(), [T, D])))
    const { value, grads } = tf.variableGrads(objective, [...mixture.parameters().values()])
    value.dispose()
    for (const [name, variable] of mixture.parameters()) {
      const gradient = grads[variable.name]!.dataSync<'float32'>()
      const at = gradient.reduce((best, g, i) => (Math.abs(g) > Math.abs(gradient[best]!) ? i : best), 0)
      const held = variable.dataSync<'float32'>() // the reference engine hands out its own memory
      const at0 = held[at]!
      const valueAt = (parameter: number) => {
        held[at] = parameter
        return tf.tidy(() => objective().dataSync()[0]!)
      }
      const step = 2e-3
      const difference = (valueAt(at0 + step) - valueAt(at0 - step)) / (2 * step)
      held[at] = at0
      expect(Math.abs(gradient[at]!), name).toBeGreaterThan(1e-3)
      expect(Math.abs(difference - gradient[at]!), name).toBeLessThan(0.01 * Math.abs(gradient[at]!) + 5e-3)
    }
    tf.dispose(grads)
  })

  test('parametersPerMember counts what is there', () => {
    for (const { group } of stacks) {
      using mixture = layer([{ ...group, count: 2 }], 1)
      const sizes = [...mixture.parameters()]
        .filter(([name]) => name.startsWith('experts'))
        .reduce((sum, [, { size }]) => sum + size, 0)
      expect(sizes - mixture.idleParameters).toBe(sizes / 2)
    }
  })

  test('a wrong field is refused', () => {
    expect(() => layer([{ name: 'mlp', count: 1, activation: 'tanh' }], 1)).toThrow(MixlabError)
    expect(() => layer([{ name: 'copy', count: 1, width: 3 }], 1)).toThrow('expert copy: unknown field width')
  })
})
