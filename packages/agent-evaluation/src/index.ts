// Judges, comparisons, diversity and attribution for mixtures of agents.
export { type Arm, armOf, type ArmScore, pairedScores, type PairedScores } from './arms.ts'
export {
  type Attribution,
  attribute,
  type AttributionOptions,
  type MemberValue,
  type SubsetValue,
} from './attribution.ts'
export {
  type Baseline,
  type BaselineFamily,
  type BaselineOptions,
  type Budget,
  matchedBaselines,
  spent,
  usualFamilies,
} from './baselines.ts'
export { collaboration, type CopyRate, type StepCollaboration } from './collaboration.ts'
export {
  type ArmSummary,
  compareArms,
  type CompareOptions,
  type Comparison,
  type PairComparison,
} from './compare-arms.ts'
export { copied } from './copied.ts'
export { dispersion, similarities, vendiScore } from './dispersion.ts'
export { type LayerDiversity, layerDiversity, type Lift, liftOver, type MemberScore } from './diversity.ts'
export {
  type PairwiseSummary,
  panelAgreement,
  type SelfPreference,
  selfPreference,
  summarisePairs,
} from './judge-summary.ts'
export { type GradedAnswer, type GradedQuestion, gradedQuestions, type GradedStep } from './layers.ts'
export { lengthControlled, type LengthControlled, type LengthControlOptions } from './length-control.ts'
export {
  type AnswerPair,
  type JudgeOptions,
  judgePairs,
  type PairJudgement,
  pairwisePrompt,
  readVerdict,
  type Verdict,
} from './pairwise-judge.ts'
export { type Measure, measured, paretoArmOf } from './pareto-arm.ts'
export {
  type BandPoint,
  onFront,
  type Pareto,
  type ParetoArm,
  paretoFront,
  type ParetoOptions,
  type ParetoPoint,
} from './pareto.ts'
export { aggregatedMembers, type ReaskOptions, type ValuedMembers, votingMembers } from './subset-values.ts'
export { compareMixtures, type CompareMixturesOptions, type MixtureComparison } from './compare-mixtures.ts'
