// A layer's attention in generation, as one kernel call: turns the new queries and keys by their positions, writes the new
// keys and values into the cache, and attends to all of it. Rows are those of the products before and behind, [B·T, H·D].
//
// Axes: B sequences, T new tokens of each, S positions of the cache, H query heads, G key/value heads, D head width.
import { expect, expectTensor } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { refuseTape } from '../tape.ts'
import { tf } from '../tf.ts'
import { appendRowsOperation } from './append-rows.ts'
import { attentionOperation } from './attention.ts'
import { type RotaryTables, rotaryOperation } from './rotary.ts'

/** A position, or what tells it: see `RunningEngine.repeated`. */
type Position = number | (() => number)

const numberOf = (position: Position): number => (typeof position === 'number' ? position : position())

type Attributes = { position: Position; window: number; scale: number }

export const cachedAttentionOperation = defineOperation<
  {
    q: tf.Tensor
    k: tf.Tensor
    v: tf.Tensor
    keys: tf.Tensor
    values: tf.Tensor
    cos: tf.Tensor | undefined
    sin: tf.Tensor | undefined
  },
  Attributes,
  tf.Tensor
>({
  name: 'CachedAttention',
  summary: 'Rotary embedding of new tokens, their keys and values into a cache, in place, and attention to it',
  reference({ q, k, v, keys, values, cos, sin }, { position: given, window, scale }) {
    const position = numberOf(given)
    const [batch, , groups, width] = keys.shape as [number, number, number, number]
    const length = q.shape[0]! / batch
    const split = (rows: tf.Tensor, heads: number) => tf.reshape(rows, [batch, length, heads, width])
    const rowsOf = (table: tf.Tensor) => tf.slice(table, [position, 0], [length, table.shape[1]!])
    const turned = (x: tf.Tensor) =>
      cos && sin
        ? rotaryOperation.run({ x, cos: rowsOf(cos), sin: rowsOf(sin) }, { interleaved: false, inverse: false })
        : x
    appendRowsOperation.run({ cache: keys, x: turned(split(k, groups)) }, { position })
    appendRowsOperation.run({ cache: values, x: split(v, groups) }, { position })
    const options = { scale, causal: true, window, keyLength: position + length }
    const queries = turned(split(q, q.shape[1]! / width))
    return tf.reshape(
      attentionOperation.run({ q: queries, k: keys, v: values, sinks: undefined }, options)[0]!,
      q.shape,
    )
  },
})

export interface CachedAttentionOptions {
  /** Where the first of the new tokens goes. */
  readonly position: Position
  /** Of all positions of the cache at least, by halves; absent without rotary embedding. */
  readonly rotary?: RotaryTables | undefined
  /** How many tokens back a token sees, itself included; 0: all. */
  readonly window?: number
}

/**
 * Causal attention of new tokens to a key-value cache, which is written in place.
 * @param q [B·T, H·D].
 * @param k [B·T, G·D].
 * @param v [B·T, G·D].
 * @param cache keys and values, [B, S, G, D] each.
 * @returns [B·T, H·D].
 * @throws MixlabError if the tokens do not fit the cache, or while a gradient is being taken.
 */
export function cachedAttention(
  { q, k, v }: { readonly q: tf.Tensor2D; readonly k: tf.Tensor2D; readonly v: tf.Tensor2D },
  { keys, values }: { readonly keys: tf.Tensor4D; readonly values: tf.Tensor4D },
  { position: given, rotary, window = 0 }: CachedAttentionOptions,
): tf.Tensor2D {
  const position = numberOf(given)
  refuseTape('cachedAttention')
  expectTensor('cachedAttention', 'keys', keys, ['B', 'S', 'G', 'D'])
  expectTensor('cachedAttention', 'values', values, keys.shape)
  const [batch, capacity, groups, width] = keys.shape
  expectTensor('cachedAttention', 'q', q, ['B·T', 'H·D'])
  const [rows, columns] = q.shape
  expectTensor('cachedAttention', 'k', k, [rows, groups * width])
  expectTensor('cachedAttention', 'v', v, k.shape)
  const length = rows / batch
  const end = position + length
  expect('cachedAttention', Number.isInteger(length), () => `${rows} rows are not of ${batch} sequences of one length`)
  expect(
    'cachedAttention',
    columns % (groups * width) === 0,
    () => `queries of ${columns} cannot share ${groups} key/value heads of ${width} evenly`,
  )
  expect(
    'cachedAttention',
    Number.isInteger(position) && position >= 0 && end <= capacity,
    () => `rows ${position} … ${end} do not fit a cache of ${capacity}`,
  )
  if (rotary) {
    expectTensor('cachedAttention', 'cos', rotary.cos, ['positions', 'R/2'])
    expectTensor('cachedAttention', 'sin', rotary.sin, rotary.cos.shape)
    const [positions, pairs] = rotary.cos.shape
    expect(
      'cachedAttention',
      end <= positions && 2 * pairs <= width,
      () => `the tables have ${positions} positions of ${2 * pairs} elements, expected ${end} of ${width} at most`,
    )
  }
  const inputs = { q, k, v, keys, values, cos: rotary?.cos, sin: rotary?.sin }
  return cachedAttentionOperation.run(inputs, { position: given, window, scale: 1 / Math.sqrt(width) }) as tf.Tensor2D
}
