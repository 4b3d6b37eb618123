// RMS norm, layer norm and rotary embedding. The weights' gradients are summed over fixed blocks of rows first.
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { defineKernel } from '../register.ts'
import { rowGrain } from './work.ts'

/** Rows in a block of the gradients: ROWS of assembly/norm.ts. */
const blockRows = 32

interface Rows {
  readonly rows: number
  readonly width: number
}

function rowsOf({ shape }: TensorInfo): Rows {
  const width = shape.at(-1) ?? 1
  return { rows: width === 0 ? 0 : util.sizeFromShape(shape) / width, width }
}

const pointerOrZero = (backend: CpuBackend, info?: TensorInfo | null): number => (info ? backend.pointer(info) : 0)

/** Sum over the blocks of partial sums [blocks, width]; zeros when there is none. */
function sumPartials(backend: CpuBackend, partials: number, blocks: number, width: number): TensorInfo {
  const total = backend.output([width], 'float32')
  const columns = 1024
  const args = [partials, backend.pointer(total), blocks, width, blocks, 1, Math.ceil(width / columns), 1]
  if (blocks > 0) backend.run('sumColumnsFloat', Math.ceil(width / columns), 1, ...args)
  else backend.run('fillFloat', width, width, backend.pointer(total), 0)
  return total
}

defineKernel('mixlab.RmsNorm', ({ backend, inputs, attrs }) => {
  const x = inputs.x!
  const { rows, width } = rowsOf(x)
  const y = backend.output(x.shape, 'float32')
  const rstd = backend.output([rows], 'float32')
  const pointers = [
    backend.pointer(x),
    pointerOrZero(backend, inputs.weight),
    backend.pointer(y),
    backend.pointer(rstd),
  ]
  backend.run('rmsNorm', rows, rowGrain(width), ...pointers, width, attrs.eps as number)
  return [y, rstd]
})

defineKernel('mixlab.RmsNormGrad', ({ backend, inputs }) => {
  const { dy, x, weight, rstd } = inputs as { dy: TensorInfo; x: TensorInfo; weight?: TensorInfo; rstd: TensorInfo }
  const { rows, width } = rowsOf(x)
  const blocks = Math.ceil(rows / blockRows)
  const dx = backend.output(x.shape, 'float32')
  const partials = weight ? backend.scratch(4 * blocks * width) : 0
  const pointers = [dy, x].map((info) => backend.pointer(info))
  pointers.push(pointerOrZero(backend, weight), backend.pointer(rstd), backend.pointer(dx), partials)
  backend.run('rmsNormGrad', blocks, 1, ...pointers, rows, width)
  return weight ? [dx, sumPartials(backend, partials, blocks, width)] : [dx]
})

defineKernel('mixlab.LayerNorm', ({ backend, inputs, attrs }) => {
  const { x, weight, bias } = inputs as { x: TensorInfo; weight: TensorInfo; bias?: TensorInfo }
  const { rows, width } = rowsOf(x)
  const results = [
    backend.output(x.shape, 'float32'),
    backend.output([rows], 'float32'),
    backend.output([rows], 'float32'),
  ]
  const pointers = [backend.pointer(x), backend.pointer(weight), pointerOrZero(backend, bias)]
  pointers.push(...results.map((info) => backend.pointer(info)))
  backend.run('layerNorm', rows, rowGrain(width), ...pointers, width, attrs.eps as number)
  return results
})

defineKernel('mixlab.LayerNormGrad', ({ backend, inputs, attrs }) => {
  const { dy, x, weight, mean, rstd } = inputs as Record<'dy' | 'x' | 'weight' | 'mean' | 'rstd', TensorInfo>
  const { rows, width } = rowsOf(x)
  const blocks = Math.ceil(rows / blockRows)
  const dx = backend.output(x.shape, 'float32')
  const partials = backend.scratch(4 * blocks * width)
  const biasPartials = attrs.hasBias ? backend.scratch(4 * blocks * width) : 0
  const pointers = [dy, x, weight, mean, rstd, dx].map((info) => backend.pointer(info))
  backend.run('layerNormGrad', blocks, 1, ...pointers, partials, biasPartials, rows, width)
  const dweight = sumPartials(backend, partials, blocks, width)
  return attrs.hasBias ? [dx, dweight, sumPartials(backend, biasPartials, blocks, width)] : [dx, dweight]
})

defineKernel('mixlab.Rotary', ({ backend, inputs, attrs }) => {
  const { x, cos, sin } = inputs as { x: TensorInfo; cos: TensorInfo; sin: TensorInfo }
  const [batch, positions, heads, width] = x.shape as [number, number, number, number]
  const y = backend.output(x.shape, 'float32')
  const pointers = [x, y, cos, sin].map((info) => backend.pointer(info))
  const args = [...pointers, positions, heads, width, 2 * cos.shape[1]!, 0, Number(Boolean(attrs.inverse))]
  backend.run(
    attrs.interleaved ? 'rotaryNeighbours' : 'rotaryHalves',
    batch * positions,
    rowGrain(heads * width),
    ...args,
  )
  return y
})
