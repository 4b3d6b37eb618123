// The mixture layer against a loop over tokens, with and without capacity limits.
//
// Axes: T tokens, D width, E members, k choices, F inner width.
import { RandomStream } from '@mixlab/core'
import { tf, useEngine } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { defineRouter, Mixture, mixtureConfig, normal, type RoutingRecord } from '../src/index.ts'
import { experts } from '../../../plugins/experts/src/index.ts'
import { routers } from '../../../plugins/routers/src/index.ts'
import { normals } from './models.ts'
import { tableOf } from './plugin-table.ts'

const [T, D, E, k, F] = [9, 6, 4, 2, 5]

/** Records the counts that a router is told after each step. */
const told: number[][] = []
const listening = defineRouter({
  name: 'listening',
  summary: 'Sends token t to members t and t + 1, and listens',
  create: (_, { members }) => ({
    choices: 2,
    route: ({ x_TD }) => {
      const chosen = Array.from({ length: x_TD.shape[0] }, (__, t) => [t % members, (t + 1) % members])
      return {
        members_Tk: tf.tensor2d(chosen, [chosen.length, 2], 'int32'),
        weights_Tk: tf.fill([chosen.length, 2], 0.5),
        losses: {},
      }
    },
    afterStep: (counts_E) => void told.push([...counts_E.dataSync()]),
  }),
})

const plugins = tableOf([...routers, ...experts, listening])

const layer = (config: object) =>
  new Mixture(new RandomStream(2), {
    width: D,
    innerWidth: F,
    vocabulary: 7,
    layer: 0,
    config: mixtureConfig.parse({ experts: { name: 'swiglu', count: E }, ...config }),
    initializer: normal(0.7),
    residualInitializer: normal(0.7),
    plugins,
  })

const x = normals(T * D)

interface Ran {
  readonly y: number[]
  readonly slots: readonly { readonly row: number; readonly member: number; readonly weight: number }[]
  readonly requested: number
}

function run(mixture: Mixture, training: boolean): Ran {
  let record: Omit<Ran, 'y'> | undefined
  const observe = ({ routing, requested }: RoutingRecord) => {
    const offsets = [...routing.offsets.dataSync()]
    const [rows, weights] = [routing.rows_N.dataSync(), routing.weights_N.dataSync()]
    const slots = offsets.slice(0, -1).flatMap((from, member) =>
      Array.from({ length: offsets[member + 1]! - from }, (_, i) => ({
        row: rows[from + i]!,
        member,
        weight: weights[from + i]!,
      })),
    )
    record = { slots, requested }
  }
  const y = tf.tidy(() => {
    const input = {
      x_TD: tf.tensor2d(x.slice(), [T, D]),
      tokens_T: tf.zeros<tf.Rank.R1>([T], 'int32'),
      batch: 1,
      length: T,
    }
    return [...mixture.forward({ ...input, training, rng: new RandomStream(4), observe }).y_TD.dataSync()]
  })
  return { y, ...record! }
}

const row = (values: ArrayLike<number>, index: number, width: number) =>
  Array.from({ length: width }, (_, i) => values[index * width + i]!)
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
const values = (mixture: Mixture, name: string) => mixture.parameters().get(name)!.dataSync<'float32'>()

function swiglu(
  gateUp: ArrayLike<number>,
  down: ArrayLike<number>,
  member: number,
  inner: number,
  input: readonly number[],
): number[] {
  const hidden = Array.from({ length: inner }, (_, f) => {
    const gate = dot(row(gateUp, member * 2 * inner + f, D), input)
    return (gate / (1 + Math.exp(-gate))) * dot(row(gateUp, member * 2 * inner + inner + f, D), input)
  })
  return Array.from({ length: D }, (_, d) => dot(row(down, member * D + d, inner), hidden))
}

/** Top-k with renormalised softmax weights: pairs in order of tokens, best first. */
function pairsOf(mixture: Mixture) {
  const gate = values(mixture, 'gate.weight')
  return Array.from({ length: T }, (_, t) => {
    const logits = Array.from({ length: E }, (__, e) => dot(row(gate, e, D), row(x, t, D)))
    const best = [...logits.keys()].toSorted((a, b) => logits[b]! - logits[a]!).slice(0, k)
    const total = best.reduce((sum, e) => sum + Math.exp(logits[e]!), 0)
    return best.map((member) => ({ row: t, member, weight: Math.exp(logits[member]!) / total }))
  }).flat()
}

function naive(mixture: Mixture, pairs: readonly { row: number; member: number; weight: number }[]): number[] {
  const y = Array.from({ length: T * D }, () => 0)
  for (const { row: t, member, weight } of pairs) {
    const output = swiglu(
      values(mixture, 'experts.gate_up_proj'),
      values(mixture, 'experts.down_proj'),
      member,
      F,
      row(x, t, D),
    )
    for (const [d, value] of output.entries()) y[t * D + d]! += weight * value
  }
  return y
}

const close = (actual: readonly number[], wanted: readonly number[]) => {
  for (const [i, value] of wanted.entries())
    expect(Math.abs(actual[i]! - value)).toBeLessThan(1e-4 * (1 + Math.abs(value)))
}

beforeAll(() => useEngine('reference'))

describe('mixture', () => {
  test('dropless', () => {
    using mixture = layer({})
    const pairs = pairsOf(mixture)
    const ran = run(mixture, true)
    expect(ran.requested).toBe(T * k)
    expect(ran.slots.map(({ row: t, member }) => [t, member])).toEqual(
      pairs.toSorted((a, b) => a.member - b.member || a.row - b.row).map(({ row: t, member }) => [t, member]),
    )
    close(ran.y, naive(mixture, pairs))
  })

  test.each(['position', 'priority'] as const)('capacity, drop by %s', (drop) => {
    using mixture = layer({ capacity: { factor: 0.6, drop } })
    const capacity = Math.ceil((0.6 * T * k) / E)
    const pairs = pairsOf(mixture)
    const inOrder = drop === 'position' ? pairs : pairs.toSorted((a, b) => b.weight - a.weight)
    const load = Array.from({ length: E }, () => 0)
    const kept = inOrder.filter(({ member }) => ++load[member]! <= capacity)
    expect(kept.length).toBeLessThan(pairs.length)
    const ran = run(mixture, true)
    const key = (slot: { row: number; member: number }) => slot.member * T + slot.row
    expect(ran.slots.map(key).toSorted((a, b) => a - b)).toEqual(kept.map(key).toSorted((a, b) => a - b))
    expect(ran.requested).toBe(T * k)
    close(ran.y, naive(mixture, kept))
    // Evaluation is dropless unless it is told to be the same.
    expect(run(mixture, false).slots).toHaveLength(T * k)
    using same = layer({ capacity: { factor: 0.6, drop, evaluation: 'same' } })
    expect(run(same, false).slots).toHaveLength(kept.length)
  })

  test('the two policies drop different pairs', () => {
    using byPosition = layer({ capacity: { factor: 0.6, drop: 'position' } })
    using byPriority = layer({ capacity: { factor: 0.6, drop: 'priority' } })
    expect(run(byPosition, true).slots).not.toEqual(run(byPriority, true).slots)
  })

  test('shared experts add to every token, gated or not', () => {
    using mixture = layer({
      shared: [
        { name: 'swiglu', width: 3 },
        { name: 'swiglu', width: 4, gated: true },
      ],
    })
    const gate = [...values(mixture, 'shared_expert_gate.1.weight')]
    const shared = [3, 4].map((inner, index) => (t: number) => {
      const parts = ['gate_up_proj', 'down_proj'].map((part) => values(mixture, `shared_experts.${index}.${part}`))
      const output = swiglu(parts[0]!, parts[1]!, 0, inner, row(x, t, D))
      const factor = index === 1 ? 1 / (1 + Math.exp(-dot(gate, row(x, t, D)))) : 1
      return output.map((value) => value * factor)
    })
    const wanted = naive(mixture, pairsOf(mixture)).map(
      (value, i) => value + shared.reduce((sum, of) => sum + of(Math.floor(i / D))[i % D]!, 0),
    )
    close(run(mixture, true).y, wanted)
  })

  test('a router hears each member’s pairs since the last step, of training passes only', () => {
    using mixture = layer({ router: 'listening' })
    told.length = 0
    run(mixture, true)
    run(mixture, true)
    run(mixture, false)
    mixture.afterStep()
    mixture.afterStep()
    const counts = Array.from(
      { length: E },
      (_, e) =>
        2 *
        Array.from({ length: T }, (__, t) => [t % E, (t + 1) % E])
          .flat()
          .filter((m) => m === e).length,
    )
    expect(told).toEqual([counts, [0, 0, 0, 0]])
  })
})
