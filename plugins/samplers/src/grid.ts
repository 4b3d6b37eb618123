// Every combination, once. Trial n is the n-th combination of the conditional space, counted with the last parameter the
// fastest: what a choice makes inactive is not counted, so that none comes twice. Combinations are counted, never listed, and a
// grid may have more of them than memory would hold.
import { MixlabError } from '@mixlab/core'
import { cardinality, defineSampler, isActive, type Parameter, type ParameterValue, type Space } from '@mixlab/studies'
import { z } from 'zod'
import { drawActive } from './space/draw.ts'
import { highest, nearest, type NumericDistribution, stepOf } from './space/unit.ts'

/** Values of a range, evenly spaced, both ends included; evenly in the logarithm where the scale is one. */
function evenly(distribution: NumericDistribution, points: number): number[] {
  const { low, log } = distribution
  const high = highest(distribution)
  const at = (share: number) => (log === true ? low * (high / low) ** share : low + share * (high - low))
  // Twelve digits: 0.001 and not 0.0010000000000000002.
  const round = (value: number) => nearest(distribution, Number(value.toPrecision(12)))
  return [...new Set(Array.from({ length: points }, (_, i) => round(at(i / (points - 1)))))]
}

function valuesOf({ name, distribution }: Parameter, points: number | undefined): readonly ParameterValue[] {
  if (distribution.kind === 'categorical') return distribution.choices
  const count = cardinality(distribution)
  if (points !== undefined && count > points && (distribution.log === true || count === Infinity))
    return evenly(distribution, points)
  if (count === Infinity)
    throw new MixlabError(
      `grid: ${name} is a range without a step and has endlessly many values; list its values (${name}=a,b,c), give the range a step, or set the grid's points (sampler.points=5)`,
    )
  return Array.from({ length: count }, (_, i) => nearest(distribution, distribution.low + i * stepOf(distribution)))
}

interface Level {
  readonly parameter: Parameter
  readonly values: readonly ParameterValue[]
  /** Whether a later parameter's condition asks for its value. */
  readonly asked: boolean
}

/** Counts the combinations of the parameters from a level on, given the values that their conditions ask for. */
function counter(levels: readonly Level[]) {
  const known = new Map<string, number>()
  const count = (at: number, drawn: Readonly<Record<string, ParameterValue>>): number => {
    const level = levels[at]
    if (level === undefined) return 1
    if (!isActive(level.parameter, drawn)) return count(at + 1, drawn)
    if (!level.asked) return level.values.length * count(at + 1, drawn)
    const key = `${at} ${JSON.stringify(drawn)}`
    const found = known.get(key)
    if (found !== undefined) return found
    const { name } = level.parameter
    const total = level.values.reduce<number>((sum, value) => sum + count(at + 1, { ...drawn, [name]: value }), 0)
    known.set(key, total)
    return total
  }
  return count
}

/** How many combinations there are, and the one of each index. */
export function combinations(space: Space, points?: number) {
  const levels = space.map((parameter) => ({
    parameter,
    values: valuesOf(parameter, points),
    asked: space.some(({ when }) => when?.parameter === parameter.name),
  }))
  const count = counter(levels)
  const place = new Map(space.map(({ name }, at) => [name, at]))
  return {
    total: count(0, {}),
    at(index: number) {
      let rest = index
      let asked: Readonly<Record<string, ParameterValue>> = {}
      return drawActive(space, ({ name }) => {
        const at = place.get(name)!
        const level = levels[at]!
        for (const value of level.values) {
          const next = level.asked ? { ...asked, [name]: value } : asked
          const below = count(at + 1, next)
          if (rest < below) {
            asked = next
            return value
          }
          rest -= below
        }
        throw new RangeError(`combination ${index} of ${count(0, {})}`)
      })
    },
  }
}

export const gridSampler = defineSampler({
  name: 'grid',
  summary: 'Every combination of the values, once, the last parameter varying fastest',
  source: 'https://optuna.readthedocs.io/en/stable/reference/samplers/generated/optuna.samplers.GridSampler.html',
  config: z.object({
    points: z
      .int()
      .min(2)
      .optional()
      .describe('How many values stand for a float without a step or a range on a log scale, both ends included'),
  }),
  create: ({ points }, { space }) => {
    const grid = combinations(space, points)
    return { ask: ({ number }) => (number < grid.total ? { parameters: grid.at(number) } : undefined) }
  },
})
