// CMA-ES's search distribution N(mean, sigma² C) and how a generation of evaluated points moves it (Hansen 2016, section 6 and
// appendix A). Immutable: a generation makes a new state. It agrees with the package cmaes, which Optuna uses.
import type { Strategy } from './constants.ts'
import { eigenOfSymmetric } from './eigen.ts'

export interface CmaState {
  readonly generation: number
  readonly mean: Float64Array
  readonly sigma: number
  /** C, row by row, symmetric. */
  readonly covariance: Float64Array
  /** Evolution paths of the step size and of the covariance. */
  readonly pathSigma: Float64Array
  readonly pathC: Float64Array
  /** C = B D² Bᵀ. */
  readonly axes: Axes
}

export interface Axes {
  /** B, row by row: column j is the direction of the axis of length D[j]. */
  readonly directions: Float64Array
  readonly lengths: Float64Array
}

export interface Solution {
  readonly point: Float64Array
  readonly loss: number
}

function axesOf(covariance: Float64Array, n: number): Axes {
  const { values, vectors } = eigenOfSymmetric(covariance, n)
  // Rounding may make the least eigenvalue of a degenerate covariance negative.
  return { directions: vectors, lengths: values.map((value) => Math.sqrt(value < 0 ? 1e-8 : value)) }
}

/** C again from its axes, where those had to be made real. */
function covarianceOf({ directions, lengths }: Axes, n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n]
    let sum = 0
    for (let k = 0; k < n; k++) sum += directions[i * n + k]! * lengths[k]! ** 2 * directions[j * n + k]!
    return sum
  })
}

export function initialState(mean: Float64Array, sigma: number): CmaState {
  const n = mean.length
  const identity = Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? 1 : 0))
  return {
    generation: 0,
    mean,
    sigma,
    covariance: identity,
    pathSigma: new Float64Array(n),
    pathC: new Float64Array(n),
    axes: { directions: identity, lengths: new Float64Array(n).fill(1) },
  }
}

/** C^(−½) y = B D⁻¹ Bᵀ y. */
function whiten({ directions, lengths }: Axes, y: Float64Array): Float64Array {
  const n = y.length
  const result = new Float64Array(n)
  for (let k = 0; k < n; k++) {
    let along = 0
    for (let i = 0; i < n; i++) along += directions[i * n + k]! * y[i]!
    along /= lengths[k]!
    for (let i = 0; i < n; i++) result[i]! += directions[i * n + k]! * along
  }
  return result
}

const norm = (vector: Float64Array): number => Math.hypot(...vector)

/** The state after a population was evaluated: as many solutions as the strategy's population has, in any order. */
export function nextState(state: CmaState, strategy: Strategy, solutions: readonly Solution[]): CmaState {
  const { dimensions: n, parents, weights, muEff, cSigma, dSigma, cC, c1, cMu, chi } = strategy
  const generation = state.generation + 1
  const steps = solutions
    .toSorted((a, b) => a.loss - b.loss)
    .map(({ point }) => point.map((x, i) => (x - state.mean[i]!) / state.sigma))

  // Selection and recombination, equation 41.
  const step = new Float64Array(n)
  for (let k = 0; k < parents; k++) for (let i = 0; i < n; i++) step[i]! += weights[k]! * steps[k]![i]!
  const mean = state.mean.map((x, i) => x + state.sigma * step[i]!)

  // Step-size control, equations 43 and 44.
  const whitened = whiten(state.axes, step)
  const gain = Math.sqrt(cSigma * (2 - cSigma) * muEff)
  const pathSigma = state.pathSigma.map((p, i) => (1 - cSigma) * p + gain * whitened[i]!)
  const length = norm(pathSigma)
  const sigma = Math.min(state.sigma * Math.exp((cSigma / dSigma) * (length / chi - 1)), 1e32)

  // Covariance, equations 45 to 47; a path that has grown long does not lengthen the covariance any further.
  const stalls = length / Math.sqrt(1 - (1 - cSigma) ** (2 * (generation + 1))) >= (1.4 + 2 / (n + 1)) * chi
  const gainC = stalls ? 0 : Math.sqrt(cC * (2 - cC) * muEff)
  const pathC = state.pathC.map((p, i) => (1 - cC) * p + gainC * step[i]!)
  const rankMu = weights.map((weight, k) =>
    weight >= 0 ? weight : (weight * n) / (norm(whiten(state.axes, steps[k]!)) ** 2 + 1e-8),
  )
  const keep = 1 + c1 * (stalls ? cC * (2 - cC) : 0) - c1 - cMu * weights.reduce((total, weight) => total + weight, 0)
  const covariance = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = i; j < n; j++) {
      let sum = 0
      for (let k = 0; k < steps.length; k++) sum += rankMu[k]! * steps[k]![i]! * steps[k]![j]!
      const value = keep * state.covariance[i * n + j]! + c1 * pathC[i]! * pathC[j]! + cMu * sum
      covariance[i * n + j] = value
      covariance[j * n + i] = value
    }
  const axes = axesOf(covariance, n)
  return { generation, mean, sigma, covariance: covarianceOf(axes, n), pathSigma, pathC, axes }
}
