// Random numbers with all of a double's bits, and walking a conditional space with them. A sweep's points are doubles and its
// ranges are wide, so that the 24 bits of `RandomStream.uniform` would show.
import type { RandomStream } from '@mixlab/core'
import { isActive, type Parameter, type ParameterValue, type Parameters, type Space } from '@mixlab/studies'
import { fromUnit } from './unit.ts'

/** Uniform in [0, 1), 53 random bits. */
export const uniform = (rng: RandomStream): number => ((rng.word() >>> 5) * 2 ** 26 + (rng.word() >>> 6)) * 2 ** -53

/** A standard normal number, by Box and Muller's transformation. */
export const normal = (rng: RandomStream): number =>
  Math.sqrt(-2 * Math.log(1 - uniform(rng))) * Math.cos(2 * Math.PI * uniform(rng))

/** Walks the space from the front and draws each parameter that is active under those before it. */
export function drawActive(space: Space, draw: (parameter: Parameter) => ParameterValue): Parameters {
  const drawn: Record<string, ParameterValue> = {}
  for (const parameter of space) if (isActive(parameter, drawn)) drawn[parameter.name] = draw(parameter)
  return drawn
}

/** A value with equal chances: of all values, of all lengths of the range, or of all ratios on a log scale. */
export const randomValue = ({ distribution }: Parameter, rng: RandomStream): ParameterValue =>
  fromUnit(distribution, uniform(rng))
