// The tree-structured Parzen estimator (Bergstra et al. 2011) as Optuna 5 has it (Watanabe 2023 explains its parts): a density of
// the good trials, one of the others, and of some points drawn from the first the one where the ratio of the two is largest.
import { type Ask, cardinality, defineSampler, type Parameters, type ParameterValue, type Space } from '@mixlab/studies'
import { z } from 'zod'
import { drawActive, randomValue } from './space/draw.ts'
import { isComplete } from './observed.ts'
import { groupsOf, intersectionOf } from './tpe/groups.ts'
import { columnsOf, external, gather, type Rows, rowsWith } from './tpe/observations.ts'
import { parzenEstimator, recencyWeights } from './tpe/parzen.ts'
import { goodCount, goodTrials } from './tpe/split.ts'

const config = z.object({
  startupTrials: z.int().min(0).default(10).describe('Points are random until so many trials have ended'),
  candidates: z
    .int()
    .min(1)
    .default(24)
    .describe('Points drawn from the density of good trials, of which the best is taken'),
  multivariate: z
    .boolean()
    .optional()
    .describe(
      'Joint densities of all parameters instead of one each; by default true for one objective, false for several',
    ),
  group: z
    .boolean()
    .default(true)
    .describe('With conditional parameters, a joint density for each group of those that always come together'),
  constantLiar: z.boolean().default(true).describe('Avoid points near those of trials that are still running'),
})

type Options = z.output<typeof config>

/** What the study so far says: a density of good and one of other trials for any of its parameters. */
function densities(
  { study: { directions, trials }, number }: Ask,
  space: Space,
  { multivariate, group, constantLiar }: Options,
  rows: Rows,
) {
  const known = trials.filter(
    (trial) =>
      trial.number !== number &&
      (isComplete(trial) || trial.state === 'pruned' || (constantLiar && trial.state === 'running')),
  )
  const columns = columnsOf(known, space, rows)
  const finished = known.flatMap(({ state }, t) => (state === 'running' ? [] : [t]))
  const good = goodTrials(known, directions, goodCount(finished.length, directions.length))
  const isGood = known.map((trial) => good.has(trial.number))

  /** The density of the parameters at these places, from the good trials or the others that have all of them. */
  const estimator = (places: readonly number[], wanted: boolean) => {
    const chosen = rowsWith(columns, places).filter((t) => isGood[t] === wanted)
    // Of several objectives' good trials the age does not matter.
    const ageless = wanted && directions.length > 1
    return parzenEstimator(
      places.map((p) => space[p]!.distribution),
      places.map((p) => gather(columns[p]!, chosen)),
      ageless ? new Float64Array(chosen.length).fill(1) : recencyWeights(chosen.length),
    )
  }

  const joint = multivariate ?? directions.length === 1
  const finishedColumns = columns.map((column) => gather(column, finished))
  const groups = joint ? (group ? groupsOf(finishedColumns) : intersectionOf(finishedColumns)) : []
  return {
    estimator,
    /** The places of the parameters that are drawn together with the one at place p. */
    groupOf: (p: number) =>
      (groups.find((each) => each.includes(p)) ?? [p]).filter((each) => cardinality(space[each]!.distribution) > 1),
  }
}

/** The candidate with the greatest ratio of densities. */
export function bestCandidate(points: readonly Float64Array[], below: Float64Array, above: Float64Array): number[] {
  let best = 0
  for (let i = 1; i < below.length; i++) if (below[i]! - above[i]! > below[best]! - above[best]!) best = i
  return points.map((column) => column[best]!)
}

function askEstimators(ask: Ask, space: Space, options: Options, rows: Rows): Parameters {
  const { rng } = ask
  const { estimator, groupOf } = densities(ask, space, options, rows)
  const place = new Map(space.map(({ name }, p) => [name, p]))
  const ready = new Map<string, ParameterValue>()
  return drawActive(space, (parameter) => {
    if (cardinality(parameter.distribution) === 1) return randomValue(parameter, rng)
    if (!ready.has(parameter.name)) {
      const places = groupOf(place.get(parameter.name)!)
      const [below, above] = [estimator(places, true), estimator(places, false)]
      const points = below.sample(rng, options.candidates)
      const chosen = bestCandidate(points, below.logDensities(points), above.logDensities(points))
      places.forEach((p, i) => ready.set(space[p]!.name, external(space[p]!, chosen[i]!)))
    }
    return ready.get(parameter.name)!
  })
}

export const tpeSampler = defineSampler({
  name: 'tpe',
  summary: 'Tree-structured Parzen estimator: tries what resembles the best trials and not the others',
  source: 'https://arxiv.org/abs/2304.11127',
  config,
  create: (options, { space }) => {
    const rows: Rows = new WeakMap()
    return {
      ask(ask) {
        const { study, rng } = ask
        const finished = study.trials.filter((trial) => isComplete(trial) || trial.state === 'pruned').length
        return {
          parameters:
            finished < options.startupTrials
              ? drawActive(space, (parameter) => randomValue(parameter, rng))
              : askEstimators(ask, space, options, rows),
        }
      },
    }
  },
})
