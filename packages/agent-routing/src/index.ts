// Routers over features of messages, learned from recordings.
export { agentRouter, type AgentRouterOptions } from './agent-router.ts'
export { binnedCurve } from './binned-curve.ts'
export { type CostInputs, type CostPoint, hullArea, memberPoints, tradeoffPoints, upperHull } from './cost-quality.ts'
export { decide, type Decision } from './decision.ts'
export {
  type Features,
  type FeaturesConfig,
  featuresConfig,
  featuresFrom,
  fitFeatures,
  type FittedFeatures,
  rememberFeatures,
} from './features.ts'
export { loadRouter, type LoadRouterOptions, saveRouter } from './router-file.ts'
export { judgePair, judgeThreshold, pairOutcomes, type ThresholdResult } from './judge-router.ts'
export { createMessageRouter, type MessageRouter, type MessageRouterOptions, type Routes } from './message-router.ts'
export { gatherOutcomes, type GradedAnswer, type Outcomes, pickOutcomes, textOf } from './outcomes.ts'
export {
  areaUnder,
  averageGapRecovered,
  callShareFor,
  type CurvePoint,
  oracleGains,
  pairCurve,
  type PairOutcomes,
  performanceGapRecovered,
  qualityAt,
  rankingOf,
} from './pair-curve.ts'
export { bootstrapQuestions, type BootstrapOptions, type Interval } from './question-bootstrap.ts'
export { identitiesOf, identityOf, type Part, parts, refuseSeen, splitOutcomes, type SplitOptions } from './splits.ts'
export { fitThreshold, gainsOf, type Pair, type Threshold } from './threshold.ts'
export { type RouterTraining, type RouterTrainingConfig, routerTrainingConfig, trainRouter } from './train-router.ts'
