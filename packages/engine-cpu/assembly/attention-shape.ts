// The attention kernels' argument block and who sees whom. Layout [batch, position, head, feature]: B batch, T queries,
// S keys, H query heads, G key heads, D features of queries and keys, C of values; the first L keys count. Query t
// stands at position L − T + t. Visible pairs form a band, so each side of a block sees one interval of the other.

/** Rows and columns of a tile of a product. */
export const ROWS: i32 = 6
export const COLUMNS: i32 = 8
/** Queries in a block at most, a multiple of ROWS and COLUMNS; keys in a block, a multiple of ROWS. */
export const QUERIES: i32 = 72
export const KEYS: i32 = 72
/** Bytes from key to key in a block of scores, which is held [key][query]. */
export const STRIDE: usize = <usize>QUERIES << 2

/** float64 words, in this order in src/kernels/attention.ts. Addresses are 0 where there is nothing. */
@unmanaged
export class Attention {
  q: f64
  k: f64
  v: f64
  sinks: f64
  y: f64
  lse: f64
  queries: f64
  keys: f64
  heads: f64
  keyHeads: f64
  features: f64
  valueFeatures: f64
  length: f64
  window: f64
  causal: f64
  scale: f64
  /** Memory of each thread: address and bytes. */
  work: f64
  workBytes: f64
  /** Queries in a block; for a few queries, stretches of keys. */
  block: f64
  /** What is still to be summed. */
  partials: f64
  // of the gradient
  dy: f64
  dq: f64
  dk: f64
  dv: f64
  sinkPartials: f64
  chunks: f64
  dsinks: f64
  batch: f64
  // of a few queries: rows that are put into k and v first, and by which angles the first R features of q and of those of k turn
  newKeys: f64
  newValues: f64
  cos: f64
  sin: f64
  turned: f64
}

/** Position of query 0. */
@inline export function origin(a: Attention): i32 {
  return <i32>a.length - <i32>a.queries
}

export function firstKey(a: Attention, t: i32): i32 {
  const window = <i32>a.window
  return window == 0 ? 0 : max(0, origin(a) + t - window + 1)
}

/** One past the last key that query t sees; not above firstKey where it sees none. */
export function endKey(a: Attention, t: i32): i32 {
  const length = <i32>a.length
  return a.causal != 0 ? min(length, origin(a) + t + 1) : length
}

export function firstQuery(a: Attention, key: i32): i32 {
  return a.causal != 0 ? max(0, key - origin(a)) : 0
}

export function endQuery(a: Attention, key: i32): i32 {
  const window = <i32>a.window
  const queries = <i32>a.queries
  return window == 0 ? queries : min(queries, key - origin(a) + window)
}

/** Lanes of queries t … t + 3 that see the key. */
export function visible(a: Attention, t: i32, key: i32): v128 {
  const position = i32x4.add(i32x4.splat(origin(a) + t), i32x4(0, 1, 2, 3))
  let seen = i32x4.splat(-1)
  if (a.causal != 0) seen = i32x4.ge_s(position, i32x4.splat(key))
  const window = <i32>a.window
  if (window != 0) seen = v128.and(seen, i32x4.lt_s(position, i32x4.splat(key + window)))
  return seen
}

@inline export function up(x: i32, multiple: i32): i32 {
  return (x + multiple - 1) / multiple * multiple
}

@inline export function clamp(x: i32, low: i32, high: i32): i32 {
  return max(low, min(high, x))
}
