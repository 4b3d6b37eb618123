// RMS norm and layer norm over the last axis, one pass over memory in each direction. The weights' gradients are summed
// over fixed blocks of 32 rows into `partials` [blocks, width], which sumColumnsFloat then adds in order.
import { dotRow, load4, store4, sumLanes, sumRow, zeroRow } from './lanes'
import { intArgument, pointerArgument } from './thread'

const ROWS: i32 = 32

@inline function rowPointer(args: usize, i: i32, row: i32, width: i32): usize {
  return pointerArgument(args, i) + (<usize>row * <usize>width << 2)
}

/** args: x, weight (0: none), y, rstd [rows], width, eps. Item: a row. */
export function rmsNorm(args: usize, begin: i32, end: i32): void {
  const weight = pointerArgument(args, 1)
  const width = intArgument(args, 4)
  for (let row = begin; row < end; row++) {
    const x = rowPointer(args, 0, row, width)
    const y = rowPointer(args, 2, row, width)
    const rstd = <f32>(1 / Math.sqrt(dotRow(x, x, width) / width + load<f64>(args, 40)))
    store<f32>(rowPointer(args, 3, row, 1), rstd)
    const scale = f32x4.splat(rstd)
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i << 2
      const left = width - i
      let value = f32x4.mul(load4(x + at, left), scale)
      if (weight) value = f32x4.mul(value, load4(weight + at, left))
      store4(y + at, value, left)
    }
  }
}

/**
 * args: dy, x, weight (0: none), rstd, dx, partials, rows, width. Item: a block of 32 rows.
 * dx = rstd·(w·dy) − x·rstd³/D·Σ(w·dy·x); dweight = Σ_rows dy·x·rstd.
 */
export function rmsNormGrad(args: usize, begin: i32, end: i32): void {
  const weight = pointerArgument(args, 2)
  const rows = intArgument(args, 6)
  const width = intArgument(args, 7)
  for (let block = begin; block < end; block++) {
    const partial = rowPointer(args, 5, block, width)
    if (weight) zeroRow(partial, width)
    const last = min(rows, (block + 1) * ROWS)
    for (let row = block * ROWS; row < last; row++) {
      const dy = rowPointer(args, 0, row, width)
      const x = rowPointer(args, 1, row, width)
      const dx = rowPointer(args, 4, row, width)
      const rstd = load<f32>(rowPointer(args, 3, row, 1))
      const scale = f32x4.splat(rstd)
      let a = f32x4.splat(0)
      if (weight) {
        for (let i = 0; i < width; i += 4) {
          const at = <usize>i << 2
          const left = width - i
          const d = load4(dy + at, left)
          const h = load4(x + at, left)
          a = f32x4.relaxed_madd(f32x4.mul(d, h), load4(weight + at, left), a)
          store4(partial + at, f32x4.relaxed_madd(f32x4.mul(d, h), scale, load4(partial + at, left)), left)
        }
      }
      const dot = weight ? <f64>sumLanes(a) : dotRow(dy, x, width)
      const c = f32x4.splat(<f32>(-dot * rstd * rstd * rstd / width))
      for (let i = 0; i < width; i += 4) {
        const at = <usize>i << 2
        const left = width - i
        let g = f32x4.mul(load4(dy + at, left), scale)
        if (weight) g = f32x4.mul(g, load4(weight + at, left))
        store4(dx + at, f32x4.relaxed_madd(load4(x + at, left), c, g), left)
      }
    }
  }
}

/** args: x, weight, bias (0: none), y, mean [rows], rstd [rows], width, eps. Item: a row. */
export function layerNorm(args: usize, begin: i32, end: i32): void {
  const weight = pointerArgument(args, 1)
  const bias = pointerArgument(args, 2)
  const width = intArgument(args, 6)
  for (let row = begin; row < end; row++) {
    const x = rowPointer(args, 0, row, width)
    const y = rowPointer(args, 3, row, width)
    const mean = <f32>(sumRow(x, width) / width)
    const centre = f32x4.splat(-mean)
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i << 2
      store4(y + at, f32x4.add(load4(x + at, width - i), centre), width - i)
    }
    const rstd = <f32>(1 / Math.sqrt(dotRow(y, y, width) / width + load<f64>(args, 56)))
    store<f32>(rowPointer(args, 4, row, 1), mean)
    store<f32>(rowPointer(args, 5, row, 1), rstd)
    const scale = f32x4.splat(rstd)
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i << 2
      const left = width - i
      let value = f32x4.mul(f32x4.mul(load4(y + at, left), scale), load4(weight + at, left))
      if (bias) value = f32x4.add(value, load4(bias + at, left))
      store4(y + at, value, left)
    }
  }
}

/**
 * args: dy, x, weight, mean, rstd, dx, weightPartials, biasPartials (0: none), rows, width. Item: a block of 32 rows.
 * With h = (x − mean)·rstd and g = w·dy: dx = rstd·(g − avg(g) − h·avg(g·h)); dweight = Σ dy·h; dbias = Σ dy.
 */
export function layerNormGrad(args: usize, begin: i32, end: i32): void {
  const weight = pointerArgument(args, 2)
  const hasBias = pointerArgument(args, 7) != 0
  const rows = intArgument(args, 8)
  const width = intArgument(args, 9)
  for (let block = begin; block < end; block++) {
    const partial = rowPointer(args, 6, block, width)
    const biasPartial = rowPointer(args, 7, block, width)
    zeroRow(partial, width)
    if (hasBias) zeroRow(biasPartial, width)
    const last = min(rows, (block + 1) * ROWS)
    for (let row = block * ROWS; row < last; row++) {
      const dy = rowPointer(args, 0, row, width)
      const x = rowPointer(args, 1, row, width)
      const dx = rowPointer(args, 5, row, width)
      const mean = f32x4.splat(load<f32>(rowPointer(args, 3, row, 1)))
      const rstd = f32x4.splat(load<f32>(rowPointer(args, 4, row, 1)))
      let sum = f32x4.splat(0)
      let dot = f32x4.splat(0)
      for (let i = 0; i < width; i += 4) {
        const at = <usize>i << 2
        const left = width - i
        const d = load4(dy + at, left)
        const h = f32x4.mul(f32x4.sub(load4(x + at, left), mean), rstd)
        const g = f32x4.mul(d, load4(weight + at, left))
        sum = f32x4.add(sum, g)
        dot = f32x4.relaxed_madd(g, h, dot)
        store4(partial + at, f32x4.relaxed_madd(d, h, load4(partial + at, left)), left)
        if (hasBias) store4(biasPartial + at, f32x4.add(d, load4(biasPartial + at, left)), left)
      }
      const averageG = f32x4.splat(-sumLanes(sum) / <f32>width)
      const averageGH = f32x4.splat(-sumLanes(dot) / <f32>width)
      for (let i = 0; i < width; i += 4) {
        const at = <usize>i << 2
        const left = width - i
        const h = f32x4.mul(f32x4.sub(load4(x + at, left), mean), rstd)
        const g = f32x4.relaxed_madd(load4(dy + at, left), load4(weight + at, left), averageG)
        store4(dx + at, f32x4.mul(rstd, f32x4.relaxed_madd(h, averageGH, g)), left)
      }
    }
  }
}
