// Routing: the k largest scores of a row, capacity limits, and the weighted combination of what the members returned.
// Sorting pairs by member is gather.ts's sortByKey.
import { BLOCK, dotRow, laneMask, load4, store4, zeroRow } from './lanes'
import { intArgument, pointerArgument, threadIndex } from './thread'

/** Is a ahead of b? Larger first, NaN last. */
@inline function ahead<T>(a: T, b: T): bool {
  return a > b || (b != b && a == a)
}

/** By insertion into the sorted list of the best so far, in any type. */
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

/** Longest row whose keys are scanned once for each of its k largest; longer ones are scanned once with insertion. */
const SCANNED: i32 = 1024

/** NaN's place in the order of keys, and the mark of an element already taken, which comes after it. */
const NAN_KEY: i32 = i32.MIN_VALUE + 1
const TAKEN: i32 = i32.MIN_VALUE

/** Floats as integers in the same order: −0 becomes 0, negative ones are turned round, NaN goes last. */
@inline function sortKey(x: v128): v128 {
  const bits = f32x4.add(x, f32x4.splat(0))
  const key = v128.xor(bits, v128.and(i32x4.shr_s(bits, 31), i32x4.splat(0x7fffffff)))
  return v128.bitselect(i32x4.splat(NAN_KEY), key, f32x4.ne(x, x))
}

/** First position of the largest key; the keys end in a multiple of four, filled up with TAKEN. */
@inline function firstLargest(keys: usize, size: i32): i32 {
  let largest = v128.load(keys)
  for (let i = 4; i < size; i += 4) largest = i32x4.max_s(largest, v128.load(keys + (<usize>i << 2)))
  largest = i32x4.max_s(largest, i32x4.shuffle(largest, largest, 2, 3, 0, 1))
  largest = i32x4.max_s(largest, i32x4.shuffle(largest, largest, 1, 0, 3, 2))
  let i = 0
  let found = i32x4.bitmask(i32x4.eq(v128.load(keys), largest))
  while (!found) {
    i += 4
    found = i32x4.bitmask(i32x4.eq(v128.load(keys + (<usize>i << 2)), largest))
  }
  return i + ctz(found)
}

/**
 * args: x [rows, size], values [rows, k], indices [rows, k], size, k, work (1024 words for each thread). Ties: lowest
 * index first; NaN last. Item: a row.
 */
export function topKFloat(args: usize, begin: i32, end: i32): void {
  const size = intArgument(args, 3)
  const k = intArgument(args, 4)
  if (size > SCANNED) {
    topK<f32>(args, begin, end)
    return
  }
  const keys = pointerArgument(args, 5) + (<usize>(threadIndex * SCANNED) << 2)
  for (let row = begin; row < end; row++) {
    const x = pointerArgument(args, 0) + (<usize>row * <usize>size << 2)
    const values = pointerArgument(args, 1) + (<usize>row * <usize>k << 2)
    const indices = pointerArgument(args, 2) + (<usize>row * <usize>k << 2)
    for (let i = 0; i < size; i += 4) {
      const key = sortKey(load4(x + (<usize>i << 2), size - i))
      v128.store(keys + (<usize>i << 2), v128.bitselect(key, i32x4.splat(TAKEN), laneMask(size - i)))
    }
    for (let j = 0; j < k; j++) {
      const index = firstLargest(keys, size)
      store<i32>(keys + (<usize>index << 2), TAKEN)
      store<i32>(indices + (<usize>j << 2), index)
      store<i32>(values + (<usize>j << 2), load<i32>(x + (<usize>index << 2)))
    }
  }
}

export function topKInt(args: usize, begin: i32, end: i32): void { topK<i32>(args, begin, end) }

/** args: order [n], rows [n], n, k: rows = ⌊order / k⌋, −1 stays. Item: a block. */
export function pairRows(args: usize, begin: i32, end: i32): void {
  const order = pointerArgument(args, 0)
  const rows = pointerArgument(args, 1)
  const last = min(intArgument(args, 2), end * BLOCK)
  const k = intArgument(args, 3)
  for (let i = begin * BLOCK; i < last; i++) {
    const at = <usize>i << 2
    const pair = load<i32>(order + at)
    store<i32>(rows + at, pair < 0 ? -1 : pair / k)
  }
}

/** args: members [n], out [n], n, capacity, counts [memberCount] (zeroed scratch), memberCount. One item. */
export function capacityByPosition(args: usize, _begin: i32, _end: i32): void {
  const members = pointerArgument(args, 0)
  const out = pointerArgument(args, 1)
  const n = intArgument(args, 2)
  const capacity = intArgument(args, 3)
  const counts = pointerArgument(args, 4)
  const memberCount = intArgument(args, 5)
  memory.fill(counts, 0, <usize>memberCount << 2)
  for (let i = 0; i < n; i++) {
    const at = <usize>i << 2
    const member = load<i32>(members + at)
    let kept = -1
    if (<u32>member < <u32>memberCount) {
      const count = counts + (<usize>member << 2)
      const before = load<i32>(count)
      store<i32>(count, before + 1)
      if (before < capacity) kept = member
    }
    store<i32>(out + at, kept)
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
    const left = load<i32>(order + (<usize>child << 2))
    if (right < n && better(left, load<i32>(order + (<usize>right << 2)), weights)) child = right
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
        if (slot == first) store4(y + at, f32x4.mul(weight, value), left)
        else store4(y + at, f32x4.relaxed_madd(weight, value, load4(y + at, left)), left)
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
