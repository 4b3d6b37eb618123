// Counter-based random numbers: the same draw on every engine and for every number of threads.
import { util } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { defineKernel } from '../register.ts'
import { blocks, heavyGrain } from './work.ts'

type Attributes = Record<string, unknown>

/** 2^24 uniform values: a draw is kept if it is at least this many steps from 0. */
const steps = 2 ** 24

function draw(
  backend: CpuBackend,
  kernel: string,
  x: number,
  y: number,
  size: number,
  { seed0, seed1, offset }: Attributes,
  rate = 0,
): void {
  const key = [Number(seed0), Number(seed1)]
  const args = [x, y, size, ...key, Number(offset), 0, Math.ceil(rate * steps), 1 / (1 - rate)]
  backend.run(kernel, blocks(size), heavyGrain, ...args)
}

defineKernel('mixlab.RandomUniform', ({ backend, attrs }) => {
  const shape = attrs.shape as number[]
  const y = backend.output(shape, 'float32')
  draw(backend, 'randomUniform', 0, backend.pointer(y), util.sizeFromShape(shape), attrs)
  return y
})

defineKernel('mixlab.Dropout', ({ backend, inputs, attrs }) => {
  const x = inputs.x!
  const y = backend.output(x.shape, 'float32')
  const size = util.sizeFromShape(x.shape)
  draw(backend, 'dropout', backend.pointer(x), backend.pointer(y), size, attrs, attrs.rate as number)
  return y
})
