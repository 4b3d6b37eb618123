// Everything a training run can be told, with its defaults. A sweep's dimensions and `--set training.…` are these fields.
import { pluginReference } from '@mixlab/core'
import { samplings } from '@mixlab/data'
import { z } from 'zod'
import { scheduleConfig } from './schedules.ts'

export const optimizerConfig = z.strictObject({
  name: z.enum(['adamw', 'sgd']).default('adamw'),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.99),
  epsilon: z.number().positive().default(1e-8),
  weightDecay: z
    .number()
    .min(0)
    .default(0.1)
    .describe('Of parameters with two or more axes; biases and norms do not decay'),
  momentum: z.number().min(0).lt(1).default(0.9).describe('sgd only'),
  nesterov: z.boolean().default(false).describe('sgd only'),
})

export type OptimizerConfig = z.output<typeof optimizerConfig>

export const earlyStoppingConfig = z.strictObject({
  metric: z
    .string()
    .default('validation.loss')
    .describe(
      'Any metric of an event: validation.loss, train.loss, train.balance, routing.0.entropy, <evaluator>.<metric>, …',
    ),
  patience: z.number().int().min(1).default(5).describe('How many values in a row may fail to improve'),
  minDelta: z.number().min(0).default(0).describe('What counts as an improvement'),
  mode: z.enum(['min', 'max']).default('min'),
})

export type EarlyStoppingConfig = z.output<typeof earlyStoppingConfig>

const interval = (steps: number | null) => z.number().int().min(1).nullable().default(steps)

export const trainingConfig = z.strictObject({
  steps: z.number().int().min(1).default(1000).describe('Optimizer steps; the schedule runs over them'),
  stopAt: z
    .number()
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('End after this step already, in the middle of the schedule; null: after all steps'),
  start: z
    .string()
    .nullable()
    .default(null)
    .describe(
      'The folder of a checkpoint to begin with: its step, parameters and optimizer, other settings being free',
    ),
  batchSize: z.number().int().min(1).default(12).describe('Sequences in a (micro-)batch'),
  contextLength: z
    .number()
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe("Tokens in a sequence; null: the model's context"),
  sampling: z
    .enum(samplings)
    .default('shuffled')
    .describe('Windows of the training text: in shuffled passes over it, or random ones with replacement'),
  accumulation: z.number().int().min(1).default(1).describe('Micro-batches whose gradients are averaged into one step'),
  learningRate: z.number().min(0).default(1e-3),
  schedule: scheduleConfig.prefault({}),
  optimizer: optimizerConfig.prefault({}),
  clip: z.number().positive().nullable().default(1).describe('Largest global gradient norm; null: no clipping'),
  ema: z
    .number()
    .min(0)
    .lt(1)
    .nullable()
    .default(null)
    .describe('Decay of an exponential moving average of the parameters'),
  evaluation: z
    .strictObject({
      every: interval(250).describe('Steps between evaluations; null: at the end only'),
      batches: z.number().int().min(1).default(20).describe('Batches of validation windows'),
      evaluators: z.array(pluginReference).default([]).describe('Evaluators to run beside the validation loss'),
    })
    .prefault({}),
  checkpoint: z
    .strictObject({
      every: interval(500).describe('Steps between checkpoints; null: at the end only'),
      keep: z.number().int().min(1).nullable().default(3).describe('How many of the newest to keep; null: all'),
    })
    .prefault({}),
  log: z
    .strictObject({ every: z.number().int().min(1).default(10).describe('Steps between train.step events') })
    .prefault({}),
  earlyStopping: earlyStoppingConfig.nullable().default(null),
  stopOnNaN: z.boolean().default(true).describe('Stop, and save the batch, when the loss or a gradient is not finite'),
})

export type TrainingConfig = z.output<typeof trainingConfig>
