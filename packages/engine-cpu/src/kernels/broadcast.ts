// Reduces a broadcast of two shapes to the walk of assembly/broadcast.ts: axes along which both operands run on
// together are merged, axes of one element vanish.
import { backend_util, util } from '@tensorflow/tfjs-core'
import { block } from './work.ts'

export interface Walk {
  readonly shape: number[]
  readonly rows: number
  /** Blocks along the inner axis. */
  readonly blocks: number
  /** What the kernel reads behind its three pointers. */
  readonly args: readonly number[]
}

interface Axis {
  size: number
  a: number
  b: number
}

const both = 0
const onlyA = 1
const onlyB = 2

export function planBroadcast(aShape: number[], bShape: number[]): Walk {
  if (util.arraysEqual(aShape, bShape)) {
    const size = util.sizeFromShape(aShape)
    const blocks = Math.ceil(size / block)
    return { shape: aShape, rows: size === 0 ? 0 : 1, blocks, args: [size, blocks, both, 0] }
  }
  const shape = backend_util.assertAndGetBroadcastShape(aShape, bShape)
  const axes = mergedAxes(shape, aShape, bShape)
  const inner = axes[0] ?? { size: 1, a: 1, b: 1 }
  const outer = axes.slice(1).toReversed()
  const blocks = Math.ceil(inner.size / block)
  const mode = inner.a === inner.b ? both : inner.b === 0 ? onlyA : onlyB
  return {
    shape,
    rows: outer.reduce((rows, axis) => rows * axis.size, util.sizeFromShape(shape) === 0 ? 0 : 1),
    blocks,
    args: [inner.size, blocks, mode, outer.length, ...outer.flatMap(({ size, a, b }) => [size, a, b])],
  }
}

/** Innermost first. */
function mergedAxes(shape: number[], aShape: number[], bShape: number[]): Axis[] {
  const axes: Axis[] = []
  let aStride = 1
  let bStride = 1
  for (let fromEnd = 1; fromEnd <= shape.length; fromEnd++) {
    const size = shape[shape.length - fromEnd]!
    const aSize = aShape[aShape.length - fromEnd] ?? 1
    const bSize = bShape[bShape.length - fromEnd] ?? 1
    const axis = { size, a: aSize === 1 ? 0 : aStride, b: bSize === 1 ? 0 : bStride }
    aStride *= aSize
    bStride *= bSize
    if (size === 1) continue
    const last = axes.at(-1)
    if (last && axis.a === last.a * last.size && axis.b === last.b * last.size) last.size *= size
    else axes.push(axis)
  }
  return axes
}
