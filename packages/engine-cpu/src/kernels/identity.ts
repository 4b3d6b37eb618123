// Kernels that move no data: the result is the input under another shape.
import { util } from '@tensorflow/tfjs-core'
import { defineKernel } from '../register.ts'

defineKernel('Identity', ({ backend, inputs: { x } }) => backend.alias(x!))

defineKernel('Reshape', ({ backend, inputs: { x }, attrs }) =>
  backend.alias(x!, util.inferFromImplicitShape(attrs.shape as number[], util.sizeFromShape(x!.shape))),
)
