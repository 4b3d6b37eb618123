// Updates in place: optimizers over lists of tensors, moving averages, accumulation, and the key-value cache's append.
// What they write into is the input's own memory, so that a tensor that shares it (a clone, a reshape) changes with it.
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { defineKernel, type KernelCall } from '../register.ts'
import { addInPlace } from './binary.ts'
import { copyStrided, stridesOf } from './strided.ts'
import { blocks, lightGrain } from './work.ts'

const entryWords = 8

interface Table {
  readonly address: number
  readonly count: number
  /** Blocks of all tensors together. */
  readonly blocks: number
}

/** The table of assembly/optimizer.ts for inputs <name>0 … <name>(count − 1), up to four names. */
function buildTable({ backend, inputs, attrs }: KernelCall, names: readonly string[]): Table {
  const count = attrs.count as number
  const weightDecay = attrs.weightDecay as number[] | undefined
  const pointers = names.map((name) =>
    Array.from({ length: count }, (_, i) => {
      const tensor = inputs[`${name}${i}`]
      return tensor ? backend.pointerToWrite(tensor) : 0
    }),
  )
  const { address, buffer } = backend.stage(8 * entryWords * count)
  const entries = new Float64Array(buffer, address, entryWords * count)
  let total = 0
  for (let i = 0; i < count; i++) {
    const size = util.sizeFromShape(inputs[`${names[0]}${i}`]!.shape)
    const entry = i * entryWords
    for (let j = 0; j < 4; j++) entries[entry + j] = pointers[j]?.[i] ?? 0
    entries[entry + 4] = size
    entries[entry + 5] = weightDecay?.[i] ?? 0
    entries[entry + 6] = total
    total += blocks(size)
  }
  return { address, count, blocks: total }
}

const scalePointer = (backend: CpuBackend, scale?: TensorInfo | null): number => (scale ? backend.pointer(scale) : 0)

defineKernel('mixlab.AdamW', (call) => {
  const { backend, inputs, attrs } = call
  const { learningRate, beta1, beta2, eps, step } = attrs as Record<string, number>
  const table = buildTable(call, ['p', 'g', 'm', 'v'])
  const size = learningRate! / (1 - beta1! ** step!)
  const correction = 1 / Math.sqrt(1 - beta2! ** step!)
  const rates = [beta1!, beta2!, 1 - beta1!, 1 - beta2!, learningRate!, size, correction, eps!]
  const scale = scalePointer(backend, inputs.scale)
  backend.run('adamW', table.blocks, lightGrain, table.address, table.count, scale, ...rates)
  return []
})

defineKernel('mixlab.Sgd', (call) => {
  const { backend, inputs, attrs } = call
  const { learningRate, momentum, step } = attrs as Record<string, number>
  const table = buildTable(call, ['p', 'g', 'b'])
  const flags = [Number(Boolean(attrs.nesterov)), Number(step === 1)]
  const args = [table.address, table.count, scalePointer(backend, inputs.scale), learningRate!, momentum!, ...flags]
  backend.run('sgd', table.blocks, lightGrain, ...args)
  return []
})

defineKernel('mixlab.Ema', (call) => {
  const decay = call.attrs.decay as number
  const table = buildTable(call, ['a', 'p'])
  call.backend.run('ema', table.blocks, lightGrain, table.address, table.count, decay, 1 - decay)
  return []
})

defineKernel('mixlab.GlobalNorm', (call) => {
  const { backend } = call
  const table = buildTable(call, ['g'])
  const sums = backend.scratch(8 * table.blocks)
  const norm = backend.output([], 'float32')
  backend.run('squareSums', table.blocks, lightGrain, table.address, table.count, sums)
  backend.run('rootOfSum', 1, 1, sums, table.blocks, backend.pointer(norm))
  return norm
})

defineKernel('mixlab.AddInto', ({ backend, inputs: { a, x } }) => {
  addInPlace(backend, a!, x!)
  return []
})

defineKernel('mixlab.AppendRows', ({ backend, inputs: { cache, x }, attrs }) => {
  const sources = stridesOf(x!.shape)
  const targets = stridesOf(cache!.shape)
  const axes = x!.shape.map((size, i) => ({ size, source: sources[i]!, target: targets[i]! }))
  const start = backend.pointerToWrite(cache!) + 4 * (attrs.position as number) * targets[1]!
  copyStrided(backend, backend.pointer(x!), start, 'float32', axes)
  return []
})
