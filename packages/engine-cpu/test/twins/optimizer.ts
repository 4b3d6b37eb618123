// Cases of updates over many tensors at once, which lie in a table: sizes around a block, with and without a scale.
import { array, boolean, constantFrom, float, record } from 'fast-check'
import { block, blocks } from '../../src/kernels/work.ts'
import {
  type Addresses,
  anyValues,
  floats,
  input,
  type KernelCases,
  kernelCases,
  lengths,
  plainValues,
  sum,
  table,
  type Tensor,
  updated,
  type Values,
} from './case.ts'

const entryWords = 8

const sizes = array(lengths(block, 2 * block + 9), { minLength: 1, maxLength: 4 })
const decays = array(constantFrom(0, 0.01, 0.3), { minLength: 4, maxLength: 4 })

/** Tensors `<name>0`, `<name>1`, … of each name, the table with their addresses, and the blocks of all. */
function tensorTable(
  sizes: readonly number[],
  decays: readonly number[],
  values: Values,
  names: Readonly<Record<string, 'input' | 'output'>>,
) {
  const tensors: Record<string, Tensor> = {}
  const firsts: number[] = []
  let total = 0
  for (const [i, size] of sizes.entries()) {
    for (const [j, [name, role]] of Object.entries(names).entries()) {
      const data = floats(size, values, 4 * i + j)
      tensors[`${name}${i}`] = role === 'input' ? input(data) : updated(data)
    }
    firsts.push(total)
    total += blocks(size)
  }
  const contents = (at: Addresses) =>
    Float64Array.from(
      sizes.flatMap((size, i) => {
        const addresses = Object.keys(names).map((name) => at[`${name}${i}`]!)
        return [...addresses, 0, 0, 0].slice(0, 4).concat(size, decays[i]!, firsts[i]!, 0)
      }),
    )
  return { tensors: { ...tensors, table: table(8 * entryWords * sizes.length, contents) }, items: total }
}

const common = { sizes, decays, values: anyValues, hasScale: boolean(), scale: float({ noNaN: true, min: -2, max: 2 }) }
const scaleTensor = (hasScale: boolean, scale: number) => (hasScale ? { scale: input(Float32Array.of(scale)) } : {})

/** args: table, count, scale, β₁, β₂, 1 − β₁, 1 − β₂, rate, rate / (1 − β₁^t), 1 / √(1 − β₂^t), eps. */
const adamW = kernelCases({
  parameters: record({ ...common, step: constantFrom(1, 2, 100), rate: constantFrom(3e-4, 0.1) }),
  setup: ({ sizes, decays, values, hasScale, scale, step, rate }) => {
    const names = { p: 'output', g: 'input', m: 'output', v: 'output' } as const
    const { tensors, items } = tensorTable(sizes, decays, values, names)
    const [beta1, beta2] = [0.9, 0.95]
    const rates = [beta1, beta2, 1 - beta1, 1 - beta2, rate]
    const corrections = [rate / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step), 1e-8]
    return {
      tensors: { ...tensors, ...scaleTensor(hasScale, scale) },
      args: (at) => [at['table']!, sizes.length, at['scale'] ?? 0, ...rates, ...corrections],
      items,
    }
  },
})

/** args: table, count, scale, learningRate, momentum, nesterov, isFirstStep. */
const sgd = kernelCases({
  parameters: record({ ...common, momentum: constantFrom(0, 0.9), nesterov: boolean(), isFirst: boolean() }),
  setup: ({ sizes, decays, values, hasScale, scale, momentum, nesterov, isFirst }) => {
    const names = { p: 'output', g: 'input', ...(momentum > 0 && { b: 'output' }) } as const
    const { tensors, items } = tensorTable(sizes, decays, values, names as Record<string, 'input' | 'output'>)
    const options = [0.1, momentum, Number(nesterov), Number(isFirst)]
    return {
      tensors: { ...tensors, ...scaleTensor(hasScale, scale) },
      args: (at) => [at['table']!, sizes.length, at['scale'] ?? 0, ...options],
      items,
    }
  },
})

/** args: table (a, p), count, decay, 1 − decay. */
const ema = kernelCases({
  parameters: record(common),
  setup: ({ sizes, decays, values }) => {
    const { tensors, items } = tensorTable(sizes, decays, values, { a: 'output', p: 'input' })
    return { tensors, args: (at) => [at['table']!, sizes.length, 0.99, 1 - 0.99], items }
  },
})

/** args: table (g), count, sums (float64 [blocks]). */
const squareSums = kernelCases({
  parameters: record({ ...common, values: plainValues }),
  setup: ({ sizes, decays, values }) => {
    const { tensors, items } = tensorTable(sizes, decays, values, { g: 'input' })
    const expected = () =>
      sizes.flatMap((size, i) => {
        const g = floats(size, values, 4 * i)
        const blockSum = (_: unknown, b: number) =>
          sum(
            g
              .subarray(b * block, (b + 1) * block)
              .map(Number)
              .values()
              .map((x) => x * x),
          )
        return Array.from({ length: blocks(size) }, blockSum)
      })
    const sums = updated(new Float64Array(items).fill(-1), { expected, tolerance: { relative: 1e-12 } })
    return { tensors: { ...tensors, sums }, args: (at) => [at['table']!, sizes.length, at['sums']!], items }
  },
})

export const optimizerCases: Readonly<Record<string, KernelCases>> = { adamW, sgd, ema, squareSums }
