// Attention of new tokens to a key-value cache: the turned keys and the values go straight to their places in the cache.
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { defineKernel } from '../register.ts'
import { type Added, attend, fewAttention, fewQueries } from './attention.ts'
import { rowGrain } from './work.ts'

interface Rows {
  readonly positions: number
  readonly heads: number
  readonly width: number
}

/** Writes [positions, heads, width] to another place, turned if there are angles, of the position `start` first. */
function place(backend: CpuBackend, from: number, to: number, rows: Rows, start = 0, angles?: Added): void {
  const { positions, heads, width } = rows
  const row = heads * width
  if (!angles?.turned) return backend.run('copyBytes', 4 * positions * row, 65_536, to, from)
  const { cos, sin, turned } = angles
  const offset = 2 * start * turned
  const args = [from, to, cos + offset, sin + offset, positions, heads, width, turned, 0, 0]
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
  const added: Added = {
    newKeys: backend.pointer(k),
    newValues: backend.pointer(v),
    cos: cos ? backend.pointer(cos) : 0,
    sin: sin ? backend.pointer(sin) : 0,
    turned: cos && sin ? 2 * cos.shape[1]! : 0,
  }
  const addresses = { q: backend.pointer(q), k: backend.pointerToWrite(keys), v: backend.pointerToWrite(values) }
  const sizes = { batch, queries, heads, keys: capacity, keyHeads, features: width, valueFeatures: width }
  const given = { ...addresses, ...sizes, sinks: 0, window, causal: true, scale }
  const outputs = { y: backend.pointer(y), lse: backend.scratch(4 * rows * heads) }
  const start = typeof position === 'number' ? () => position : position
  if (queries <= fewQueries) {
    const attendTo = fewAttention(backend, given, outputs, added)
    backend.planned(() => attendTo(start() + queries))
    return y
  }
  const turnedRows = added.turned ? backend.scratch(4 * rows * columns) : given.q
  backend.planned(() => {
    const first = start()
    const rowsOf = (count: number) => ({ positions: queries, heads: count, width })
    for (let b = 0; b < batch; b++) {
      const [at, from] = [4 * b * queries * columns, 4 * b * queries * keyHeads * width]
      const to = 4 * (b * capacity + first) * keyHeads * width
      if (added.turned) place(backend, given.q + at, turnedRows + at, rowsOf(heads), first, added)
      place(backend, added.newKeys + from, given.k + to, rowsOf(keyHeads), first, added)
      place(backend, added.newValues + from, given.v + to, rowsOf(keyHeads))
    }
    attend(backend, { ...given, q: turnedRows, length: first + queries }, outputs)
  })
  return y
})
