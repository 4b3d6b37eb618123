// Attention of new tokens to a key-value cache: the turned keys and the values go straight to their places in the cache.
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { defineKernel } from '../register.ts'
import { attend } from './attention.ts'
import { rowGrain } from './work.ts'

interface Turn {
  /** Addresses of the first position's cosines and sines. */
  readonly cos: number
  readonly sin: number
  readonly pairs: number
}

/** Writes [positions, heads, width] to another place, turned if there is an angle. */
function place(
  backend: CpuBackend,
  from: number,
  to: number,
  [positions, heads, width]: readonly [number, number, number],
  turn?: Turn,
): void {
  const row = heads * width
  if (turn === undefined) return backend.run('copyBytes', 4 * positions * row, 65_536, to, from)
  const args = [from, to, turn.cos, turn.sin, positions, heads, width, 2 * turn.pairs, 0, 0]
  backend.run('rotaryHalves', positions, rowGrain(row), ...args)
}

defineKernel('mixlab.CachedAttention', ({ backend, inputs, attrs }) => {
  const { q, k, v, keys, values, cos, sin } = inputs as Record<'q' | 'k' | 'v' | 'keys' | 'values', TensorInfo> &
    Partial<Record<'cos' | 'sin', TensorInfo | null>>
  const { position, window, scale } = attrs as { position: number | (() => number); window: number; scale: number }
  const [batch, capacity, keyHeads, width] = keys.shape as [number, number, number, number]
  const [rows, columns] = q.shape as [number, number]
  const [queries, heads] = [rows / batch, columns / width]
  const y = backend.output(q.shape, 'float32')
  if (rows === 0) return y
  const pairs = cos?.shape[1] ?? 0
  const tables = cos && sin ? { cos: backend.pointer(cos), sin: backend.pointer(sin) } : undefined
  const [newKeys, newValues, keyRow] = [backend.pointer(k), backend.pointer(v), 4 * keyHeads * width]
  const [keyCache, valueCache] = [backend.pointerToWrite(keys), backend.pointerToWrite(values)]
  const [given, result] = [backend.pointer(q), backend.pointer(y)]
  const sizes = { batch, queries, heads, keys: capacity, keyHeads, features: width, valueFeatures: width }
  backend.planned(() => {
    const start = typeof position === 'number' ? position : position()
    const offset = 4 * start * pairs
    const turn = tables && { cos: tables.cos + offset, sin: tables.sin + offset, pairs }
    let turned = given
    if (turn) {
      turned = backend.scratch(4 * rows * columns)
      for (let b = 0; b < batch; b++) {
        const at = 4 * b * queries * columns
        place(backend, given + at, turned + at, [queries, heads, width], turn)
      }
    }
    for (let b = 0; b < batch; b++) {
      const [from, to] = [b * queries * keyRow, (b * capacity + start) * keyRow]
      place(backend, newKeys + from, keyCache + to, [queries, keyHeads, width], turn)
      place(backend, newValues + from, valueCache + to, [queries, keyHeads, width])
    }
    const operands = { q: turned, k: keyCache, v: valueCache, sinks: 0, ...sizes }
    const lse = backend.scratch(4 * rows * heads)
    attend(backend, { ...operands, length: start + queries, window, causal: true, scale }, { y: result, lse })
  })
  return y
})
