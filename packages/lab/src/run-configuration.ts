// The configuration of a run: what was given, assignments over it, defaults for the rest.
import { type Configuration, parseConfiguration, withAssignments } from '@mixlab/core'
import type { Experiment } from './experiment.ts'
import type { RunOptions } from './run-experiment.ts'

/**
 * The configuration of a run, checked, with its defaults filled in.
 * @throws MixlabError on a field that does not fit the experiment's schema.
 */
export function resolveConfiguration(
  experiment: Experiment,
  options: Pick<RunOptions, 'config' | 'set'>,
): Configuration {
  return completed(experiment, assigned(experiment, options))
}

/**
 * Parsed twice, as zod does not look into a default: the second time fills in the defaults inside it. What comes out parses
 * to itself, which is what a resumed run does with it.
 */
export function completed(experiment: Experiment, given: Configuration): Configuration {
  const parsed = asConfiguration(parseConfiguration(experiment.config, given, experiment.name))
  return asConfiguration(parseConfiguration(experiment.config, parsed, experiment.name))
}

export const asConfiguration = (config: unknown): Configuration =>
  typeof config === 'object' && config !== null ? { ...config } : {}

/**
 * The given configuration with the assignments made in it. They are made over the defaults, where the schema has a
 * default for every field, so that `router.k=2` keeps the default router's name.
 */
export function assigned(
  experiment: Experiment,
  { config = {}, set = [] }: Pick<RunOptions, 'config' | 'set'>,
): Configuration {
  if (set.length === 0) return config
  const complete = experiment.config.safeParse(config)
  return withAssignments(complete.success ? asConfiguration(complete.data) : config, set)
}
