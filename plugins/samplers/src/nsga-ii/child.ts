// A child of two parents: each gene from one or the other at random (uniform crossover, Syswerda 1989), and now and then a gene
// that is drawn anew.
import type { RandomStream } from '@mixlab/core'
import { type Direction, type Parameters, type ParameterValue, type Space, type Trial } from '@mixlab/studies'
import { dominates } from '../objectives/rank.ts'
import { lossesOf } from '../observed.ts'
import { drawActive, randomValue, uniform } from '../space/draw.ts'

export interface Heredity {
  /** The probability that a child has two parents and not one. */
  readonly crossover: number
  /** The probability that a gene is the first parent's. */
  readonly swapping: number
  /** The probability that a gene is drawn anew; by default one in a child. */
  readonly mutation?: number | undefined
}

const oneOf = <T>(items: readonly T[], rng: RandomStream): T => items[rng.integer(items.length)]!

/** The better of two, the second where neither dominates. */
function tournament(trials: readonly Trial[], directions: readonly Direction[], rng: RandomStream): Trial {
  const [a, b] = [oneOf(trials, rng), oneOf(trials, rng)]
  return dominates(lossesOf(a.values!, directions), lossesOf(b.values!, directions)) ? a : b
}

function genesOf(
  space: Space,
  parents: readonly Trial[],
  directions: readonly Direction[],
  { crossover, swapping }: Heredity,
  rng: RandomStream,
): Parameters {
  if (parents.length < 2 || uniform(rng) >= crossover) return oneOf(parents, rng).parameters
  const first = tournament(parents, directions, rng)
  const second = tournament(
    parents.filter(({ number }) => number !== first.number),
    directions,
    rng,
  )
  const genes: Record<string, ParameterValue> = {}
  for (const { name } of space) {
    const order = uniform(rng) < swapping ? [first, second] : [second, first]
    // Under a condition one parent may lack it.
    const parent = order.find(({ parameters }) => Object.hasOwn(parameters, name))
    if (parent !== undefined) genes[name] = parent.parameters[name]!
  }
  return genes
}

export function childOf(
  space: Space,
  parents: readonly Trial[],
  directions: readonly Direction[],
  heredity: Heredity,
  rng: RandomStream,
): Parameters {
  const genes = genesOf(space, parents, directions, heredity, rng)
  const mutation = heredity.mutation ?? 1 / Math.max(1, Object.keys(genes).length)
  return drawActive(space, (parameter) =>
    Object.hasOwn(genes, parameter.name) && uniform(rng) >= mutation
      ? genes[parameter.name]!
      : randomValue(parameter, rng),
  )
}
