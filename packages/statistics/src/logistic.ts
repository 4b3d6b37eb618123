// Logistic regression for a few features, without an intercept of its own (add a column of ones). Targets are
// probabilities: a preference of 0.7 counts as 0.7 of a win and 0.3 of a loss. The objective is that of LIBLINEAR and
// scikit-learn,
//
//   |w|₁ (or ½ |w|²)  +  C · Σ sᵢ · logloss(yᵢ, σ(xᵢ·w)),
//
// but solved to convergence, where LIBLINEAR stops at a tolerance of 1e-4: coefficients agree to about that.

export interface LogisticOptions {
  readonly penalty: 'l1' | 'l2' | 'none'
  /** C, the inverse strength of the penalty. Default 1. */
  readonly strength?: number
  /** Weights of the rows; default 1 each. */
  readonly weights?: readonly number[]
}

/** σ(x). */
export const logistic = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)))

/** log(1 + eˣ). */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, index) => sum + value * b[index]!, 0)

/**
 * Coefficients, one a feature. Each round minimises the second-order model of the loss plus the penalty by coordinate
 * descent, and then halves the step until the objective falls (Friedman et al. 2010; Yuan et al. 2012, section 2).
 * @param features rows of features
 * @param targets 0 … 1, one a row
 */
export function fitLogistic(
  features: readonly (readonly number[])[],
  targets: readonly number[],
  { penalty, strength = 1, weights }: LogisticOptions,
): number[] {
  const width = features[0]?.length ?? 0
  const [l1, l2] = [penalty === 'l1' ? 1 : 0, penalty === 'l2' ? 1 : 0]
  const weight = (row: number): number => strength * (weights?.[row] ?? 1)
  const objective = (w: readonly number[]): number => {
    const loss = features.reduce((sum, x, row) => {
      const score = dot(x, w)
      return sum + weight(row) * (softplus(score) - targets[row]! * score)
    }, 0)
    return loss + w.reduce((sum, value) => sum + l1 * Math.abs(value) + 0.5 * l2 * value * value, 0)
  }
  let w = Array.from({ length: width }, () => 0)
  let best = objective(w)
  for (let round = 0; round < 200; round++) {
    const gradient = w.map((value) => l2 * value)
    const hessian = w.map((_, j) => w.map((__, k) => (j === k ? l2 + 1e-12 : 0)))
    for (const [row, x] of features.entries()) {
      const p = logistic(dot(x, w))
      const [slope, curvature] = [weight(row) * (p - targets[row]!), weight(row) * p * (1 - p)]
      for (let j = 0; j < width; j++) {
        gradient[j]! += slope * x[j]!
        for (let k = 0; k < width; k++) hessian[j]![k]! += curvature * x[j]! * x[k]!
      }
    }
    const step = modelStep(w, gradient, hessian, l1)
    let scale = 1
    let next = w.map((value, j) => value + step[j]!)
    let value = objective(next)
    while (!(value <= best) && scale > 1e-10) {
      scale /= 2
      next = w.map((old, j) => old + scale * step[j]!)
      value = objective(next)
    }
    const moved = Math.max(...next.map((each, j) => Math.abs(each - w[j]!) / (1 + Math.abs(each))))
    if (value <= best) [w, best] = [next, value]
    if (moved < 1e-11 || scale <= 1e-10) break
  }
  return w
}

/** The step d that minimises g·d + ½ d·H d + l1 · |w + d|₁. */
function modelStep(
  w: readonly number[],
  gradient: readonly number[],
  hessian: readonly (readonly number[])[],
  l1: number,
): number[] {
  const step = w.map(() => 0)
  for (let sweep = 0; sweep < 10_000; sweep++) {
    let moved = 0
    for (let j = 0; j < w.length; j++) {
      const curvature = hessian[j]![j]!
      const slope = gradient[j]! + dot(hessian[j]!, step) - curvature * step[j]!
      // The new coefficient: the unpenalised minimum, moved towards 0 by l1 / curvature.
      const free = w[j]! - slope / curvature
      const shrunk = Math.sign(free) * Math.max(Math.abs(free) - l1 / curvature, 0)
      moved = Math.max(moved, Math.abs(shrunk - w[j]! - step[j]!))
      step[j] = shrunk - w[j]!
    }
    if (moved < 1e-13 * (1 + Math.max(...w.map(Math.abs)))) break
  }
  return step
}
