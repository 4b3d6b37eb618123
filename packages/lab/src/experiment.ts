// An experiment: a name, a configuration schema and a function. Made by `defineExperiment`, exported as a script's
// default, run by `mixlab run` or `runExperiment`.
import { z } from 'zod'
import {
  MixlabError,
  type Plugin,
  type PluginReference,
  type PluginTable,
  type RandomStream,
  type RunContext,
} from '@mixlab/core'
import type { LabModule } from './compose.ts'
import { slug } from './run-directory.ts'
import type { EventSink } from './sinks.ts'

const marker = Symbol.for('mixlab.experiment')

export type Result = Readonly<Record<string, unknown>>

/** What a model of some configuration costs. */
export interface Cost {
  readonly totalParameters: number
  /** Parameters that one token passes through. */
  readonly activeParameters: number
  /** Floating-point operations of a forward pass, for one token. */
  readonly flopsPerToken: number
}

export interface CostContext {
  readonly plugins: PluginTable
  readonly rng: RandomStream
}

export interface ExperimentDefinition<S extends z.ZodType> {
  /** Lower case, words joined by hyphens; its runs are kept in `runs/<name>/`. */
  readonly name: string
  /** One sentence: the question. */
  readonly summary?: string
  /** The schema of its configuration, an object; unknown fields are refused. Default: no fields. */
  readonly config?: S
  /** Plugins of its own; each wins over a default of the same kind and name. */
  readonly plugins?: readonly Plugin[]
  /** Bindings of its own; they can replace anything in the run's container. */
  readonly modules?: readonly LabModule[]
  /** Subscribers of its own; each is written the events of every run of it. */
  readonly sinks?: readonly EventSink[]
  /** Trackers that every run of it is sent to, by name or with fields, where the command line names no others. */
  readonly track?: readonly PluginReference[]
  /** `none` for an experiment without tensors: it starts at once, with no engine and no default plugins. */
  readonly engine?: 'none'
  /** What the model of a configuration costs, so that a sweep can compare at equal cost. */
  cost?(config: z.output<S>, context: CostContext): Cost | Promise<Cost>
  /** Does the work. What it returns is the run's result: plain data, kept in `run.json`. */
  run(run: RunContext<z.output<S>>): Promise<Result | void>
}

/** @typeParam Input the configuration that it takes, before defaults */
export interface Experiment<Input = unknown> {
  /** Never there; carries the type. */
  readonly '~input'?: Input
  readonly name: string
  readonly summary?: string
  readonly config: z.ZodType
  readonly plugins: readonly Plugin[]
  readonly modules: readonly LabModule[]
  readonly sinks: readonly EventSink[]
  readonly track: readonly PluginReference[]
  readonly engine?: 'none'
  cost?(config: never, context: CostContext): Cost | Promise<Cost>
  run(run: RunContext<never>): Promise<Result | void>
}

const empty = z.strictObject({})

/**
 * Defines an experiment.
 * @throws MixlabError on a name that is not lower-case words joined by hyphens.
 */
export function defineExperiment<S extends z.ZodType = typeof empty>(
  definition: ExperimentDefinition<S>,
): Experiment<z.input<S>> {
  const { name, summary, engine } = definition
  if (slug(name) !== name || name === '') {
    throw new MixlabError(
      `experiment "${name}": a name is lower-case words joined by hyphens${slug(name) === '' ? '' : `, e.g. ${slug(name)}`}`,
    )
  }
  const experiment: Experiment<z.input<S>> = {
    name,
    ...(summary !== undefined && { summary }),
    ...(engine !== undefined && { engine }),
    config: closed(definition.config ?? empty),
    plugins: definition.plugins ?? [],
    modules: definition.modules ?? [],
    sinks: definition.sinks ?? [],
    ...(definition.cost && { cost: (config: never, context: CostContext) => definition.cost!(config, context) }),
    track: definition.track ?? [],
    run: (run) => definition.run(run),
  }
  return Object.defineProperty(experiment, marker, { value: true })
}

/** Recognises an experiment across duplicated copies of this package. */
export const isExperiment = (value: unknown): value is Experiment =>
  typeof value === 'object' && value !== null && marker in value

/**
 * The schema with every object in it closed, so that a misspelt field anywhere is an error and not a silent default.
 * An object that says what else it takes (`looseObject`, `catchall`) keeps that.
 */
function closed(schema: z.core.$ZodType): z.ZodType {
  if (schema instanceof z.ZodObject) {
    const shape = Object.fromEntries(
      Object.entries<z.core.$ZodType>(schema.shape).map(([name, field]) => [name, closed(field)]),
    )
    return amended(schema, { shape, catchall: schema.def.catchall ?? z.never() })
  }
  if (schema instanceof z.ZodArray) return amended(schema, { element: closed(schema.def.element) })
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return amended(schema, { innerType: closed(schema.def.innerType) })
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return amended(schema, { innerType: closed(schema.def.innerType) })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every schema made with zod (not zod/core) is one
  return schema as z.ZodType
}

/** A copy with a changed definition that keeps its description. */
const amended = (schema: z.ZodType, changes: object): z.ZodType =>
  schema.clone({ ...schema.def, ...changes }, { parent: true })
