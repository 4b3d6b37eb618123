// Routing: the k largest scores of a row, capacity limits, and the weighted combination of what the members returned.
// Sorting pairs by member is gather.ts's sortByKey.
import { BLOCK, dotRow, load4, store4, zeroRow } from './lanes'
import { intArgument, pointerArgument } from './thread'

/** Is a ahead of b? Larger first, NaN last. */
@inline function ahead<T>(a: T, b: T): bool {
  return a > b || (b != b && a == a)
}

/** args: x [rows, size], values [rows, k], indices [rows, k], size, k. Ties: lowest index first. Item: a row. */
@inline function topK<T>(args: usize, begin: i32, end: i32): void {
  const size = intArgument(args, 3)
  const k = intArgument(args, 4)
  for (let row = begin; row < end; row++) {
    const x = pointerArgument(args, 0) + (<usize>row * <usize>size << 2)
    const values = pointerArgument(args, 1) + (<usize>row * <usize>k << 2)
    const indices = pointerArgument(args, 2) + (<usize>row * <usize>k << 2)
    let kept = 0
    for (let i = 0; i < size; i++) {
      const value = load<T>(x + (<usize>i << 2))
      let slot = kept
      if (kept == k) {
        if (k == 0 || !ahead<T>(value, load<T>(values + (<usize>(k - 1) << 2)))) continue
        slot--
      } else {
        kept++
      }
      for (; slot > 0; slot--) {
        const to = <usize>slot << 2
        const before = load<T>(values + to - 4)
        if (!ahead<T>(value, before)) break
        store<T>(values + to, before)
        store<i32>(indices + to, load<i32>(indices + to - 4))
      }
      store<T>(values + (<usize>slot << 2), value)
      store<i32>(indices + (<usize>slot << 2), i)
    }
  }
}

export function topKFloat(args: usize, begin: i32, end: i32): void { topK<f32>(args, begin, end) }
export function topKInt(args: usize, begin: i32, end: i32): void { topK<i32>(args, begin, end) }

/** args: order [n], rows [n], n, k: rows = ⌊order / k⌋, −1 stays. Item: a block. */
export function pairRows(args: usize, begin: i32, end: i32): void {
  const last = min(intArgument(args, 2), end * BLOCK)
  const k = intArgument(args, 3)
  for (let i = begin * BLOCK; i < last; i++) {
    const at = <usize>i << 2
    const pair = load<i32>(pointerArgument(args, 0) + at)
    store<i32>(pointerArgument(args, 1) + at, pair < 0 ? -1 : pair / k)
  }
}

/** args: members [n], out [n], n, capacity, counts [memberCount] (zeroed scratch), memberCount. One item. */
export function capacityByPosition(args: usize, _begin: i32, _end: i32): void {
  const n = intArgument(args, 2)
  const capacity = intArgument(args, 3)
  const memberCount = intArgument(args, 5)
  memory.fill(pointerArgument(args, 4), 0, <usize>memberCount << 2)
  for (let i = 0; i < n; i++) {
    const at = <usize>i << 2
    const member = load<i32>(pointerArgument(args, 0) + at)
    let kept = -1
    if (<u32>member < <u32>memberCount) {
      const count = pointerArgument(args, 4) + (<usize>member << 2)
      const before = load<i32>(count)
      store<i32>(count, before + 1)
      if (before < capacity) kept = member
    }
    store<i32>(pointerArgument(args, 1) + at, kept)
  }
}

/**
 * args: weights [n], out [n] (holds the members), offsets, order (of sortByKey over the members; reordered), capacity.
 * Drops all but the `capacity` pairs of largest weight, ties by position. Item: a member.
 */
export function capacityByPriority(args: usize, begin: i32, end: i32): void {
  const weights = pointerArgument(args, 0)
  const capacity = intArgument(args, 4)
  for (let member = begin; member < end; member++) {
    const offsets = pointerArgument(args, 2) + (<usize>member << 2)
    const first = load<i32>(offsets)
    const count = load<i32>(offsets, 4) - first
    if (count <= capacity) continue
    const order = pointerArgument(args, 3) + (<usize>first << 2)
    sortByWeight(order, count, weights)
    for (let i = capacity; i < count; i++) {
      const pair = load<i32>(order + (<usize>i << 2))
      store<i32>(pointerArgument(args, 1) + (<usize>pair << 2), -1)
    }
  }
}

/** Heapsort: best pair first. In place, no recursion, no allocation. */
function sortByWeight(order: usize, n: i32, weights: usize): void {
  for (let i = n / 2 - 1; i >= 0; i--) siftDown(order, i, n, weights)
  for (let last = n - 1; last > 0; last--) {
    const at = order + (<usize>last << 2)
    const worst = load<i32>(order)
    store<i32>(order, load<i32>(at))
    store<i32>(at, worst)
    siftDown(order, 0, last, weights)
  }
}

/** Keeps the worst pair of the heap at its root. */
function siftDown(order: usize, root: i32, n: i32, weights: usize): void {
  const pair = load<i32>(order + (<usize>root << 2))
  while (true) {
    let child = 2 * root + 1
    if (child >= n) break
    const right = child + 1
    if (right < n && better(load<i32>(order + (<usize>child << 2)), load<i32>(order + (<usize>right << 2)), weights)) child = right
    const candidate = load<i32>(order + (<usize>child << 2))
    if (!better(pair, candidate, weights)) break
    store<i32>(order + (<usize>root << 2), candidate)
    root = child
  }
  store<i32>(order + (<usize>root << 2), pair)
}

@inline function better(a: i32, b: i32, weights: usize): bool {
  const x = load<f32>(weights + (<usize>a << 2))
  const y = load<f32>(weights + (<usize>b << 2))
  if (ahead<f32>(x, y)) return true
  return ahead<f32>(y, x) ? false : a < b
}

/** args: ys [n, width], weights [n], offsets, order (of sortByKey over the rows), y [rows, width], width. Item: a row of y. */
export function combine(args: usize, begin: i32, end: i32): void {
  const width = intArgument(args, 5)
  for (let row = begin; row < end; row++) {
    const offsets = pointerArgument(args, 2) + (<usize>row << 2)
    const first = load<i32>(offsets)
    const last = load<i32>(offsets, 4)
    const y = pointerArgument(args, 4) + (<usize>row * <usize>width << 2)
    if (first == last) zeroRow(y, width)
    for (let slot = first; slot < last; slot++) {
      const position = <usize>load<i32>(pointerArgument(args, 3) + (<usize>slot << 2))
      const from = pointerArgument(args, 0) + (position * <usize>width << 2)
      const weight = f32x4.splat(load<f32>(pointerArgument(args, 1) + (position << 2)))
      for (let i = 0; i < width; i += 4) {
        const at = <usize>i << 2
        const left = width - i
        const value = load4(from + at, left)
        store4(y + at, slot == first ? f32x4.mul(weight, value) : f32x4.relaxed_madd(weight, value, load4(y + at, left)), left)
      }
    }
  }
}

/** args: dy [rows, width], ys [n, width], target [n], weights [n], dys [n, width], dweights [n], width, rows. Item: a slot. */
export function combineGrad(args: usize, begin: i32, end: i32): void {
  const width = intArgument(args, 6)
  const rows = intArgument(args, 7)
  for (let slot = begin; slot < end; slot++) {
    const at = <usize>slot << 2
    const offset = <usize>slot * <usize>width << 2
    const dys = pointerArgument(args, 4) + offset
    const row = load<i32>(pointerArgument(args, 2) + at)
    if (<u32>row >= <u32>rows) {
      zeroRow(dys, width)
      store<f32>(pointerArgument(args, 5) + at, 0)
      continue
    }
    const dy = pointerArgument(args, 0) + (<usize>row * <usize>width << 2)
    const weight = f32x4.splat(load<f32>(pointerArgument(args, 3) + at))
    store<f32>(pointerArgument(args, 5) + at, <f32>dotRow(dy, pointerArgument(args, 1) + offset, width))
    for (let i = 0; i < width; i += 4) {
      const step = <usize>i << 2
      store4(dys + step, f32x4.mul(weight, load4(dy + step, width - i)), width - i)
    }
  }
}
