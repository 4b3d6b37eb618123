// Sums, means, extrema, products, counts over axes, and running sums. The reduced axes become one: the last (rows), or
// one with others behind it (columns); axes that are not neighbours are transposed to the end first.
import { backend_util, util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { runFallback } from '../fallback.ts'
import { defineKernel, type KernelCall } from '../register.ts'
import { castElements } from './cast.ts'
import { transpose } from './strided.ts'
import { rowGrain } from './work.ts'

interface Layout {
  readonly x: TensorInfo
  readonly outer: number
  readonly length: number
  readonly width: number
}

/** Longer rows are cut into chunks of this many elements, longer columns into chunks of so many rows. */
const rowChunk = 16_384
const columnChunk = 256
/** Columns in an item: COLUMNS of assembly/reduce.ts. */
const columnBlock = 1024

/** Views x as [outer, length, width] with the reduced axes as `length`. A transposed copy is released by `dispose`. */
function layOut(backend: CpuBackend, x: TensorInfo, axes: readonly number[]): Layout & { dispose: () => void } {
  const reduced = new Set(axes)
  const significant = x.shape.flatMap((size, axis) => (size === 1 ? [] : [axis]))
  const inside = significant.filter((axis) => reduced.has(axis))
  const first = inside[0] ?? x.shape.length
  const last = inside.at(-1) ?? x.shape.length
  const size = (from: number, to: number) => util.sizeFromShape(x.shape.slice(from, to))
  if (significant.every((axis) => axis < first || axis > last || reduced.has(axis))) {
    const layout = { x, outer: size(0, first), length: size(first, last + 1), width: size(last + 1, x.shape.length) }
    return { ...layout, dispose: () => {} }
  }
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !reduced.has(axis))
  const moved = transpose(backend, x, [...kept, ...axes])
  const length = axes.reduce((product, axis) => product * x.shape[axis]!, 1)
  const outer = kept.reduce((product, axis) => product * x.shape[axis]!, 1)
  return { x: moved, outer, length, width: 1, dispose: () => backend.release(moved) }
}

function resultShape(shape: number[], axes: number[], keepDims: boolean): number[] {
  const [kept] = backend_util.computeOutAndReduceShapes(shape, axes)
  return keepDims ? backend_util.expandShapeToKeepDim(kept, axes) : kept
}

/** Reduces [outer, length, width] into `out`: once, or over chunks and then over the chunks' results. */
function reduceInto(
  backend: CpuBackend,
  kernel: string,
  suffix: string,
  source: number,
  { outer, length, width }: Omit<Layout, 'x'>,
  out: number,
  scale: number,
): void {
  const isRow = width === 1
  const chunk = isRow ? rowChunk : columnChunk
  const perBlock = Math.ceil(width / columnBlock)
  const isLong = length > 2 * chunk && outer * perBlock < 64
  const chunks = isLong ? Math.ceil(length / chunk) : 1
  const to = isLong ? backend.scratch(4 * outer * chunks * width) : out
  const factor = isLong ? 1 : scale
  const size = isLong ? chunk : length
  if (isRow) {
    const name = kernel === 'sum' && suffix === 'Float' ? 'sumRows' : `${kernel}Rows${suffix}`
    backend.run(name, outer * chunks, rowGrain(size, 8192), source, to, length, size, chunks, factor)
  } else {
    const items = outer * chunks * perBlock
    const args = [source, to, length, width, size, chunks, perBlock, factor]
    backend.run(`${kernel}Columns${suffix}`, items, rowGrain(size * Math.min(width, columnBlock), 8192), ...args)
  }
  if (isLong) reduceInto(backend, kernel, suffix, to, { outer, length: chunks, width }, out, scale)
}

/** Reduction of a tensor whose type the kernels know. */
export function reduce(
  backend: CpuBackend,
  kernel: string,
  x: TensorInfo,
  axes: number[],
  keepDims: boolean,
  scale = 1,
) {
  const { dispose, ...layout } = layOut(backend, x, axes)
  const out = backend.output(resultShape(x.shape, axes, keepDims), x.dtype)
  const suffix = x.dtype === 'float32' ? 'Float' : 'Int'
  reduceInto(backend, kernel, suffix, backend.pointer(layout.x), layout, backend.pointer(out), scale)
  dispose()
  return out
}

const isNumber = (dtype: DataType): boolean => dtype === 'float32' || dtype === 'int32'

function axesOf({ inputs, attrs }: KernelCall, name = 'axis'): number[] {
  return util.parseAxisParam(attrs[name] as number | number[], inputs.x!.shape)
}

function reducedSize(x: TensorInfo, axes: readonly number[]): number {
  return axes.reduce((product, axis) => product * x.shape[axis]!, 1)
}

function defineReduction(name: string, kernel: string, axisName = 'axis'): void {
  defineKernel(name, (call) => {
    const x = call.inputs.x!
    const axes = axesOf(call, axisName)
    // what TensorFlow.js makes of no elements is its own affair, and of no cost
    if (!isNumber(x.dtype) || reducedSize(x, axes) === 0) return runFallback(name, call)
    return reduce(call.backend, kernel, x, axes, Boolean(call.attrs.keepDims))
  })
}

defineReduction('Max', 'max', 'reductionIndices')
defineReduction('Min', 'min')
defineReduction('Prod', 'prod')

/** Runs `use` on x cast to `dtype`. */
function withCast<T>(backend: CpuBackend, x: TensorInfo, dtype: DataType, use: (x: TensorInfo) => T): T {
  if (x.dtype === dtype) return use(x)
  const cast = castElements(backend, x, dtype)!
  const result = use(cast)
  backend.release(cast)
  return result
}

defineKernel('Sum', (call) => {
  const { backend, inputs, attrs } = call
  const x = inputs.x!
  const axes = axesOf(call)
  if (x.dtype === 'complex64' || reducedSize(x, axes) === 0) return runFallback('Sum', call)
  const dtype = x.dtype === 'bool' ? 'int32' : x.dtype
  return withCast(backend, x, dtype, (number) => reduce(backend, 'sum', number, axes, Boolean(attrs.keepDims)))
})

defineKernel('Mean', (call) => {
  const { backend, inputs, attrs } = call
  const x = inputs.x!
  const axes = axesOf(call)
  const count = reducedSize(x, axes)
  if (x.dtype === 'complex64' || count === 0) return runFallback('Mean', call)
  const keepDims = Boolean(attrs.keepDims)
  return withCast(backend, x, 'float32', (number) => reduce(backend, 'sum', number, axes, keepDims, 1 / count))
})

for (const [name, kernel] of [
  ['Any', 'anyRows'],
  ['All', 'allRows'],
] as const) {
  defineKernel(name, (call) => {
    const { backend, inputs, attrs } = call
    const x = inputs.x!
    const axes = axesOf(call)
    if (x.dtype !== 'bool' || reducedSize(x, axes) === 0) return runFallback(name, call)
    const { rows, dispose } = asRows(backend, x, axes)
    const out = backend.output(resultShape(x.shape, axes, Boolean(attrs.keepDims)), 'bool')
    const pointers = [backend.pointer(rows.x), backend.pointer(out)]
    backend.run(kernel, rows.outer, rowGrain(rows.length, 16_384), ...pointers, rows.length)
    dispose()
    return out
  })
}

/** The layout with the reduced axes last, for kernels that have no column form. */
function asRows(backend: CpuBackend, x: TensorInfo, axes: readonly number[]): { rows: Layout; dispose: () => void } {
  const { dispose, ...layout } = layOut(backend, x, axes)
  if (layout.width === 1) return { rows: layout, dispose }
  const { outer, length, width } = layout
  const swapped = transpose(backend, { ...layout.x, shape: [outer, length, width] }, [0, 2, 1])
  return { rows: { x: swapped, outer: outer * width, length, width: 1 }, dispose: () => backend.release(swapped) }
}

for (const name of ['ArgMax', 'ArgMin'] as const) {
  defineKernel(name, (call) => {
    const { backend, inputs } = call
    const x = inputs.x!
    const axes = axesOf(call).slice(0, 1)
    if (!isNumber(x.dtype) || reducedSize(x, axes) === 0) return runFallback(name, call)
    const { rows, dispose } = asRows(backend, x, axes)
    const out = backend.output(resultShape(x.shape, axes, false), 'int32')
    const kernel = `a${name.slice(1)}${x.dtype === 'float32' ? 'Float' : 'Int'}`
    const pointers = [backend.pointer(rows.x), backend.pointer(out)]
    backend.run(kernel, rows.outer, rowGrain(rows.length), ...pointers, rows.length)
    dispose()
    return out
  })
}

defineKernel('Cumsum', (call) => {
  const { backend, inputs, attrs } = call
  const x = inputs.x!
  if (!isNumber(x.dtype) || x.shape.length === 0) return runFallback('Cumsum', call)
  const [axis] = util.parseAxisParam(attrs.axis as number, x.shape) as [number]
  const length = x.shape[axis]!
  const others = x.shape.map((_, other) => other).filter((other) => other !== axis)
  const moved = transpose(backend, x, [...others, axis])
  const sums = backend.output(moved.shape, x.dtype)
  const flags = [Number(Boolean(attrs.exclusive)), Number(Boolean(attrs.reverse))]
  const rows = length === 0 ? 0 : util.sizeFromShape(x.shape) / length
  const kernel = x.dtype === 'float32' ? 'cumsumFloat' : 'cumsumInt'
  backend.run(kernel, rows, rowGrain(length), backend.pointer(moved), backend.pointer(sums), length, ...flags)
  const back = transpose(
    backend,
    sums,
    x.shape.map((_, original) => (original === axis ? others.length : others.indexOf(original))),
  )
  backend.release(moved)
  backend.release(sums)
  return back
})
