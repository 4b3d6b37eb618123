// Linear maps that belong together, as one list of products each.
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { type Epilogue, multiply, type Product } from '../products.ts'
import { defineKernel } from '../register.ts'
import { gatedGrain, gatedKernel } from './activation.ts'
import { addInPlace } from './binary.ts'

/** x · wᵀ at an address, in rows of `resultRow`. */
function product(
  backend: CpuBackend,
  x: TensorInfo,
  weight: TensorInfo,
  result: number,
  resultRow = weight.shape[0]!,
): Product {
  const [m, k] = x.shape as [number, number]
  const n = weight.shape[0]!
  const [left, right] = [backend.pointer(x), backend.pointer(weight)]
  return { left, right, result, m, n, k, leftRow: k, leftDepth: 1, rightDepth: 1, rightColumn: k, resultRow }
}

const epilogue = (backend: CpuBackend, bias?: TensorInfo | null): Epilogue => ({
  precision: backend.precision(),
  ...(bias && { bias: backend.pointer(bias) }),
})

defineKernel('mixlab.JointLinear', ({ backend, inputs, attrs }) => {
  const x = inputs.x!
  const weights = Array.from({ length: attrs.count as number }, (_, i) => inputs[`w${i}`]!)
  const results = weights.map(({ shape }) => backend.output([x.shape[0]!, shape[0]!], 'float32'))
  const products = weights.map((weight, i) => product(backend, x, weight, backend.pointer(results[i]!)))
  multiply(backend, products, epilogue(backend))
  return results
})

defineKernel('mixlab.GatedLinear', ({ backend, inputs, attrs }) => {
  const { x, gate, up } = inputs as { x: TensorInfo; gate: TensorInfo; up: TensorInfo }
  const [rows, width] = [x.shape[0]!, gate.shape[0]!]
  const y = backend.output([rows, width], 'float32')
  // gate ‖ up, as if from one product.
  const both = backend.scratch(8 * rows * width)
  const products = [gate, up].map((weight, i) => product(backend, x, weight, both + 4 * i * width, 2 * width))
  multiply(backend, products, epilogue(backend))
  backend.run(gatedKernel(attrs.activation), rows, gatedGrain(width), both, backend.pointer(y), width)
  return y
})

defineKernel('mixlab.AddLinear', ({ backend, inputs }) => {
  const { residual, x, weight, bias } = inputs as Record<'residual' | 'x' | 'weight', TensorInfo> & {
    bias?: TensorInfo | null
  }
  const y = backend.output(residual.shape, 'float32')
  const products = [product(backend, x, weight, backend.pointer(y))]
  // To a single row, another is a bias.
  const asBias = !bias && x.shape[0] === 1
  multiply(backend, products, epilogue(backend, asBias ? residual : bias))
  if (!asBias) addInPlace(backend, y, residual)
  return y
})
