// Where new trials come from: enqueued points first, then the sampler; each resolved to a configuration, none tried twice.
import { MixlabError, type PluginTable, type RunContext } from '@mixlab/core'
import type { Experiment } from '@mixlab/lab'
import { configurationHash, type Parameters, type Sample, type Study, type Trial } from '@mixlab/studies'
import { type PointContext, type ResolvedPoint, resolvePoint } from './point.ts'
import type { SweepConfig } from './sweep-config.ts'
import { nextMember } from './population.ts'
import { addInfeasible, addTrial, pointOf, sweepTrials } from './sweep-study.ts'

export interface PointSource {
  /** A new trial, running; undefined when the stated number is reached or no new point is left. */
  next(): Promise<Trial | undefined>
}

/** How often a sampler may propose what has been tried before the space counts as exhausted. */
const TRIES = 200

export function createPointSource(options: {
  readonly run: RunContext<SweepConfig>
  readonly study: Study
  readonly experiment: Experiment
  readonly plugins: PluginTable
}): PointSource {
  const { run, study, experiment, plugins } = options
  const { config: sweep, seed } = run
  const context: PointContext = { experiment, plugins, sweep }
  const directions = sweep.objectives.map(({ direction }) => direction)
  const sampler = plugins.create('sampler', sweep.sampler, {
    space: study.space,
    directions,
    seed,
    rng: run.rng.stream('sampler'),
  })
  let exhausted = false
  let infeasibleInARow = 0

  /**
   * What the sampler proposes. A point that has been tried is passed over by asking for the next number's, which is what
   * the next trial will pass over in its turn: a grid goes on, and a sweep that is resumed asks the same points.
   */
  function propose(attempt: number): Sample | undefined {
    const { trials } = study
    const enqueued = sweep.enqueued[trials.length]
    if (enqueued && attempt === 0) return { parameters: enqueued }
    const number = trials.length + attempt
    return sampler.ask({ study, number, rng: run.rng.stream('sampler').at(number) })
  }

  return {
    async next() {
      if (exhausted || sweepTrials(study).length >= sweep.trials) return undefined
      if (sweep.population) {
        const member = nextMember(run, study, sweep.population, () => propose(0))
        if (!member) return undefined
        return addTrial(study, member, configurationHash(member, seed))
      }
      const tried = new Set(study.trials.map(pointOf))
      for (let attempt = 0; attempt < TRIES; attempt++) {
        const sample = propose(attempt)
        if (!sample) break
        const found = await resolved(context, sample.parameters)
        if ('reason' in found) {
          await addInfeasible(study, sample.parameters, found.reason)
          if (++infeasibleInARow >= Math.max(20, 2 * sweep.trials)) {
            throw new MixlabError(`the last ${infeasibleInARow} points were all infeasible: ${found.reason}`)
          }
          attempt = -1
          continue
        }
        const point = configurationHash(found.config, seed)
        if (tried.has(point)) continue
        infeasibleInARow = 0
        return addTrial(study, sample, point, found.free === undefined ? {} : { free: found.free })
      }
      exhausted = true
      const { length } = sweepTrials(study)
      run.emit('note', { message: `every point of the space has been tried: ${length} trials` })
      return undefined
    },
  }
}

/** The configuration, or why there is none. */
async function resolved(context: PointContext, parameters: Parameters): Promise<ResolvedPoint | { reason: string }> {
  try {
    return await resolvePoint(context, parameters)
  } catch (error) {
    if (MixlabError.is(error) && error.code === 'infeasible') return { reason: error.message }
    throw error
  }
}
