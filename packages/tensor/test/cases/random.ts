import { philox4x32, type PhiloxKey } from '@mixlab/core'
import { dropout, randomUniform } from '../../src/index.ts'
import { normals, type Numbers, type OperationCase, zeros } from './case.ts'

const key: PhiloxKey = [0x12345678, 0xfedcba98]

function uniform(i: number, offset: number): number {
  const block = BigInt(offset) + BigInt(Math.floor(i / 4))
  return (philox4x32([Number(block & 0xffffffffn), Number(block >> 32n), 0, 0], key)[i % 4]! >>> 8) / 2 ** 24
}

const uniformCase = (shape: number[], offset: number): OperationCase => ({
  name: `randomUniform [${shape.join(', ')}] from block ${offset}`,
  kernels: ['RandomUniform'],
  inputs: () => ({}),
  run: () => [randomUniform(shape, { key, offset })],
  naive(): Numbers[] {
    const y = zeros(...shape)
    return [{ ...y, values: y.values.map((_, i) => uniform(i, offset)) }]
  },
  tolerance: 0,
})

const dropoutCase = (shape: number[], rate: number, offset: number): OperationCase => ({
  name: `dropout ${rate} of [${shape.join(', ')}] from block ${offset}`,
  kernels: ['Dropout'],
  inputs: (rng) => ({ x: normals(rng, shape) }),
  run: ({ x }) => [dropout(x!, rate, { key, offset })],
  naive: ({ x }) => [
    { ...x!, values: x!.values.map((value, i) => (uniform(i, offset) >= rate ? value / (1 - rate) : 0)) },
  ],
  gradients: ['x'],
})

export const randomCases: readonly OperationCase[] = [
  uniformCase([3, 5], 0),
  uniformCase([1], 7),
  // The counter's low word overflows between the blocks of this tensor.
  uniformCase([10], 2 ** 32 - 1),
  uniformCase([0, 3], 0),
  dropoutCase([4, 9], 0.5, 0),
  dropoutCase([7], 0.1, 2 ** 32 - 1),
  dropoutCase([701], 0.3, 1),
  // An element whose number is the rate itself is kept.
  dropoutCase([5], uniform(2, 0), 0),
  dropoutCase([0, 2], 0.3, 5),
]
