// The strategy parameters of CMA-ES, by the equations of Hansen's tutorial (2016, https://arxiv.org/abs/1604.00772, table 1).

export interface Strategy {
  readonly dimensions: number
  readonly populationSize: number
  /** How many of a population are parents. */
  readonly parents: number
  /** For all of a population, best first; those of no parents are negative (active CMA-ES). */
  readonly weights: Float64Array
  readonly muEff: number
  readonly cSigma: number
  readonly dSigma: number
  readonly cC: number
  readonly c1: number
  readonly cMu: number
  /** E‖N(0, I)‖. */
  readonly chi: number
}

/** 4 + ⌊3 ln n⌋, equation 48. */
export const defaultPopulationSize = (dimensions: number): number => 4 + Math.floor(3 * Math.log(dimensions))

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const effective = (values: readonly number[]): number => sum(values) ** 2 / sum(values.map((value) => value * value))

export function strategyOf(dimensions: number, populationSize = defaultPopulationSize(dimensions)): Strategy {
  const n = dimensions
  const parents = Math.floor(populationSize / 2)
  // Equation 49.
  const raw = Array.from({ length: populationSize }, (_, i) => Math.log((populationSize + 1) / 2) - Math.log(i + 1))
  const muEff = effective(raw.slice(0, parents))
  const muEffMinus = effective(raw.slice(parents))
  const c1 = 2 / ((n + 1.3) ** 2 + muEff)
  const cMu = Math.min(1 - c1 - 1e-8, (2 * (muEff - 2 + 1 / muEff)) / ((n + 2) ** 2 + muEff))
  // Equations 50 to 53: the negative weights sum to what keeps the covariance positive definite.
  const negative = Math.min(1 + c1 / cMu, 1 + (2 * muEffMinus) / (muEff + 2), (1 - c1 - cMu) / (n * cMu))
  const positiveSum = sum(raw.filter((weight) => weight > 0))
  const negativeSum = -sum(raw.filter((weight) => weight < 0))
  const cSigma = (muEff + 2) / (n + muEff + 5)
  return {
    dimensions,
    populationSize,
    parents,
    weights: Float64Array.from(raw, (weight) => weight * (weight >= 0 ? 1 / positiveSum : negative / negativeSum)),
    muEff,
    cSigma,
    dSigma: 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (n + 1)) - 1) + cSigma,
    cC: (4 + muEff / n) / (n + 4 + (2 * muEff) / n),
    c1,
    cMu,
    chi: Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n)),
  }
}
