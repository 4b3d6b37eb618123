// Makes the engine the active backend for a test file, and holds what the tests compare with.
import * as tf from '@tensorflow/tfjs-core'
import { cpuEngine, runningBackend } from '../src/index.ts'

tf.env().set('IS_TEST', true) // no banner from the JavaScript backend, which tests compare with
await cpuEngine.start()

export { tf }
export const backend = runningBackend()!

/** A small deterministic generator (mulberry32), uniform in [-1, 1). */
export function randoms(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1
  }
}

export const randomValues = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, randoms(seed))

/** Largest |a − b| ÷ (1 + |b|); NaN only matches NaN, an infinity only itself. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity
  let worst = 0
  for (let i = 0; i < a.length; i++) {
    if (Object.is(a[i], b[i]) || a[i] === b[i]) continue
    const gap = Math.abs(a[i]! - b[i]!) / (1 + Math.abs(b[i]!))
    if (!(gap <= worst)) worst = Number.isNaN(gap) ? Infinity : gap
  }
  return worst
}
