// TensorFlow.js's elementwise functions of two tensors, and comparisons, with broadcasting. Types that
// have no native loop go to the fallback.
import { type DataType, type TensorInfo, util } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { runFallback } from '../fallback.ts'
import { isFusable, type Walk } from '../native/fused.ts'
import { defineKernel } from '../register.ts'
import { planBroadcast } from './broadcast.ts'
import { mapElements, nameOf } from './unary.ts'
import { block, heavyGrain, lightGrain } from './work.ts'

interface Binary {
  readonly float32?: string
  readonly int32?: string
  readonly bool?: string
  /** Type of the result, where it is not that of the operands. */
  readonly result?: DataType
  readonly grain?: number
}

const arithmetic = (name: string): Binary => ({ float32: `${name}Float`, int32: `${name}Int` })
const comparison = (name: string): Binary => ({ ...arithmetic(name), result: 'bool' })

const functions: Record<string, Binary> = {
  Add: arithmetic('add'),
  Sub: arithmetic('sub'),
  Multiply: arithmetic('mul'),
  RealDiv: { float32: 'divFloat' },
  Maximum: arithmetic('max'),
  Minimum: arithmetic('min'),
  SquaredDifference: arithmetic('squaredDifference'),
  Pow: { float32: 'powFloat', grain: heavyGrain },
  Mod: { ...arithmetic('mod'), grain: heavyGrain },
  FloorDiv: { ...arithmetic('floorDiv'), result: 'int32', grain: heavyGrain },
  Equal: { ...comparison('equal'), bool: 'equalBool' },
  NotEqual: { ...comparison('notEqual'), bool: 'notEqualBool' },
  Less: comparison('less'),
  LessEqual: comparison('lessEqual'),
  Greater: comparison('greater'),
  GreaterEqual: comparison('greaterEqual'),
  LogicalAnd: { bool: 'andBool' },
  LogicalOr: { bool: 'orBool' },
}

/** Runs an elementwise kernel over a and b, broadcast. */
export function mapPairs(
  backend: CpuBackend,
  kernel: string,
  a: TensorInfo,
  b: TensorInfo,
  { result = a.dtype, grain = lightGrain }: { result?: DataType; grain?: number } = {},
): TensorInfo {
  const { shape, rows, blocks: perRow, args } = planBroadcast(a.shape, b.shape)
  if (result === 'float32') {
    const deferred = deferPairs(backend, nameOf(kernel), a, b, shape)
    if (deferred) return deferred
  }
  const out = backend.output(shape, result)
  // short rows: as many as make up a chunk of whole blocks
  const rowsInGrain = perRow === 1 ? Math.max(1, Math.floor((grain * block) / Math.max(1, args[0]!))) : grain
  backend.run(kernel, rows * perRow, rowsInGrain, backend.pointer(a), backend.pointer(b), backend.pointer(out), ...args)
  return out
}

function deferPairs(backend: CpuBackend, name: string, a: TensorInfo, b: TensorInfo, shape: number[]) {
  if (a.dtype !== 'float32' || !backend.defers(util.sizeFromShape(shape)) || !isFusable(name)) return undefined
  const [first, second] = [walkOf(a.shape, shape), walkOf(b.shape, shape)]
  if (!first || !second || (first.width > 0 && second.width > 0 && first.width !== second.width)) return undefined
  const operands = [
    { info: a, walk: first.walk },
    { info: b, walk: second.walk },
  ]
  return backend.deferred(shape, { name, operands, parameters: [], width: first.width || second.width })
}

/** How an operand is walked in a broadcast, where that is simple. */
function walkOf(operand: readonly number[], shape: readonly number[]): { walk: Walk; width: number } | undefined {
  const size = operand.reduce((product, axis) => product * axis, 1)
  const whole = shape.reduce((product, axis) => product * axis, 1)
  if (size === whole) return { walk: 'all', width: 0 }
  if (size === 1) return { walk: 'one', width: 0 }
  const own = [...Array.from({ length: shape.length - operand.length }, () => 1), ...operand]
  const product = (from: number, to: number) => shape.slice(from, to).reduce((all, axis) => all * axis, 1)
  const first = own.findIndex((axis) => axis !== 1)
  const last = own.findLastIndex((axis) => axis !== 1)
  // Its own axes are all of the result's last ones, or all of its first.
  if (own.every((axis, i) => (i < first ? axis === 1 : axis === shape[i])))
    return { walk: 'row', width: product(first, shape.length) }
  if (own.every((axis, i) => (i > last ? axis === 1 : axis === shape[i])))
    return { walk: 'column', width: product(last + 1, shape.length) }
  return undefined
}

for (const [name, { result, grain = lightGrain, ...kernels }] of Object.entries(functions)) {
  defineKernel(name, (call) => {
    const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo }
    const kernel = a.dtype === b.dtype ? kernels[a.dtype as keyof typeof kernels] : undefined
    if (!kernel) return runFallback(name, call)
    if (name === 'Pow') {
      const shortcut = simplePower(call.backend, a, b)
      if (shortcut) return shortcut
    }
    return mapPairs(call.backend, kernel, a, b, { result: result ?? a.dtype, grain })
  })
}

/** x² and x¹, which is what most uses of a power and of its gradient come to. */
function simplePower(backend: CpuBackend, a: TensorInfo, b: TensorInfo): TensorInfo | undefined {
  if (b.shape.length > 0) return undefined
  const exponent = backend.values(b)[0]
  if (exponent === 2) return mapElements({ backend, inputs: { x: a }, attrs: {} }, 'squareFloat')
  return exponent === 1 ? backend.alias(a, a.shape) : undefined
}

defineKernel('EluGrad', ({ backend, inputs: { dy, y } }) => mapPairs(backend, 'eluGradFloat', dy!, y!))

/** Sums tensors of one shape, left to right. */
defineKernel('AddN', (call) => {
  const { backend } = call
  const [first, second, ...rest] = Object.values(call.inputs)
  if (!second) return backend.alias(first!, first!.shape)
  const kernel = first!.dtype === 'float32' ? 'addFloat' : first!.dtype === 'int32' ? 'addInt' : undefined
  if (!kernel || Object.values(call.inputs).some(({ dtype }) => dtype !== first!.dtype))
    return runFallback('AddN', call)
  const total = mapPairs(backend, kernel, first!, second)
  for (const next of rest) addInPlace(backend, total, next)
  return total
})

/** a ← a + x for tensors of one shape and type. */
export function addInPlace(backend: CpuBackend, a: TensorInfo, x: TensorInfo): void {
  const kernel = a.dtype === 'int32' ? 'addInt' : 'addFloat'
  const { rows, blocks: perRow, args } = planBroadcast(a.shape, a.shape)
  const pointer = backend.pointerToWrite(a)
  backend.run(kernel, rows * perRow, lightGrain, pointer, backend.pointer(x), pointer, ...args)
}
