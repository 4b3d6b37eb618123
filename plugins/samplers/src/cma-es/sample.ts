// A point of CMA-ES's distribution within the unit cube: drawn again while it lies outside, and clipped in the end.
import type { RandomStream } from '@mixlab/core'
import { normal } from '../space/draw.ts'
import type { CmaState } from './state.ts'

/** mean + sigma · B D z, z standard normal. */
function draw({ mean, sigma, axes }: CmaState, rng: RandomStream): Float64Array {
  const n = mean.length
  const scaled = axes.lengths.map((length) => length * normal(rng))
  return mean.map((centre, i) => {
    let sum = 0
    for (let k = 0; k < n; k++) sum += axes.directions[i * n + k]! * scaled[k]!
    return centre + sigma * sum
  })
}

export function sampleWithin(state: CmaState, rng: RandomStream): Float64Array {
  for (let attempt = 0; attempt < 10 * state.mean.length; attempt++) {
    const point = draw(state, rng)
    if (point.every((x) => x >= 0 && x <= 1)) return point
  }
  return draw(state, rng).map((x) => Math.min(Math.max(x, 0), 1))
}
