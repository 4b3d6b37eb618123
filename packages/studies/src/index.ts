// Studies: search spaces, trials, ask and tell, the trial store, and the contracts of samplers, stoppers and executors.
export {
  cardinality,
  type CategoricalDistribution,
  contains,
  type Distribution,
  type FloatDistribution,
  type IntDistribution,
  type ParameterValue,
} from './distribution.ts'
export { isActive, type Parameter, type Parameters, type Space } from './space.ts'
export { type Direction, isFinished, type Trial, type TrialState } from './trial.ts'
export { type Ask, defineSampler, type Sample, type Sampler, type SamplerContext, type StudyView } from './sampler.ts'
export { defineStopper, type StopDecision, type Stopper, type StopperContext } from './stopper.ts'
export { type RecordedTrial, replay, type ReplayOptions } from './replay.ts'
export {
  type Continuation,
  exploitAndExplore,
  type Member,
  populationConfig,
  type PopulationConfig,
} from './population.ts'
export { defineExecutor, type Executor, type ExecutorContext, type Job, type JobState, TRIAL_EXIT } from './executor.ts'
export { createStudy, openStudy, type StudyOptions } from './open-study.ts'
export { Study, type TellOptions } from './study.ts'
export type { StudyTrial } from './study-trial.ts'
export type { LockKind } from './journal-lock.ts'
export { bestTrial, paretoFront } from './pareto.ts'
export { checkFixed } from './point.ts'
export { drawUniform } from './uniform.ts'
export {
  choice,
  type Condition,
  type Dimension,
  float,
  integer,
  permutation,
  type PermutationDistribution,
  when,
} from './dimensions.ts'
export { decode, type SpaceDefinition, spaceDefinition, toSpace } from './space-definition.ts'
export { type FieldType, type NamedDimension, parseDimension } from './dimension-text.ts'
export { configurationHash } from './configuration-hash.ts'
