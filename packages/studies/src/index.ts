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
export { defineExecutor, type Executor, type ExecutorContext, type Job, type JobState, TRIAL_EXIT } from './executor.ts'
