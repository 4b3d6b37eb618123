// One kernel for a whole chain of elementwise functions: made for the chain's form when it first runs, kept by a key that
// says the form. Values that stay inside the chain never leave the registers.
import type { InstructionSet } from './instructions.ts'
import { binary, unary } from './elementwise.ts'
import { assembleKernel, type KernelFrame } from './kernel.ts'
import type { Int, Mask, Vector } from './program.ts'

/** Elements of an item where all operands run on together: BLOCK of assembly/lanes.ts. */
const block = 2048

/** How an operand is walked: with the result, along its rows or down its columns of `width`, or one value for all. */
export type Walk = 'all' | 'row' | 'column' | 'one'

export interface FusedNode {
  /** A name of `unary` or `binary` (elementwise.ts). */
  readonly name: string
  /** Values: leaves first, then nodes in their order. */
  readonly operands: readonly number[]
  /** Where its first parameter is among the parameters. */
  readonly parameter: number
}

export interface FusedForm {
  readonly leaves: readonly Walk[]
  readonly nodes: readonly FusedNode[]
  /** Nodes whose values are stored. */
  readonly outputs: readonly number[]
}

export const keyOf = ({ leaves, nodes, outputs }: FusedForm): string =>
  `${leaves.join()}|${nodes.map(({ name, operands, parameter }) => `${name}(${operands.join()};${parameter})`).join()}|${outputs.join()}`

export const isFusable = (name: string): boolean => name in unary || name in binary

/** Whether rows must be told apart. Then an item is a row, else a block of 2048 elements. */
export const hasRows = ({ leaves }: FusedForm): boolean => leaves.some((walk) => walk === 'row' || walk === 'column')

/** args: elements, width of a row, then the leaves' addresses, the outputs', and the parameters. */
export function assembleFused(set: InstructionSet, form: FusedForm): Uint8Array {
  return assembleKernel(set, (frame) => (hasRows(form) ? overRows(frame, form) : overBlocks(frame, form)))
}

interface Pointers {
  readonly leaves: readonly Int[]
  readonly outputs: readonly Int[]
}

const fixedArguments = 2

function pointersOf({ pointer }: KernelFrame, { leaves, outputs }: FusedForm): Pointers {
  return {
    leaves: leaves.map((_, i) => pointer(fixedArguments + i)),
    outputs: outputs.map((_, i) => pointer(fixedArguments + leaves.length + i)),
  }
}

function overBlocks(frame: KernelFrame, form: FusedForm): void {
  const { p, begin, end, integer } = frame
  const pointers = pointersOf(frame, form)
  const ones = form.leaves.map((walk, i) => (walk === 'one' ? p.broadcast({ base: pointers.leaves[i]! }) : undefined))
  const first = p.times(begin, block)
  const last = p.smaller(integer(0), p.times(end, block))
  const at = p.shifted(first, 'left', 2)
  const left = p.minus(last, first)
  const body = (mask?: Mask) =>
    evaluate(frame, form, pointers, at, mask, (i) => ones[i] ?? p.load({ base: pointers.leaves[i]!, index: at }, mask))
  p.while(left, '>=', p.lanes, () => {
    body()
    p.increase(at, p.width)
    p.increase(left, -p.lanes)
  })
  p.if(left, '>', 0, () => body(p.firstLanes(left)))
}

function overRows(frame: KernelFrame, form: FusedForm): void {
  const { p, begin, end, integer } = frame
  const pointers = pointersOf(frame, form)
  const width = integer(1)
  const at = p.shifted(p.times(begin, width), 'left', 2)
  p.range(begin, end, 1, (row) => {
    const inner = p.int(0)
    const fixed = form.leaves.map((walk, i) => {
      const base = pointers.leaves[i]!
      if (walk === 'one') return p.broadcast({ base })
      return walk === 'column' ? p.broadcast({ base, index: row, scale: 4 }) : undefined
    })
    const left = p.copy(width)
    const body = (mask?: Mask) =>
      evaluate(
        frame,
        form,
        pointers,
        at,
        mask,
        (i) => fixed[i] ?? p.load({ base: pointers.leaves[i]!, index: form.leaves[i] === 'row' ? inner : at }, mask),
      )
    p.while(left, '>=', p.lanes, () => {
      body()
      for (const offset of [at, inner]) p.increase(offset, p.width)
      p.increase(left, -p.lanes)
    })
    p.if(left, '>', 0, () => {
      body(p.firstLanes(left))
      p.increase(at, p.shifted(left, 'left', 2))
    })
  })
}

/** Computes and stores a vector of every output. */
function evaluate(
  { p, float }: KernelFrame,
  { leaves, nodes, outputs }: FusedForm,
  pointers: Pointers,
  at: Int,
  mask: Mask | undefined,
  leaf: (i: number) => Vector,
): void {
  const values: Vector[] = leaves.map((_, i) => leaf(i))
  const parameters = fixedArguments + leaves.length + outputs.length
  for (const [i, { name, operands, parameter }] of nodes.entries()) {
    const [a, b] = operands.map((operand) => values[operand]!) as [Vector, Vector]
    const constant = (offset: number) => float(parameters + parameter + offset)
    const value =
      operands.length === 2
        ? binary[name]!(p, a, b)
        : parameter < 0
          ? unary[name]!(p, a, a, a)
          : unary[name]!(p, a, constant(0), name === 'clip' ? constant(1) : a)
    values.push(value)
    const output = outputs.indexOf(i)
    if (output >= 0) p.store({ base: pointers.outputs[output]!, index: at }, value, mask)
  }
}
