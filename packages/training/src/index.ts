// Trainer, optimizers, schedules, checkpoints, and the contract of evaluators.
export { learningRateAt, type Schedule, scheduleConfig } from './schedules.ts'
export {
  type EarlyStoppingConfig,
  type OptimizerConfig,
  optimizerConfig,
  type TrainingConfig,
  trainingConfig,
} from './config.ts'
export { trainStep, type StepOptions, type StepResult } from './step.ts'
export { createOptimizer, type Optimizer, type OptimizerStep } from './optimizers.ts'
export { train, type TrainingOptions, type TrainingResult } from './trainer.ts'
export {
  type FileSource,
  listCheckpoints,
  type OpenCheckpoint,
  openCheckpoint,
  readCheckpoint,
  type SavedCheckpoint,
} from './checkpoint.ts'
export { withTensors } from './state-files.ts'
export { batchTensors, lossMetrics, meanLoss } from './validation.ts'
export {
  defineEvaluator,
  evaluate,
  type EvaluateOptions,
  type EvaluationInput,
  type EvaluationResult,
  type Evaluator,
  type SavedModel,
} from './evaluation.ts'
