// Population-based training (Jaderberg et al. 2017, arXiv 1711.09846): members train side by side; at equal steps the worst
// go on from a copy of one of the best, with its parameters perturbed. This is the decision alone, a pure function.
//
// With ask and tell, a member's stretch from one such step to the next is a trial. When the last one of a generation has
// been told, whoever drives the study enqueues the next generation's trials with `parameters`, and with `checkpoint` and
// `parent` as attributes; the trial's process copies the checkpoint into its run and trains on. A sweep that is killed in
// between comes to the same decision again: the random numbers are those of (study seed, generation, member).
import type { RandomStream } from '@mixlab/core'
import { z } from 'zod'
import type { Distribution, ParameterValue } from './distribution.ts'
import { isActive, type Parameter, type Parameters, type Space } from './space.ts'
import type { Direction } from './trial.ts'
import { drawUniform } from './uniform.ts'

export const populationConfig = z.strictObject({
  quantile: z
    .number()
    .positive()
    .max(0.5)
    .default(0.2)
    .describe('Share of the members that are replaced, and share of those that they copy'),
  resample: z
    .number()
    .min(0)
    .max(1)
    .default(0.25)
    .describe(
      "Probability that a copied parameter is drawn anew from its range rather than perturbed (Ray Tune's default)",
    ),
  factors: z
    .array(z.number().positive())
    .min(1)
    .default([0.8, 1.2])
    .describe('A perturbed number is multiplied by one of them'),
})

export type PopulationConfig = z.output<typeof populationConfig>

export interface Member {
  /** The member's trial, by which ties are broken and random numbers are drawn. */
  readonly number: number
  /** The objective at the common step; NaN is worst. */
  readonly score: number
  readonly parameters: Parameters
  /** The path of its checkpoint at that step. */
  readonly checkpoint: string
}

/** How a member goes on. */
export interface Continuation {
  readonly parameters: Parameters
  readonly checkpoint: string
  /** Whose checkpoint and parameters these are: itself, or the better member that it copies. */
  readonly parent: number
}

/**
 * Exploit by truncation selection, then explore: each of the ⌈quantile·n⌉ worst members, at most
 * half of them, continues one of as many best, drawn uniformly, under changed parameters; everyone else goes on as it is.
 * @param members at equal step
 * @param rng of this generation; the order of `members` does not matter
 * @returns one for each member, in the order of `members`
 */
export function exploitAndExplore(
  members: readonly Member[],
  space: Space,
  rng: RandomStream,
  { quantile, resample, factors, direction }: PopulationConfig & { readonly direction: Direction },
): readonly Continuation[] {
  const cost = ({ score }: Member): number =>
    Number.isNaN(score) ? Infinity : direction === 'minimize' ? score : -score
  const ranked = members.toSorted((a, b) => compare(cost(a), cost(b)) || a.number - b.number)
  const count = Math.min(Math.ceil(quantile * members.length), Math.floor(members.length / 2))
  const worst = new Set(ranked.slice(members.length - count))
  return members.map((member) => {
    if (!worst.has(member)) return { ...continued(member), parameters: member.parameters }
    const own = rng.stream(String(member.number))
    const parent = ranked[own.integer(count)]!
    return { ...continued(parent), parameters: explore(parent.parameters, space, own, resample, factors) }
  })
}

const continued = ({ number, checkpoint }: Member) => ({ parent: number, checkpoint })

const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0)

function explore(
  parameters: Parameters,
  space: Space,
  rng: RandomStream,
  resample: number,
  factors: readonly number[],
): Parameters {
  const changed: Record<string, ParameterValue> = {}
  for (const parameter of space) if (isActive(parameter, changed)) changed[parameter.name] = next(parameter)
  return changed

  function next({ name, distribution }: Parameter): ParameterValue {
    const own = rng.stream(name)
    const value = parameters[name]
    // It has come into being with a choice that was drawn anew.
    if (value === undefined) return drawUniform(distribution, own)
    if (own.uniform() < resample) return drawUniform(distribution, own)
    return perturbed(distribution, value, factors[own.integer(factors.length)]!)
  }
}

/**
 * A number times the factor, within its bounds and on its grid; where the grid would swallow the change, the next point in
 * its direction. What has no order stays as it is.
 */
function perturbed(distribution: Distribution, value: ParameterValue, factor: number): ParameterValue {
  if (distribution.kind === 'categorical' || typeof value !== 'number') return value
  const { low, high } = distribution
  const step = distribution.step ?? (distribution.kind === 'int' ? 1 : undefined)
  const target = value * factor
  if (step === undefined) return Math.min(high, Math.max(low, target))
  const at = Math.round((value - low) / step)
  const moved = Math.round((target - low) / step)
  const next = moved === at ? at + Math.sign(target - value) : moved
  const last = Math.floor((high - low) / step + 1e-9)
  return low + step * Math.min(last, Math.max(0, next))
}
