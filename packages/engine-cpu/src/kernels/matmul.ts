// Matrix products of TensorFlow.js: all four transpositions, batches with broadcasting, and the fused form.
import { broadcast_util, util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { runFallback } from '../fallback.ts'
import { activations, multiply, type Epilogue, type Product } from '../products.ts'
import { defineKernel } from '../register.ts'

interface Transposition {
  readonly transposeA: boolean
  readonly transposeB: boolean
}

interface Planned {
  readonly result: TensorInfo
  readonly products: readonly Product[]
}

/** a [..., M, K] · b [..., K, N], each transposed in its last two axes if asked for; leading axes broadcast. */
function planned(
  backend: CpuBackend,
  a: TensorInfo,
  b: TensorInfo,
  { transposeA, transposeB }: Transposition,
): Planned {
  util.assert(
    a.shape.length >= 2 && b.shape.length >= 2,
    () => `matMul: shapes [${a.shape.join(', ')}] and [${b.shape.join(', ')}], expected two axes or more`,
  )
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number]
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number]
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns]
  const [depth, n] = transposeB ? [bColumns, bRows] : [bRows, bColumns]
  util.assert(k === depth, () => `matMul: inner sizes ${k} and ${depth} differ`)
  const aBatch = a.shape.slice(0, -2)
  const bBatch = b.shape.slice(0, -2)
  const batch = broadcast_util.assertAndGetBroadcastShape(aBatch, bBatch)
  const result = backend.output([...batch, m, n], 'float32')
  const product: Product = {
    left: backend.pointer(a),
    right: backend.pointer(b),
    result: backend.pointer(result),
    m,
    n,
    k,
    leftRow: transposeA ? 1 : k,
    leftDepth: transposeA ? m : 1,
    rightDepth: transposeB ? 1 : n,
    rightColumn: transposeB ? k : 1,
    resultRow: n,
  }
  const count = util.sizeFromShape(batch)
  if (!transposeA && util.sizeFromShape(bBatch) === 1 && util.sizeFromShape(aBatch) === count) {
    return { result, products: [{ ...product, m: m * count }] }
  }
  const aOffsets = broadcastOffsets(aBatch, batch)
  const bOffsets = broadcastOffsets(bBatch, batch)
  const products = Array.from({ length: count }, (_, i) => ({
    ...product,
    left: product.left + 4 * aOffsets[i]! * m * k,
    right: product.right + 4 * bOffsets[i]! * k * n,
    result: product.result + 4 * i * m * n,
  }))
  return { result, products }
}

function matMul(
  backend: CpuBackend,
  a: TensorInfo,
  b: TensorInfo,
  transposition: Transposition,
  epilogue: Epilogue = {},
): TensorInfo {
  const { result, products } = planned(backend, a, b, transposition)
  multiply(backend, products, { ...epilogue, precision: backend.precision() })
  return result
}

/** For each matrix of the broadcast batch, the index of the operand's matrix. */
function broadcastOffsets(shape: readonly number[], batch: readonly number[]): number[] {
  let offsets = [0]
  const missing = batch.length - shape.length
  batch.forEach((size, axis) => {
    const own = axis < missing ? 1 : shape[axis - missing]!
    offsets = offsets.flatMap((offset) => Array.from({ length: size }, (_, i) => offset * own + (own === 1 ? 0 : i)))
  })
  return offsets
}

const isFloat = (...infos: TensorInfo[]): boolean => infos.every(({ dtype }) => dtype === 'float32')

defineKernel('BatchMatMul', (call) => {
  const { a, b } = call.inputs
  if (!isFloat(a!, b!)) return runFallback('BatchMatMul', call)
  return matMul(call.backend, a!, b!, call.attrs as unknown as Transposition)
})

/** Both gradients of a product of `a` and `b`. */
function plannedGradients(
  backend: CpuBackend,
  dy: TensorInfo,
  a: TensorInfo,
  b: TensorInfo,
  { transposeA, transposeB }: Transposition,
): readonly [byA: Planned, byB: Planned] {
  const plan = (left: TensorInfo, right: TensorInfo, ofLeft: boolean, ofRight: boolean) =>
    planned(backend, left, right, { transposeA: ofLeft, transposeB: ofRight })
  const byA = transposeA ? plan(b, dy, transposeB, true) : plan(dy, b, false, !transposeB)
  const byB = transposeB ? plan(dy, a, true, transposeA) : plan(a, dy, !transposeA, false)
  return [byA, byB]
}

/** Runs all products as one list. */
function multiplyAll(backend: CpuBackend, plans: readonly Planned[]): TensorInfo[] {
  const products = plans.flatMap((plan) => plan.products)
  multiply(backend, products, { precision: backend.precision() })
  return plans.map(({ result }) => result)
}

defineKernel('mixlab.MatMulGrad', ({ backend, inputs: { dy, a, b }, attrs }) =>
  multiplyAll(backend, plannedGradients(backend, dy!, a!, b!, attrs as unknown as Transposition)),
)

defineKernel('mixlab.JointLinearGrad', ({ backend, inputs, attrs }) => {
  const transposition = { transposeA: false, transposeB: true }
  const gradients = Array.from({ length: attrs.count as number }, (_, i) =>
    plannedGradients(backend, inputs[`dy${i}`]!, inputs.x!, inputs[`w${i}`]!, transposition),
  )
  return multiplyAll(backend, gradients.flat())
})

defineKernel('_FusedMatMul', (call) => {
  const { a, b, bias, preluActivationWeights } = call.inputs
  const attrs = call.attrs as unknown as Transposition & { activation: string | null; leakyreluAlpha?: number }
  const activation = attrs.activation ?? 'linear'
  const n = b!.shape.at(attrs.transposeB ? -2 : -1)
  const plainBias = !bias || (isFloat(bias) && bias.shape.at(-1) === n && util.sizeFromShape(bias.shape) === n)
  if (!isFloat(a!, b!) || !plainBias || preluActivationWeights || !(activation in activations)) {
    return runFallback('_FusedMatMul', call)
  }
  return matMul(call.backend, a!, b!, attrs, {
    ...(bias ? { bias: call.backend.pointer(bias) } : {}),
    activation: activation as keyof typeof activations,
    parameter: attrs.leakyreluAlpha ?? 0.2,
  })
})
