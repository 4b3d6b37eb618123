// TensorFlow.js's elementwise functions of one tensor. Types that have no native loop go to the fallback.
import { util } from '@tensorflow/tfjs-core'
import { runFallback } from '../fallback.ts'
import { isFusable } from '../native/fused.ts'
import { defineKernel, type KernelCall } from '../register.ts'
import { blocks, heavyGrain, lightGrain } from './work.ts'

interface Unary {
  readonly float: string
  readonly int?: string
  readonly grain?: number
  /** Up to two parameters of the operation, from the attributes. */
  readonly parameters?: (attrs: Record<string, unknown>) => number[]
}

const heavy = (float: string): Unary => ({ float, grain: heavyGrain })
const alpha = (attrs: Record<string, unknown>): number[] => [attrs.alpha as number]

const functions: Record<string, Unary> = {
  Neg: { float: 'negFloat', int: 'negInt' },
  Abs: { float: 'absFloat', int: 'absInt' },
  Exp: heavy('expFloat'),
  Expm1: heavy('expm1Float'),
  Log: heavy('logFloat'),
  Log1p: heavy('log1pFloat'),
  Sqrt: { float: 'sqrtFloat' },
  Rsqrt: { float: 'rsqrtFloat' },
  Square: { float: 'squareFloat', int: 'squareInt' },
  Reciprocal: { float: 'reciprocalFloat' },
  Sigmoid: heavy('sigmoidFloat'),
  Tanh: heavy('tanhFloat'),
  Erf: heavy('erfFloat'),
  Relu: { float: 'reluFloat', int: 'reluInt' },
  Relu6: { float: 'relu6Float' },
  Elu: heavy('eluFloat'),
  LeakyRelu: { float: 'leakyReluFloat', parameters: alpha },
  Softplus: heavy('softplusFloat'),
  Sign: { float: 'signFloat' },
  Floor: { float: 'floorFloat' },
  Ceil: { float: 'ceilFloat' },
  Round: { float: 'roundFloat' },
  Sin: heavy('sinFloat'),
  Cos: heavy('cosFloat'),
  Step: { float: 'stepFloat', parameters: alpha },
  ClipByValue: {
    float: 'clipFloat',
    parameters: (attrs) => [attrs.clipValueMin as number, attrs.clipValueMax as number],
  },
}

/** The function of a kernel: `exp` of `expFloat`. */
export const nameOf = (kernel: string): string => kernel.replace(/Float$/, '')

/** Runs an elementwise kernel over all elements of x into a new tensor of x's type. */
export function mapElements(
  { backend, inputs: { x } }: KernelCall,
  kernel: string,
  { grain = lightGrain, parameters = [] }: { grain?: number; parameters?: readonly number[] } = {},
) {
  const size = util.sizeFromShape(x!.shape)
  if (x!.dtype === 'float32' && backend.defers(size) && isFusable(nameOf(kernel))) {
    const operands = [{ info: x!, walk: 'all' }] as const
    return backend.deferred(x!.shape, { name: nameOf(kernel), operands, parameters, width: 0 })
  }
  const y = backend.output(x!.shape, x!.dtype)
  backend.run(kernel, blocks(size), grain, backend.pointer(x!), backend.pointer(y), size, ...parameters)
  return y
}

for (const [name, { float, int, grain = lightGrain, parameters }] of Object.entries(functions)) {
  defineKernel(name, (call) => {
    const { dtype } = call.inputs.x!
    const kernel = dtype === 'float32' ? float : dtype === 'int32' ? int : undefined
    if (!kernel) return runFallback(name, call)
    return mapElements(call, kernel, { grain, parameters: parameters?.(call.attrs) ?? [] })
  })
}
