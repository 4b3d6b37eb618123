// Points that fill the space more evenly than random ones do, whatever their number. Each parameter of the space owns a
// coordinate whether it is active or not, so that trial n is a function of (seed, n) alone.
import { MixlabError, RandomStream } from '@mixlab/core'
import { defineSampler } from '@mixlab/studies'
import { z } from 'zod'
import { dimensions } from './sobol/direction-numbers.ts'
import { plainSequence, scrambledSequence, sobolPoint } from './sobol/sequence.ts'
import { drawActive } from './space/draw.ts'
import { fromUnit } from './space/unit.ts'

export const sobolSampler = defineSampler({
  name: 'sobol',
  summary: "Sobol's evenly spread points, scrambled by the sweep's seed",
  source: 'https://doi.org/10.1137/070709359',
  config: z.object({
    scramble: z
      .boolean()
      .default(true)
      .describe(
        'Scramble the points by the seed; without, all sweeps of a space try the same points, the lowest corner first',
      ),
  }),
  create: ({ scramble }, { space, seed }) => {
    if (space.length > dimensions)
      throw new MixlabError(
        `sobol: the search space has ${space.length} parameters, at most ${dimensions} are possible; use the sampler random`,
      )
    const rng = new RandomStream(seed, 'sobol')
    const sequence = scramble ? scrambledSequence(space.length, rng) : plainSequence(space.length)
    const coordinate = new Map(space.map(({ name }, d) => [name, d]))
    return {
      ask: ({ number }) => {
        const point = sobolPoint(sequence, number)
        return {
          parameters: drawActive(space, ({ name, distribution }) =>
            fromUnit(distribution, point[coordinate.get(name)!]!),
          ),
        }
      },
    }
  },
})
