// Einstein summation of one or two operands, as a reduction, an elementwise product, or a batch of matrix products
// between transpositions. TensorFlow.js's own kernel multiplies everything out before it sums.
import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { runFallback } from '../fallback.ts'
import { multiply } from '../products.ts'
import { defineKernel } from '../register.ts'
import { mapPairs } from './binary.ts'
import { reduce } from './reduce.ts'
import { transpose } from './strided.ts'

/** A tensor and what its axes stand for: positions in the equation's list of dimensions, the result's first. */
interface Operand {
  readonly info: TensorInfo
  readonly dims: readonly number[]
}

defineKernel('Einsum', (call) => {
  const { backend, inputs, attrs } = call
  const tensors = Object.values(inputs)
  const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(attrs.equation as string, tensors.length)
  backend_util.checkEinsumDimSizes(allDims.length, idDims, tensors as never)
  const resultRank = allDims.length - summedDims.length
  const sizes = allDims.map((_, dim) => sizeOf(tensors, idDims, dim))
  if (tensors.some(({ dtype }) => dtype !== 'float32') || sizes.includes(0)) return runFallback('Einsum', call)
  const used = (dim: number, skipped: number) =>
    dim < resultRank || idDims.some((dims, i) => i !== skipped && dims.includes(dim))
  const operands = tensors.map((info, i) => sumOut(backend, { info, dims: idDims[i]! }, (dim) => used(dim, i)))
  const result = operands.length === 1 ? operands[0]! : product(backend, operands, resultRank, sizes)
  const order = sizes.slice(0, resultRank).map((_, dim) => result.dims.indexOf(dim))
  const ordered = transpose(backend, result.info, order)
  for (const { info } of operands.length === 1 ? operands : [...operands, result]) backend.release(info)
  return ordered
})

function sizeOf(tensors: readonly TensorInfo[], idDims: readonly number[][], dim: number): number {
  const owner = idDims.findIndex((dims) => dims.includes(dim))
  return tensors[owner]!.shape[idDims[owner]!.indexOf(dim)]!
}

/** Sums over the dimensions that nothing else uses. The result is a tensor of its own. */
function sumOut(backend: CpuBackend, { info, dims }: Operand, isUsed: (dim: number) => boolean): Operand {
  const axes = dims.flatMap((dim, axis) => (isUsed(dim) ? [] : [axis]))
  if (axes.length === 0) return { info: backend.alias(info, info.shape), dims }
  return { info: reduce(backend, 'sum', info, axes, false), dims: dims.filter(isUsed) }
}

function product(backend: CpuBackend, operands: readonly Operand[], resultRank: number, sizes: number[]): Operand {
  const [a, b] = operands as [Operand, Operand]
  const shared = a.dims.filter((dim) => b.dims.includes(dim))
  const batch = shared.filter((dim) => dim < resultRank)
  const summed = shared.filter((dim) => dim >= resultRank)
  if (summed.length === 0) return elementwise(backend, a, b, resultRank, sizes)
  const own = (operand: Operand) => operand.dims.filter((dim) => !shared.includes(dim))
  const [rows, columns] = [own(a), own(b)]
  const left = arrange(backend, a, [...batch, ...rows, ...summed])
  const right = arrange(backend, b, [...batch, ...columns, ...summed])
  const count = (dims: readonly number[]) => dims.reduce((total, dim) => total * sizes[dim]!, 1)
  const [m, n, k] = [count(rows), count(columns), count(summed)]
  const dims = [...batch, ...rows, ...columns]
  const info = backend.output(
    dims.map((dim) => sizes[dim]!),
    'float32',
  )
  const strides = { leftRow: k, leftDepth: 1, rightDepth: 1, rightColumn: k, resultRow: n }
  const [leftAt, rightAt, resultAt] = [left, right, info].map((tensor) => backend.pointer(tensor)) as [
    number,
    number,
    number,
  ]
  const products = Array.from({ length: count(batch) }, (_, i) => {
    const places = { left: leftAt + 4 * i * m * k, right: rightAt + 4 * i * n * k, result: resultAt + 4 * i * m * n }
    return { ...places, ...strides, m, n, k }
  })
  multiply(backend, products, { precision: backend.precision() })
  backend.release(left)
  backend.release(right)
  return { info, dims }
}

const arrange = (backend: CpuBackend, { info, dims }: Operand, order: readonly number[]): TensorInfo =>
  transpose(
    backend,
    info,
    order.map((dim) => dims.indexOf(dim)),
  )

/** Nothing is summed: both operands broadcast over the result. */
function elementwise(backend: CpuBackend, a: Operand, b: Operand, resultRank: number, sizes: number[]): Operand {
  const dims = sizes.slice(0, resultRank).map((_, dim) => dim)
  const [left, right] = [a, b].map((operand) => {
    const ordered = arrange(
      backend,
      operand,
      dims.filter((dim) => operand.dims.includes(dim)),
    )
    return { ...ordered, shape: dims.map((dim) => (operand.dims.includes(dim) ? sizes[dim]! : 1)) }
  }) as [TensorInfo, TensorInfo]
  const info = mapPairs(backend, 'mulFloat', left, right)
  backend.release(left)
  backend.release(right)
  return { info, dims }
}
