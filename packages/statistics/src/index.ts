// Intervals, tests and models for comparisons: pure functions of numbers.
export { cohenKappa, fleissKappa, krippendorffAlpha, type Level, type Ratings } from './agreement.ts'
export { binomialProbability, binomialTails, type Interval, wilsonInterval } from './binomial.ts'
export {
  bcaInterval,
  type Bootstrap,
  bootstrap,
  bootstrapMean,
  type BootstrapOptions,
  percentileInterval,
} from './bootstrap.ts'
export { type ClusteredMean, clusteredMean, type ClusteredMeanOptions } from './clustered-mean.ts'
export { benjaminiHochberg, holm } from './corrections.ts'
export { integersFrom } from './draws.ts'
export { type Difference, difference, type Estimate, estimate, rank, type Ranking } from './estimate.ts'
export { fitLogistic, logistic, type LogisticOptions } from './logistic.ts'
export { mcnemar, type McNemar } from './mcnemar.ts'
export { normalCdf, normalQuantile, normalTail } from './normal.ts'
export { percentileOf } from './percentile.ts'
export { signFlipTest, type SignFlipOptions, type SignFlipTest } from './permutation.ts'
export {
  mcnemarMinimumDetectableEffect,
  mcnemarPower,
  minimumDetectableEffect,
  powerOf,
  type PowerOptions,
  questionsNeeded,
} from './power.ts'
export { incompleteBeta, logGamma } from './special-functions.ts'
export { studentCdf, studentQuantile } from './student.ts'
