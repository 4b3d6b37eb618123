// The catalogue's activations and gated units.
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import { gatedName } from '../native/elementwise.ts'
import { defineKernel } from '../register.ts'
import { mapPairs } from './binary.ts'
import { mapElements } from './unary.ts'
import { heavyGrain, rowGrain } from './work.ts'

/** Elements with an exponential each in one chunk. */
const chunk = 2048

/** Rows in a chunk of a gated unit. */
export const gatedGrain = (width: number): number => rowGrain(width, chunk)

/** By the name of the gate's activation: x [rows, 2F], y [rows, F], F. */
export const gatedKernel = (activation: unknown): string => gatedName(activation as string)

defineKernel('mixlab.Activation', (call) =>
  mapElements(call, `${call.attrs.activation as string}Float`, { grain: heavyGrain }),
)

defineKernel('mixlab.ActivationGrad', ({ backend, inputs: { dy, x }, attrs }) =>
  mapPairs(backend, `${attrs.activation as string}GradFloat`, dy!, x!, { grain: heavyGrain }),
)

defineKernel('mixlab.GatedUnit', ({ backend, inputs: { x }, attrs }) => {
  const width = x!.shape.at(-1)! / 2
  const shape = x!.shape.with(-1, width)
  const y = backend.output(shape, 'float32')
  const rows = width === 0 ? 0 : util.sizeFromShape(shape) / width
  const args = [backend.pointer(x!), backend.pointer(y), width]
  backend.run(gatedKernel(attrs.activation), rows, gatedGrain(width), ...args)
  return y
})

defineKernel('mixlab.GatedUnitGrad', ({ backend, inputs, attrs }) => {
  const { dy, x } = inputs as { dy: TensorInfo; x: TensorInfo }
  const width = dy.shape.at(-1)!
  const dx = backend.output(x.shape, 'float32')
  const rows = width === 0 ? 0 : util.sizeFromShape(dy.shape) / width
  const args = [backend.pointer(dy), backend.pointer(x), backend.pointer(dx), width, width, 2 * width]
  backend.run(`${gatedKernel(attrs.activation)}Grad`, rows, gatedGrain(width), ...args)
  return dx
})
