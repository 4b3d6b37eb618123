import { applyCapacity, type CapacityPolicy, dispatch, tf, topK } from '../../src/index.ts'
import {
  type Arrays,
  floats,
  fromRows,
  integers,
  normals,
  type Numbers,
  type OperationCase,
  randomIntegers,
  rowsOf,
  zeros,
} from './case.ts'

function largest(x: Numbers, k: number): { values: Numbers; indices: Numbers } {
  const { rows, width, at } = rowsOf(x)
  const indices = { ...zeros(rows, k), dtype: 'int32' as const }
  for (let t = 0; t < rows; t++) {
    const taken = new Set<number>()
    for (let j = 0; j < k; j++) {
      let best = -1
      for (let e = 0; e < width; e++) {
        if (taken.has(e)) continue
        const better = best < 0 || at(t, e) > at(t, best) || (Number.isNaN(at(t, best)) && !Number.isNaN(at(t, e)))
        if (better) best = e
      }
      taken.add(best)
      indices.values[t * k + j] = best
    }
  }
  return { values: fromRows([rows, k], (t, j) => at(t, indices.values[t * k + j]!)), indices }
}

const topKCase = (label: string, k: number, make: OperationCase['inputs'], differentiable = true): OperationCase => ({
  name: `topK ${k} of ${label}`,
  kernels: differentiable ? ['TopK', 'ScatterColumns'] : ['TopK'],
  inputs: make,
  run(inputs) {
    const { values, indices } = topK(inputs['x'] as tf.Tensor2D, k)
    return [values, indices]
  },
  naive({ x }) {
    const { values, indices } = largest(x!, k)
    return [values, indices]
  },
  ...(differentiable && { gradients: ['x'] }),
})

function sorted(members: Numbers, memberCount: number): Numbers[] {
  const k = members.shape[1]!
  const pairs: number[] = []
  const offsets = [0]
  for (let e = 0; e < memberCount; e++) {
    for (const [pair, member] of members.values.entries()) if (member === e) pairs.push(pair)
    offsets.push(pairs.length)
  }
  while (pairs.length < members.values.length) pairs.push(-1)
  const rows = pairs.map((pair) => (pair < 0 ? -1 : Math.floor(pair / k)))
  return [integers([rows.length], rows), integers([memberCount + 1], offsets), integers([pairs.length], pairs)]
}

const dispatchCase = (label: string, memberCount: number, make: OperationCase['inputs']): OperationCase => ({
  name: `dispatch ${label}`,
  kernels: ['Dispatch'],
  inputs: make,
  run(inputs) {
    const { rows, offsets, pairs } = dispatch(inputs['members'] as tf.Tensor2D, memberCount)
    return [rows, offsets, pairs]
  },
  naive: ({ members }) => sorted(members!, memberCount),
})

/** A pair stays if fewer than `capacity` pairs of its member come before it in the policy's order. */
function limited({ members, weights }: Arrays, capacity: number, by: CapacityPolicy): Numbers {
  const [m, w] = [members!.values, weights!.values]
  const before = (a: number, b: number) => (by === 'priority' && w[a] !== w[b] ? w[a]! > w[b]! : a < b)
  const kept = m.map((member, pair) => {
    const ahead = m.filter((other, rival) => other === member && before(rival, pair)).length
    return ahead < capacity ? member : -1
  })
  return integers(members!.shape, kept)
}

const capacityCase = (
  label: string,
  capacity: number,
  by: CapacityPolicy,
  make: OperationCase['inputs'],
): OperationCase => ({
  name: `applyCapacity ${capacity} by ${by}, ${label}`,
  kernels: ['Capacity'],
  inputs: make,
  run: (inputs) => [
    applyCapacity(inputs['members'] as tf.Tensor2D, inputs['weights'] as tf.Tensor2D, { memberCount: 3, capacity, by }),
  ],
  naive: (inputs) => [limited(inputs, capacity, by)],
})

const pairs: OperationCase['inputs'] = (rng) => ({
  members: randomIntegers(rng, [9, 2], -1, 3),
  weights: normals(rng, [9, 2]),
})
const tied: OperationCase['inputs'] = (rng) => ({
  members: randomIntegers(rng, [9, 2], -1, 3),
  weights: floats(
    [9, 2],
    Array.from({ length: 18 }, () => rng.integer(3) / 4),
  ),
})

export const routingCases: readonly OperationCase[] = [
  topKCase('6', 3, (rng) => ({ x: normals(rng, [5, 6]) })),
  topKCase('all 4', 4, (rng) => ({ x: normals(rng, [3, 4]) })),
  topKCase('1', 1, (rng) => ({ x: normals(rng, [2, 1]) })),
  topKCase('40', 8, (rng) => ({ x: normals(rng, [3, 40]) })),
  topKCase('ties', 3, () => ({ x: floats([3, 5], [1, 2, 2, 1, 2, 0, 0, 0, 0, 0, -1, 3, -1, 3, -1]) }), false),
  topKCase(
    'infinities and NaN',
    4,
    () => ({ x: floats([2, 4], [NaN, -Infinity, 1, Infinity, NaN, NaN, -Infinity, 0]) }),
    false,
  ),
  topKCase('no rows', 2, () => ({ x: floats([0, 4], []) })),
  dispatchCase('random pairs, some dropped', 5, (rng) => ({ members: randomIntegers(rng, [7, 3], -1, 5) })),
  dispatchCase('one row', 4, () => ({ members: integers([1, 2], [3, 1]) })),
  dispatchCase('everything to one member', 3, () => ({ members: integers([6, 1], [1, 1, 1, 1, 1, 1]) })),
  dispatchCase('everything dropped', 2, () => ({ members: integers([2, 2], [-1, -1, -1, -1]) })),
  dispatchCase('no rows', 3, () => ({ members: integers([0, 2], []) })),
  dispatchCase('many rows', 4, (rng) => ({ members: randomIntegers(rng, [301, 2], 0, 4) })),
  capacityCase('random', 3, 'position', pairs),
  capacityCase('random', 3, 'priority', pairs),
  capacityCase('tied weights', 2, 'priority', tied),
  capacityCase('nobody', 0, 'position', pairs),
  capacityCase('room for all', 18, 'priority', pairs),
  capacityCase('no rows', 2, 'position', () => ({ members: integers([0, 2], []), weights: floats([0, 2], []) })),
]
