// Sums, extrema and products over the last axis (rows) or over an axis that has others behind it (columns). A long row
// or column is cut into chunks of a length that depends on the shape alone; the chunks' results go to scratch memory
// and through the same kernel once more, so that the order of additions never depends on the threads.
import { load4, maxRow, store4, sumRow } from './lanes'
import { floatArgument, intArgument, pointerArgument } from './thread'

const SUM: i32 = 0
const MAX: i32 = 1
const MIN: i32 = 2
const PROD: i32 = 3

/** args: x, out, length, chunk, chunks, scale. Item: (row, chunk). */
export function sumRows(args: usize, begin: i32, end: i32): void {
  const length = intArgument(args, 2)
  const chunk = intArgument(args, 3)
  const chunks = intArgument(args, 4)
  for (let item = begin; item < end; item++) {
    const row = item / chunks
    const first = (item - row * chunks) * chunk
    const x = pointerArgument(args, 0) + ((<usize>row * <usize>length + <usize>first) << 2)
    const total = sumRow(x, min(chunk, length - first)) * load<f64>(args, 40)
    store<f32>(pointerArgument(args, 1) + (<usize>item << 2), <f32>total)
  }
}

/** NaN stays. */
@inline function combineFloat(op: i32, a: f32, b: f32): f32 {
  if (op == MAX) return max(a, b)
  if (op == MIN) return min(a, b)
  return a * b
}

@inline function combineInt(op: i32, a: i32, b: i32): i32 {
  if (op == SUM) return a + b
  if (op == MAX) return max(a, b)
  if (op == MIN) return min(a, b)
  return a * b
}

@inline function reduceFloatRows(op: i32, args: usize, begin: i32, end: i32): void {
  const length = intArgument(args, 2)
  const chunk = intArgument(args, 3)
  const chunks = intArgument(args, 4)
  for (let item = begin; item < end; item++) {
    const row = item / chunks
    const first = (item - row * chunks) * chunk
    const x = pointerArgument(args, 0) + ((<usize>row * <usize>length + <usize>first) << 2)
    const n = min(chunk, length - first)
    let y: f32
    if (op == MAX) {
      y = maxRow(x, n)
    } else {
      y = op == MIN ? f32(Infinity) : f32(1)
      for (let i = 0; i < n; i++) y = combineFloat(op, y, load<f32>(x + (<usize>i << 2)))
    }
    store<f32>(pointerArgument(args, 1) + (<usize>item << 2), y)
  }
}

@inline function reduceIntRows(op: i32, args: usize, begin: i32, end: i32): void {
  const length = intArgument(args, 2)
  const chunk = intArgument(args, 3)
  const chunks = intArgument(args, 4)
  for (let item = begin; item < end; item++) {
    const row = item / chunks
    const first = (item - row * chunks) * chunk
    const x = pointerArgument(args, 0) + ((<usize>row * <usize>length + <usize>first) << 2)
    const n = min(chunk, length - first)
    let y = op == SUM ? 0 : op == MAX ? i32.MIN_VALUE : op == MIN ? i32.MAX_VALUE : 1
    for (let i = 0; i < n; i++) y = combineInt(op, y, load<i32>(x + (<usize>i << 2)))
    store<i32>(pointerArgument(args, 1) + (<usize>item << 2), y)
  }
}

export function maxRowsFloat(args: usize, begin: i32, end: i32): void { reduceFloatRows(MAX, args, begin, end) }
export function minRowsFloat(args: usize, begin: i32, end: i32): void { reduceFloatRows(MIN, args, begin, end) }
export function prodRowsFloat(args: usize, begin: i32, end: i32): void { reduceFloatRows(PROD, args, begin, end) }
export function sumRowsInt(args: usize, begin: i32, end: i32): void { reduceIntRows(SUM, args, begin, end) }
export function maxRowsInt(args: usize, begin: i32, end: i32): void { reduceIntRows(MAX, args, begin, end) }
export function minRowsInt(args: usize, begin: i32, end: i32): void { reduceIntRows(MIN, args, begin, end) }
export function prodRowsInt(args: usize, begin: i32, end: i32): void { reduceIntRows(PROD, args, begin, end) }

/** args: x (bool), out (bool), length. Item: a row. */
export function anyRows(args: usize, begin: i32, end: i32): void {
  const length = intArgument(args, 2)
  for (let row = begin; row < end; row++) {
    const x = pointerArgument(args, 0) + <usize>row * <usize>length
    let y: u8 = 0
    for (let i = 0; i < length; i++) y |= load<u8>(x + i)
    store<u8>(pointerArgument(args, 1) + row, y)
  }
}

export function allRows(args: usize, begin: i32, end: i32): void {
  const length = intArgument(args, 2)
  for (let row = begin; row < end; row++) {
    const x = pointerArgument(args, 0) + <usize>row * <usize>length
    let y: u8 = 1
    for (let i = 0; i < length; i++) y &= load<u8>(x + i)
    store<u8>(pointerArgument(args, 1) + row, y)
  }
}

/** Columns of one item, so that its row of the result stays in the first-level cache. */
const COLUMNS: i32 = 1024

/**
 * args: x [outer, length, width], out [outer, chunks, width], length, width, chunk, chunks, blocks (of 1024 columns),
 * scale. Item: (outer, chunk, block).
 */
@inline function reduceColumns(int: bool, op: i32, args: usize, begin: i32, end: i32): void {
  const length = intArgument(args, 2)
  const width = intArgument(args, 3)
  const chunk = intArgument(args, 4)
  const chunks = intArgument(args, 5)
  const blocks = intArgument(args, 6)
  const scale = floatArgument(args, 7)
  const stride = <usize>width << 2
  for (let item = begin; item < end; item++) {
    const part = item / blocks // outer · chunks + chunk
    const column = (item - part * blocks) * COLUMNS
    const columns = min(COLUMNS, width - column)
    const outer = part / chunks
    const first = (part - outer * chunks) * chunk
    const last = min(length, first + chunk)
    const out = pointerArgument(args, 1) + <usize>part * stride + (<usize>column << 2)
    let x = pointerArgument(args, 0) + (<usize>outer * <usize>length + <usize>first) * stride + (<usize>column << 2)
    for (let i = 0; i < columns; i += 4) {
      const at = <usize>i << 2
      store4(out + at, load4(x + at, columns - i), columns - i)
    }
    for (let row = first + 1; row < last; row++) {
      x += stride
      for (let i = 0; i < columns; i += 4) {
        const at = <usize>i << 2
        const left = columns - i
        const a = load4(out + at, left)
        const b = load4(x + at, left)
        let y: v128
        if (op == SUM) y = int ? i32x4.add(a, b) : f32x4.add(a, b)
        else if (op == MAX) y = int ? i32x4.max_s(a, b) : f32x4.max(a, b)
        else if (op == MIN) y = int ? i32x4.min_s(a, b) : f32x4.min(a, b)
        else y = int ? i32x4.mul(a, b) : f32x4.mul(a, b)
        store4(out + at, y, left)
      }
    }
    if (!int && op == SUM && scale != 1) {
      for (let i = 0; i < columns; i += 4) {
        const at = <usize>i << 2
        store4(out + at, f32x4.mul(load4(out + at, columns - i), f32x4.splat(scale)), columns - i)
      }
    }
  }
}

export function sumColumnsFloat(args: usize, begin: i32, end: i32): void { reduceColumns(false, SUM, args, begin, end) }
export function maxColumnsFloat(args: usize, begin: i32, end: i32): void { reduceColumns(false, MAX, args, begin, end) }
export function minColumnsFloat(args: usize, begin: i32, end: i32): void { reduceColumns(false, MIN, args, begin, end) }
export function prodColumnsFloat(args: usize, begin: i32, end: i32): void { reduceColumns(false, PROD, args, begin, end) }
export function sumColumnsInt(args: usize, begin: i32, end: i32): void { reduceColumns(true, SUM, args, begin, end) }
export function maxColumnsInt(args: usize, begin: i32, end: i32): void { reduceColumns(true, MAX, args, begin, end) }
export function minColumnsInt(args: usize, begin: i32, end: i32): void { reduceColumns(true, MIN, args, begin, end) }
export function prodColumnsInt(args: usize, begin: i32, end: i32): void { reduceColumns(true, PROD, args, begin, end) }

/** args: x, out (int32), length. First position of the row's extremum; NaN never wins, unless it comes first. */
@inline function argExtremum<T>(largest: bool, args: usize, begin: i32, end: i32): void {
  const length = intArgument(args, 2)
  for (let row = begin; row < end; row++) {
    const x = pointerArgument(args, 0) + (<usize>row * <usize>length << 2)
    let best = load<T>(x)
    let at = 0
    for (let i = 1; i < length; i++) {
      const value = load<T>(x + (<usize>i << 2))
      if (largest ? value > best : value < best) {
        best = value
        at = i
      }
    }
    store<i32>(pointerArgument(args, 1) + (<usize>row << 2), at)
  }
}

export function argMaxFloat(args: usize, begin: i32, end: i32): void { argExtremum<f32>(true, args, begin, end) }
export function argMinFloat(args: usize, begin: i32, end: i32): void { argExtremum<f32>(false, args, begin, end) }
export function argMaxInt(args: usize, begin: i32, end: i32): void { argExtremum<i32>(true, args, begin, end) }
export function argMinInt(args: usize, begin: i32, end: i32): void { argExtremum<i32>(false, args, begin, end) }

/** args: x, out, length, exclusive, reverse. Item: a row. */
@inline function cumulate<T>(args: usize, begin: i32, end: i32): void {
  const length = intArgument(args, 2)
  const exclusive = intArgument(args, 3) != 0
  const reverse = intArgument(args, 4) != 0
  const x = pointerArgument(args, 0)
  const out = pointerArgument(args, 1)
  for (let row = begin; row < end; row++) {
    const base = <usize>row * <usize>length
    let total: T = 0
    for (let j = 0; j < length; j++) {
      const at = (base + <usize>(reverse ? length - 1 - j : j)) << 2
      const next: T = total + load<T>(x + at)
      store<T>(out + at, exclusive ? total : next)
      total = next
    }
  }
}

export function cumsumFloat(args: usize, begin: i32, end: i32): void { cumulate<f32>(args, begin, end) }
export function cumsumInt(args: usize, begin: i32, end: i32): void { cumulate<i32>(args, begin, end) }
