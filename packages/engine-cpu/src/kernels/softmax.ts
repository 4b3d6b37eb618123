// Softmax over the last axis and the cross-entropy of logits.
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import { MixlabError } from '@mixlab/core'
import { defineKernel } from '../register.ts'
import { rowGrain } from './work.ts'

/** Elements with an exponential each in one chunk. */
const chunk = 2048

for (const [name, kernel, axisName] of [
  ['Softmax', 'softmaxRows', 'dim'],
  ['LogSoftmax', 'logSoftmaxRows', 'axis'],
] as const) {
  defineKernel(name, ({ backend, inputs: { logits }, attrs }) => {
    const { shape } = logits!
    const axis = attrs[axisName] as number
    if (axis !== -1 && axis !== shape.length - 1) {
      throw new MixlabError(
        `${name} works on the last axis, got axis ${axis} of a tensor of rank ${shape.length}: transpose it first`,
      )
    }
    const width = shape.at(-1) ?? 1
    const rows = width === 0 ? 0 : util.sizeFromShape(shape) / width
    const y = backend.output(shape, 'float32')
    backend.run(kernel, rows, rowGrain(width, chunk), backend.pointer(logits!), backend.pointer(y), width)
    return y
  })
}

defineKernel('mixlab.CrossEntropy', ({ backend, inputs, attrs }) => {
  const { logits, targets } = inputs as { logits: TensorInfo; targets: TensorInfo }
  const [rows, vocabulary] = logits.shape as [number, number]
  const losses = backend.output([rows], 'float32')
  const lse = backend.output([rows], 'float32')
  const pointers = [logits, targets, losses, lse].map((info) => backend.pointer(info))
  const args = [...pointers, vocabulary, attrs.ignoreIndex as number, attrs.zLoss as number]
  backend.run('crossEntropy', rows, rowGrain(vocabulary, chunk), ...args)
  return [losses, lse]
})

defineKernel('mixlab.CrossEntropyGrad', ({ backend, inputs, attrs }) => {
  const { dlosses, logits, targets, lse } = inputs as Record<'dlosses' | 'logits' | 'targets' | 'lse', TensorInfo>
  const [rows, vocabulary] = logits.shape as [number, number]
  const dlogits = backend.output(logits.shape, 'float32')
  const pointers = [dlosses, logits, targets, lse, dlogits].map((info) => backend.pointer(info))
  const args = [...pointers, vocabulary, attrs.ignoreIndex as number, attrs.zLoss as number]
  backend.run('crossEntropyGrad', rows, rowGrain(vocabulary, chunk), ...args)
  return dlogits
})
