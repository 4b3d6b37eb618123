// Cases of chains of elementwise functions in one kernel: random forms, in which every node may read every value before it,
// over operands that run on with the result, along its rows, down its columns, or are one value.
import { array, constantFrom, integer, oneof, record } from 'fast-check'
import { planBroadcast } from '../../src/kernels/broadcast.ts'
import { block, blocks } from '../../src/kernels/work.ts'
import { binary, unary } from '../../src/native/elementwise.ts'
import { type FusedForm, hasRows, type Walk } from '../../src/native/fused.ts'
import { anyValues, floats, input, lengths, output, type Setup, small, type Values } from './case.ts'

const parameterCounts: Readonly<Record<string, number>> = { leakyRelu: 1, clip: 2 }
const names = [...Object.keys(unary), ...Object.keys(binary)]

const number = integer({ min: 0, max: 999 })
const walks = oneof(
  { arbitrary: array(constantFrom<Walk>('all', 'all', 'one'), { minLength: 1, maxLength: 3 }), weight: 1 },
  { arbitrary: array(constantFrom<Walk>('all', 'row', 'column', 'one'), { minLength: 1, maxLength: 4 }), weight: 1 },
)

export const fusedParameters = record({
  leaves: walks,
  nodes: array(record({ name: constantFrom(...names), a: number, b: number, isOutput: constantFrom(true, false) }), {
    minLength: 1,
    maxLength: 9,
    size: 'max',
  }),
  rows: small(9),
  width: lengths(32, 300),
  size: lengths(block, 5000),
  values: anyValues,
})

type Parameters = typeof fusedParameters extends { generate(...args: never[]): { value: infer P } } ? P : never

export interface FusedCase {
  readonly form: FusedForm
  readonly setup: Setup
  /** Every node's value of every element, by one function after the other. */
  expected(
    apply: (name: string, operands: readonly Float32Array[], parameters: readonly number[]) => Float32Array,
  ): Float32Array[]
}

const parameterValues = [-0.5, 0.75]

export function fusedCase({ leaves, nodes, rows, width, size, values }: Parameters): FusedCase {
  let parameters = 0
  const form: FusedForm = {
    leaves,
    nodes: nodes.map(({ name, a, b }, i) => {
      const known = leaves.length + i
      const parameter = name in parameterCounts ? parameters : -1
      parameters += parameterCounts[name] ?? 0
      return { name, operands: name in binary ? [a % known, b % known] : [a % known], parameter }
    }),
    outputs: nodes.flatMap(({ isOutput }, i) => (isOutput || i === nodes.length - 1 ? [i] : [])),
  }
  const isOfRows = hasRows(form)
  const count = isOfRows ? rows * width : size
  const sizes: Record<Walk, number> = { all: count, row: width, column: rows, one: 1 }
  const data = leaves.map((walk, i) => floats(sizes[walk], values as Values, i))
  const passed = Array.from({ length: parameters }, (_, i) => parameterValues[i % 2]!)
  return {
    form,
    setup: {
      tensors: Object.fromEntries([
        ...data.map((elements, i) => [`leaf${i}`, input(elements)] as const),
        ...form.outputs.map((node) => [`node${node}`, output(count)] as const),
      ]),
      args: (at) => [
        count,
        isOfRows ? width : 1,
        ...leaves.map((_, i) => at[`leaf${i}`]!),
        ...form.outputs.map((node) => at[`node${node}`]!),
        ...passed,
      ],
      items: isOfRows ? rows : blocks(count),
    },
    expected(apply) {
      const place: Record<Walk, (i: number) => number> = {
        all: (i) => i,
        row: (i) => i % width,
        column: (i) => Math.floor(i / width),
        one: () => 0,
      }
      const results: Float32Array[] = leaves.map((walk, leaf) =>
        Float32Array.from({ length: count }, (_, i) => data[leaf]![place[walk](i)]!),
      )
      for (const { name, operands, parameter } of form.nodes) {
        const own = parameter < 0 ? [] : passed.slice(parameter, parameter + parameterCounts[name]!)
        results.push(
          apply(
            name,
            operands.map((operand) => results[operand]!),
            own,
          ),
        )
      }
      return results.slice(leaves.length)
    },
  }
}

/** A function alone, as WebAssembly's kernel runs it. */
export function singleSetup(operands: readonly Float32Array[], parameters: readonly number[]): Setup {
  const [a, b] = operands as [Float32Array, Float32Array | undefined]
  const size = a.length
  const walk = planBroadcast([size], [size])
  return {
    tensors: { a: input(a), ...(b && { b: input(b) }), y: output(size) },
    args: (at) => (b ? [at['a']!, at['b']!, at['y']!, ...walk.args] : [at['a']!, at['y']!, size, ...parameters]),
    items: blocks(size),
  }
}
