// What a sweep is, as plain data: the configuration in the `run.json` of the sweep's directory. Whoever has that directory
// (the driver, a trial's process on another machine, the report) knows all that there is to know.
import { pluginReference } from '@mixlab/core'
import { type Dimension, populationConfig } from '@mixlab/studies'
import { z } from 'zod'

const value = z.union([z.number(), z.string(), z.boolean(), z.null()])

export const budgetConfig = z.strictObject({
  quantity: z.enum(['activeParameters', 'totalParameters', 'flopsPerToken']),
  value: z.number().positive(),
  /** The whole-number field that is solved for, e.g. `activeWidth`. */
  free: z.string(),
  tolerance: z.number().positive().default(0.02).describe('Largest relative difference from the value'),
})

/** Population-based training in place of independent trials. */
export const populationSettings = populationConfig.extend({
  size: z.int().min(2).describe('Members'),
  interval: z.int().min(1).describe('Steps from one generation to the next'),
  generations: z.int().min(2).describe('How often members have trained for that long at the end'),
  field: z.string().default('training').describe('The field of the configuration that holds the training’s'),
})

/** As a person writes it: what has a default may be left out. */
export type Population = z.input<typeof populationSettings>

export type Budget = z.output<typeof budgetConfig>

export const sweepConfig = z.strictObject({
  /** The script's absolute path. */
  script: z.string(),
  /** What every trial's configuration begins with. */
  config: z.record(z.string(), z.unknown()).default({}),
  set: z.array(z.string()).default([]),
  /** By dotted path; checked when the sweep is made (`compileSweep`). */
  space: z.record(
    z.string(),
    z.custom<Dimension>((given) => typeof given === 'object'),
  ),
  /** Points to try first. */
  enqueued: z.array(z.record(z.string(), value)).default([]),
  objectives: z.array(z.strictObject({ metric: z.string(), direction: z.enum(['minimize', 'maximize']) })).min(1),
  trials: z.int().min(1),
  seeds: z.int().min(1).default(1),
  /** How many of the best points are run with all seeds; the others with the first. null: all points with all seeds. */
  finalists: z.int().min(1).nullable().default(null),
  sampler: pluginReference.default('tpe'),
  stopper: pluginReference.nullable().default(null),
  executor: pluginReference.default('local'),
  jobs: z.int().min(1).nullable().default(null),
  engine: z.string().nullable().default(null),
  precision: z.string().nullable().default(null),
  budget: budgetConfig.nullable().default(null),
  population: populationSettings.nullable().default(null),
})

export type SweepConfig = z.output<typeof sweepConfig>

/** The trial store's file in a sweep's directory. */
export const JOURNAL = 'journal.log'

/** The folder, in the sweep's `children/`, of a trial's run with one of its seeds. */
export const partName = (trial: number, seedIndex: number, seeds: number): string =>
  `trial-${String(trial).padStart(4, '0')}${seeds > 1 ? `-seed-${seedIndex + 1}` : ''}`

/** The name of a trial's job, and of its log in `logs/`. */
export const jobName = (trial: number): string => `trial-${String(trial).padStart(4, '0')}`
