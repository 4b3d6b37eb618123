// A study in memory, one trial after the other: what a comparison of samplers needs and nothing else.
import { type ContextOf, MixlabError, pluginConfiguration, RandomStream } from '@mixlab/core'
import { samplers } from '@mixlab/samplers'
import type { Direction, Parameters, Sampler, Space, Trial } from '@mixlab/studies'
import { observed, type Problem } from './sweeps-problems.ts'

export function makeSampler(name: string, space: Space, directions: readonly Direction[], seed: number): Sampler {
  const plugin = samplers.find((each) => each.name === name)
  if (plugin === undefined) throw new MixlabError(`there is no sampler "${name}"`)
  const context: ContextOf<'sampler'> = { space, directions, seed, rng: new RandomStream(seed) }
  return plugin.create(pluginConfiguration(plugin, {}), context as never)
}

export const completeTrial = (
  number: number,
  parameters: Parameters,
  values: readonly number[],
  attributes: Readonly<Record<string, unknown>> = {},
): Trial => ({
  number,
  state: 'complete',
  parameters,
  distributions: {},
  values,
  intermediate: new Map(),
  userAttributes: {},
  systemAttributes: attributes,
})

/** Values of all trials: as they are, and as the sampler saw them. */
export interface Outcome {
  readonly exact: readonly (readonly number[])[]
  readonly seen: readonly (readonly number[])[]
}

export function runStudy(problem: Problem, name: string, seed: number, count: number): Outcome {
  const { space, directions, evaluate } = problem
  const sampler = makeSampler(name, space, directions, seed)
  const [asks, noise] = [new RandomStream(seed, 'trial'), new RandomStream(seed, 'noise')]
  const trials: Trial[] = []
  const exact: (readonly number[])[] = []
  for (let number = 0; number < count; number++) {
    const sample = sampler.ask({ study: { directions, space, trials }, number, rng: asks.at(number) })!
    exact.push(evaluate(sample.parameters))
    trials.push(
      completeTrial(number, sample.parameters, observed(problem, exact.at(-1)!, noise.at(number)), sample.attributes),
    )
  }
  return { exact, seen: trials.map(({ values }) => values!) }
}
