// Rows picked by index, and their gradient: a scatter-add that is deterministic because it first sorts the rows by
// target (a stable counting sort) and then lets each target row add up its own, in ascending order.
import { copyRow, load4, store4, zeroRow } from './lanes'
import { intArgument, pointerArgument } from './thread'

/**
 * args: x [batch, outer, size, width], indices [batch, count], out [batch, outer, count, width], width, size, outer,
 * count. 4-byte elements. An index outside [0, size) gives zeros. Item: a row of out.
 */
export function gatherWords(args: usize, begin: i32, end: i32): void {
  const width = intArgument(args, 3)
  const size = intArgument(args, 4)
  const outer = intArgument(args, 5)
  const count = intArgument(args, 6)
  for (let item = begin; item < end; item++) {
    const plane = item / count
    const position = plane / outer * count + (item - plane * count)
    const index = load<i32>(pointerArgument(args, 1) + (<usize>position << 2))
    const out = pointerArgument(args, 2) + (<usize>item * <usize>width << 2)
    if (<u32>index < <u32>size) {
      copyRow(out, pointerArgument(args, 0) + ((<usize>plane * <usize>size + <usize>index) * <usize>width << 2), width)
    } else {
      zeroRow(out, width)
    }
  }
}

/** args: x [rows, size], indices [rows, k], out [rows, k], size, k. Item: a row. */
export function gatherColumns(args: usize, begin: i32, end: i32): void {
  const indices = pointerArgument(args, 1)
  const out = pointerArgument(args, 2)
  const size = intArgument(args, 3)
  const k = intArgument(args, 4)
  for (let row = begin; row < end; row++) {
    const x = pointerArgument(args, 0) + (<usize>row * <usize>size << 2)
    for (let j = 0; j < k; j++) {
      const at = (<usize>row * <usize>k + <usize>j) << 2
      const index = load<i32>(indices + at)
      store<f32>(out + at, <u32>index < <u32>size ? load<f32>(x + (<usize>index << 2)) : 0)
    }
  }
}

/** args: dy [rows, k], indices [rows, k], out [rows, size], size, k. Item: a row. */
export function scatterColumns(args: usize, begin: i32, end: i32): void {
  const dy = pointerArgument(args, 0)
  const indices = pointerArgument(args, 1)
  const size = intArgument(args, 3)
  const k = intArgument(args, 4)
  for (let row = begin; row < end; row++) {
    const out = pointerArgument(args, 2) + (<usize>row * <usize>size << 2)
    zeroRow(out, size)
    for (let j = 0; j < k; j++) {
      const at = (<usize>row * <usize>k + <usize>j) << 2
      const index = load<i32>(indices + at)
      if (<u32>index >= <u32>size) continue
      const to = out + (<usize>index << 2)
      store<f32>(to, load<f32>(to) + load<f32>(dy + at))
    }
  }
}

/**
 * Stable counting sort. args: keys [n] int32, n, buckets, offsets [buckets + 1], order [n], cursor [buckets] (scratch).
 * order[offsets[b] … offsets[b + 1]) are the positions of key b, ascending; keys outside [0, buckets) are left out and
 * order is −1 behind offsets[buckets]. One item: the sort is a sequential scan.
 */
export function sortByKey(args: usize, _begin: i32, _end: i32): void {
  const keys = pointerArgument(args, 0)
  const n = intArgument(args, 1)
  const buckets = intArgument(args, 2)
  const offsets = pointerArgument(args, 3)
  const order = pointerArgument(args, 4)
  const cursor = pointerArgument(args, 5)
  memory.fill(cursor, 0, <usize>buckets << 2)
  for (let i = 0; i < n; i++) {
    const key = load<i32>(keys + (<usize>i << 2))
    if (<u32>key >= <u32>buckets) continue
    const at = cursor + (<usize>key << 2)
    store<i32>(at, load<i32>(at) + 1)
  }
  let total = 0
  for (let b = 0; b < buckets; b++) {
    const at = <usize>b << 2
    const count = load<i32>(cursor + at)
    store<i32>(offsets + at, total)
    store<i32>(cursor + at, total)
    total += count
  }
  store<i32>(offsets + (<usize>buckets << 2), total)
  for (let i = 0; i < n; i++) {
    const key = load<i32>(keys + (<usize>i << 2))
    if (<u32>key >= <u32>buckets) continue
    const at = cursor + (<usize>key << 2)
    const slot = load<i32>(at)
    store<i32>(at, slot + 1)
    store<i32>(order + (<usize>slot << 2), i)
  }
  for (let slot = total; slot < n; slot++) store<i32>(order + (<usize>slot << 2), -1)
}

/** args: dy [n, width], offsets, order (of sortByKey), out [buckets, width], width. Item: a row of out. */
@inline function addSorted(int: bool, args: usize, begin: i32, end: i32): void {
  const width = intArgument(args, 4)
  for (let row = begin; row < end; row++) {
    const offsets = pointerArgument(args, 1) + (<usize>row << 2)
    const first = load<i32>(offsets)
    const last = load<i32>(offsets, 4)
    const out = pointerArgument(args, 3) + (<usize>row * <usize>width << 2)
    if (first == last) {
      zeroRow(out, width)
      continue
    }
    for (let slot = first; slot < last; slot++) {
      const position = load<i32>(pointerArgument(args, 2) + (<usize>slot << 2))
      const from = pointerArgument(args, 0) + (<usize>position * <usize>width << 2)
      if (slot == first) {
        copyRow(out, from, width)
        continue
      }
      for (let i = 0; i < width; i += 4) {
        const at = <usize>i << 2
        const left = width - i
        const a = load4(out + at, left)
        const b = load4(from + at, left)
        store4(out + at, int ? i32x4.add(a, b) : f32x4.add(a, b), left)
      }
    }
  }
}

export function addSortedFloat(args: usize, begin: i32, end: i32): void { addSorted(false, args, begin, end) }
export function addSortedInt(args: usize, begin: i32, end: i32): void { addSorted(true, args, begin, end) }

/** args: indices [count, rank], keys [count] (out), rank, then rank × (size, stride). A row outside is −1. Item: a row. */
export function flattenIndices(args: usize, begin: i32, end: i32): void {
  const rank = intArgument(args, 2)
  for (let row = begin; row < end; row++) {
    let key = 0
    for (let axis = 0; axis < rank; axis++) {
      const index = load<i32>(pointerArgument(args, 0) + ((<usize>row * <usize>rank + <usize>axis) << 2))
      if (<u32>index >= <u32>intArgument(args, 3 + 2 * axis)) {
        key = -1
        break
      }
      key += index * intArgument(args, 4 + 2 * axis)
    }
    store<i32>(pointerArgument(args, 1) + (<usize>row << 2), key)
  }
}

/** args: indices [n], out [n, depth], depth, on, off (4-byte words). Item: a row. */
export function oneHotWords(args: usize, begin: i32, end: i32): void {
  const depth = intArgument(args, 2)
  const on = intArgument(args, 3)
  const off = i32x4.splat(intArgument(args, 4))
  for (let row = begin; row < end; row++) {
    const out = pointerArgument(args, 1) + (<usize>row * <usize>depth << 2)
    for (let i = 0; i < depth; i += 4) store4(out + (<usize>i << 2), off, depth - i)
    const index = load<i32>(pointerArgument(args, 0) + (<usize>row << 2))
    if (<u32>index < <u32>depth) store<i32>(out + (<usize>index << 2), on)
  }
}
