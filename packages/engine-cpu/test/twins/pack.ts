// Cases of packing: operands in any layout, plain, transposed or with strides, rewritten as strips. All bits must be there,
// rounded to bfloat16 as IEEE 754 rounds, ties to even; NaN stays NaN.
import { array, constantFrom, oneof, record } from 'fast-check'
import type { InstructionSet } from '../../src/native/instructions.ts'
import { amxDepth, amxStrips } from '../../src/native/amx-product.ts'
import type { Processor } from '../../src/native/executable.ts'
import { stripShape } from '../../src/native/product.ts'
import {
  type Addresses,
  anyValues,
  floats,
  input,
  intOutput,
  type KernelCases,
  kernelCases,
  output,
  small,
  table,
  type Tensor,
} from './case.ts'

const recordWords = 8

const operand = record({
  rows: oneof({ arbitrary: small(70), weight: 4 }, small(300)),
  depth: oneof({ arbitrary: small(40), weight: 4 }, small(120)),
  layout: constantFrom('rows', 'columns', 'both', 'transposed both'),
  side: constantFrom<'rows' | 'columns'>('rows', 'columns'),
  set: constantFrom<InstructionSet>('avx2', 'avx512'),
})

type Operand = {
  rows: number
  depth: number
  layout: 'rows' | 'columns' | 'both' | 'transposed both'
  side: 'rows' | 'columns'
  set: InstructionSet
}

/** In elements. */
function stridesOf({ rows, depth, layout }: Operand): { row: number; step: number } {
  if (layout === 'rows') return { row: depth, step: 1 }
  if (layout === 'columns') return { row: 1, step: rows }
  return layout === 'both' ? { row: 3 * depth, step: 3 } : { row: 2, step: 2 * rows + 1 }
}

/** Numbers as they are, rounded to bfloat16, as pairs of bfloat16, or as pairs for AMX. */
type Form = 'float32' | 'rounded' | 'pairs' | 'amx'

const widthOf = ({ side, set }: Operand, form: Form) => (form === 'amx' ? amxStrips : stripShape[set])[side]

/** Steps of a strip, and how many of them are a word. */
const stepsOf = ({ depth }: Operand, form: Form) =>
  form === 'amx' ? Math.ceil(depth / amxDepth) * amxDepth : form === 'pairs' ? Math.ceil(depth / 2) * 2 : depth
const perWord = (form: Form) => (form === 'amx' || form === 'pairs' ? 2 : 1)

const packing = (form: Form) =>
  kernelCases({
    parameters: record({ operands: array(operand, { minLength: 1, maxLength: 3 }), values: anyValues }),
    ...(perWord(form) === 2 && {
      alone: true,
      runsOn: (set: InstructionSet, { bfloat16, amx }: Processor) =>
        set === 'avx512' && (form === 'amx' ? amx : bfloat16),
    }),
    setup: ({ operands, values }, target) => {
      // WebAssembly packs for every set, machine code for its own.
      const wanted = operands.map((one): Operand => (target === 'wasm' ? one : { ...one, set: target }))
      const tensors: Record<string, Tensor> = {}
      const firsts: number[] = []
      let items = 0
      for (const [i, one] of wanted.entries()) {
        const { row, step } = stridesOf(one)
        const source = withTies(floats((one.rows - 1) * row + (one.depth - 1) * step + 1, values, i))
        const strips = Math.ceil(one.rows / widthOf(one, form))
        const words = (strips * widthOf(one, form) * stepsOf(one, form)) / perWord(form)
        tensors[`source${i}`] = input(source)
        const expected = () => packed(one, source, form)
        tensors[`target${i}`] = perWord(form) === 2 ? { ...intOutput(words), expected } : output(words, { expected })
        firsts.push(items)
        items += strips
      }
      const records = (at: Addresses) =>
        Int32Array.from(
          wanted.flatMap((one, i) => {
            const { row, step } = stridesOf(one)
            const places = [at[`source${i}`]!, at[`target${i}`]!]
            return [...places, one.rows, one.depth, row, step, firsts[i]!, widthOf(one, form)]
          }),
        )
      return {
        tensors: { ...tensors, records: table(4 * recordWords * operands.length, records) },
        args: (at) => [at['records']!, operands.length],
        items,
      }
    },
  })

/** A third of the numbers half way between two bfloat16, and a third next to that. */
function withTies(x: Float32Array): Float32Array {
  const bits = new Uint32Array(x.buffer)
  for (let i = 0; i < x.length; i++)
    if (i % 3 !== 0 && Number.isFinite(x[i]))
      bits[i] = (bits[i]! & 0xffff0000) | (i % 3 === 1 ? 0x8000 : 0x7fff + (i & 2))
  return x
}

const word = new Uint32Array(1)
const float = new Float32Array(word.buffer)

/** The upper 16 bits of the nearest bfloat16. The processor's instruction takes denormals for zeros. */
function bfloat16(x: number, hasDenormals: boolean): number {
  float[0] = x
  const bits = word[0]!
  if (Number.isNaN(x)) return (bits >>> 16) | 0x40
  if (!hasDenormals && (bits & 0x7f800000) === 0) return (bits >>> 16) & 0x8000
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
}

/** Strips, each with the values of a step of its rows side by side; rows and steps past the end are zeros. */
function packed(one: Operand, source: Float32Array, form: Form): ArrayLike<number> {
  const { row, step } = stridesOf(one)
  const width = widthOf(one, form)
  const at = (i: number, k: number) => (i < one.rows && k < one.depth ? source[i * row + k * step]! : 0)
  const wordAt = (i: number, k: number): number => {
    if (form === 'float32') return at(i, k)
    if (perWord(form) === 2) return bfloat16(at(i, k), false) | (bfloat16(at(i, k + 1), false) << 16)
    word[0] = bfloat16(at(i, k), true) << 16
    return float[0]!
  }
  const each = (from: number, to: number, by: number) =>
    Array.from({ length: Math.ceil((to - from) / by) }, (_, i) => from + i * by)
  return each(0, one.rows, width).flatMap((first) => {
    const rows = each(first, first + width, 1)
    const steps = (from: number, to: number) => each(from, to, perWord(form))
    // Of the left operand, AMX has 32 steps of each row side by side.
    if (form === 'amx' && one.side === 'rows')
      return each(0, one.depth, amxDepth).flatMap((k) =>
        rows.flatMap((i) => steps(k, k + amxDepth).map((j) => wordAt(i, j))),
      )
    return steps(0, stepsOf(one, form)).flatMap((k) => rows.map((i) => wordAt(i, k)))
  })
}

export const packCases: Readonly<Record<string, KernelCases>> = {
  packStrips: packing('float32'),
  packStripsRounded: packing('rounded'),
  packStripsBfloat16: packing('pairs'),
  packStripsAmx: packing('amx'),
}
