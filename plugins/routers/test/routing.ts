// Runs a router plugin by itself, and reads what it decided. Matrices are lists of rows.
//
// Axes: T tokens, D width, E members, k choices.
import { type Plugin, pluginConfiguration, RandomStream } from '@mixlab/core'
import { Module, normal, type Router, type RouterOutput } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'

export const [T, D, E] = [12, 6, 4]

class Store extends Module {}

export interface Made {
  readonly router: Router
  readonly store: Module
}

export function make(plugin: Plugin<'router'>, config: object = {}, members: number = E): Made {
  const store = new Store(new RandomStream(3, 'gate'))
  const context = { members, width: D, vocabulary: 20, layer: 0, initializer: normal(0.8), store, rng: store.rng }
  return { router: plugin.create(pluginConfiguration(plugin, { ...config }), context as never), store }
}

export type Matrix = number[][]

export const rowsOf = (values: ArrayLike<number>, width: number): Matrix =>
  Array.from({ length: values.length / width }, (_, row) =>
    Array.from({ length: width }, (__, i) => values[row * width + i]!),
  )

/** Inputs [T, D], normal, fixed. */
export const inputs: Matrix = rowsOf(new RandomStream(5, 'inputs').normals(T * D), D)
export const tokens: readonly number[] = inputs.map((_, t) => (7 * t) % 20)

export interface RouteOptions {
  readonly x?: Matrix
  readonly training?: boolean
  readonly step?: number
  readonly batch?: number
}

/** What routers draw from at a step. */
export const stepStream = (step: number) => new RandomStream(8, 'step').at(step)

export function routerInput(x_TD: tf.Tensor2D, { training = false, step = 0, batch = 1 }: RouteOptions = {}) {
  const rows = x_TD.shape[0]
  const ids = tf.tensor1d(tokens.slice(0, rows), 'int32')
  return { x_TD, tokens_T: ids, batch, length: rows / batch, training, rng: stepStream(step) }
}

export interface Routed {
  /** Pairs as [token, member, weight], by token, then member. */
  readonly pairs: [token: number, member: number, weight: number][]
  readonly losses: Readonly<Record<string, number>>
  readonly scores: Matrix
}

export function route({ router }: Made, options: RouteOptions = {}): Routed {
  const { x = inputs } = options
  return tf.tidy(() => {
    const output = router.route(routerInput(tf.tensor2d(x), options))
    const losses = Object.fromEntries(
      Object.entries(output.losses).map(([name, { value }]) => [name, value.dataSync()[0]!]),
    )
    const scores = output.scores_TE ? rowsOf(output.scores_TE.dataSync(), output.scores_TE.shape[1]) : []
    const pairs = pairsOf(output).toSorted((a, b) => a[0] - b[0] || a[1] - b[1])
    return { pairs, losses, scores }
  })
}

/** Weights in the order in which the router returns them. */
export function weightsOf({ router }: Made): number[] {
  return tf.tidy(() => {
    const output = router.route(routerInput(tf.tensor2d(inputs)))
    const weights = 'weights_N' in output ? output.weights_N : output.weights_Tk
    return [...weights.dataSync()]
  })
}

function pairsOf(output: RouterOutput): Routed['pairs'] {
  if ('rows_N' in output) {
    const [rows, offsets, weights] = [output.rows_N.dataSync(), output.offsets.dataSync(), output.weights_N.dataSync()]
    const memberOf = (slot: number) => [...offsets].findLastIndex((from) => from <= slot)
    return [...rows].map((row, slot) => [row, memberOf(slot), weights[slot]!])
  }
  const k = output.members_Tk.shape[1]
  const [members, weights] = [output.members_Tk.dataSync(), output.weights_Tk.dataSync()]
  return [...members].map((member, pair) => [Math.floor(pair / k), member, weights[pair]!])
}

/** x · weightᵀ in float64. */
export function logitsOf({ store }: Made, x: Matrix = inputs, name = 'weight'): Matrix {
  const weight = rowsOf(store.parameters().get(name)!.dataSync(), D)
  return x.map((row) => weight.map((gate) => gate.reduce((sum, value, i) => sum + value * row[i]!, 0)))
}

export function softmax(row: readonly number[]): number[] {
  const weights = row.map(Math.exp)
  const total = weights.reduce((a, b) => a + b)
  return weights.map((weight) => weight / total)
}

/** The indices of the k largest, largest first. */
export const largest = (row: readonly number[], k: number): number[] =>
  [...row.keys()].toSorted((a, b) => row[b]! - row[a]!).slice(0, k)

/** Columns of a matrix. */
export const columns = (matrix: Matrix): Matrix => matrix[0]!.map((_, column) => matrix.map((row) => row[column]!))

/** E · Σ f P, from its definition. */
export function naiveBalance(probabilities: Matrix, chosen: readonly (readonly number[])[]): number {
  const all = chosen.flat()
  const members = probabilities[0]!.length
  return columns(probabilities).reduce((sum, p, e) => {
    const f = all.filter((member) => member === e).length / all.length
    return sum + (members * f * p.reduce((a, b) => a + b)) / probabilities.length
  }, 0)
}

/**
 * Gradient of the gate's weight (or another parameter) of Σ weight · sin(1 + pair) plus the losses: what a model's loss
 * does to it through the pairs' weights.
 */
export function gateGradient(
  { router, store }: Made,
  options: RouteOptions & { readonly losses?: boolean } = {},
  name = 'weight',
): number[] {
  const variable = store.parameters().get(name)!
  return tf.tidy(() => {
    const { grads } = tf.variableGrads(() => {
      const output = router.route(routerInput(tf.tensor2d(options.x ?? inputs), options))
      const weights = 'weights_N' in output ? output.weights_N : output.weights_Tk
      const flat = tf.reshape(weights, [weights.size])
      const mixed = tf.sum<tf.Scalar>(tf.mul(flat, tf.sin(tf.range(1, weights.size + 1))))
      const losses = Object.values(output.losses).map(({ value, coefficient }) => tf.mul<tf.Scalar>(value, coefficient))
      return options.losses ? tf.addN<tf.Scalar>(losses) : mixed
    }, [variable])
    return [...grads[variable.name]!.dataSync()]
  })
}

/** Inputs that prefer member 0, 1, … in turn by the same margins, for a gate whose weight is the identity. */
export function balance({ store }: Made, members: number = E): Matrix {
  store
    .parameters()
    .get('weight')!
    .dataSync<'float32'>()
    .set(Array.from({ length: members * D }, (_, i) => Number(Math.floor(i / D) === i % D)))
  return Array.from({ length: T }, (_, t) =>
    Array.from({ length: D }, (__, d) => (d < members ? [1.5, 0.8, 0.1, -0.6][(d - t + 4 * T) % 4]! : 0)),
  )
}

export function expectPairs(actual: Routed['pairs'], wanted: Routed['pairs'], tolerance = 1e-5): void {
  const sorted = wanted.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])
  const names = (pairs: Routed['pairs']) => pairs.map(([token, member]) => `${token}→${member}`)
  if (names(actual).join() !== names(sorted).join())
    throw new Error(`routes differ:\n${names(actual).join(' ')}\n${names(sorted).join(' ')}`)
  for (const [i, [token, member, weight]] of sorted.entries()) {
    const given = actual[i]![2]
    if (!(Math.abs(given - weight) <= tolerance))
      throw new Error(`weight of ${token}→${member} is ${given}, expected ${weight}`)
  }
}

/** Overwrites a parameter or buffer: the reference engine hands out its own memory. */
export const set = ({ store }: Made, name: string, values: ArrayLike<number>) =>
  store.state().get(name)!.dataSync<'float32'>().set(values)

export const withGate = (made: Made, gate: readonly (readonly number[])[]) => {
  set(
    made,
    'weight',
    gate.flatMap((row) => [...row, ...Array.from({ length: D - row.length }, () => 0)]),
  )
  return made
}

export const pairsFrom = (
  chosen: readonly (readonly number[])[],
  weight: (t: number, member: number) => number,
): Routed['pairs'] =>
  chosen.flatMap((members, t) => members.map((member): Routed['pairs'][number] => [t, member, weight(t, member)]))
