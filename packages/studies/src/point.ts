// A trial's point: what is fixed for it, then what the sampler says, parameter by parameter in the space's order.
import { MixlabError, type RandomStream, suggest } from '@mixlab/core'
import { contains, type Distribution, type ParameterValue } from './distribution.ts'
import { isActive, type Parameters, type Space } from './space.ts'
import { drawUniform } from './uniform.ts'

const shown = (distribution: Distribution): string => {
  if (distribution.kind === 'categorical')
    return `one of ${distribution.choices.map((one) => JSON.stringify(one)).join(', ')}`
  const { low, high, step } = distribution
  const kind = distribution.kind === 'int' ? 'an integer' : 'a number'
  return `${kind} from ${low} to ${high}${step === undefined ? '' : ` in steps of ${step}`}`
}

/**
 * The value of every parameter that exists under the others: the fixed one, else the sampled one. A sampler does not know
 * what is fixed; a parameter that exists only because of it is drawn at random.
 * @throws MixlabError when a sampled value is missing or outside its distribution
 */
export function completePoint(space: Space, fixed: Parameters, sampled: Parameters, rng: RandomStream): Parameters {
  const point: Record<string, ParameterValue> = {}
  const any = Object.keys(fixed).length > 0
  for (const parameter of space) {
    const { name, distribution } = parameter
    if (!isActive(parameter, point)) continue
    if (Object.hasOwn(fixed, name)) point[name] = fixed[name]!
    else if (Object.hasOwn(sampled, name)) point[name] = checked(name, distribution, sampled[name]!)
    else if (any) point[name] = drawUniform(distribution, rng.stream(name))
    else throw new MixlabError(`the sampler gave no value for ${name}; expected ${shown(distribution)}`)
  }
  return point
}

function checked(name: string, distribution: Distribution, value: ParameterValue): ParameterValue {
  if (contains(distribution, value)) return value
  throw new MixlabError(`the sampler gave ${name} = ${JSON.stringify(value)}; expected ${shown(distribution)}`)
}

/**
 * Whether parameters may be fixed for a trial of this space. All of them, or only some: the sampler gives the rest.
 * @throws MixlabError naming the parameter that is unknown or whose value is outside its distribution
 */
export function checkFixed(space: Space, fixed: Parameters): void {
  for (const [name, value] of Object.entries(fixed)) {
    const parameter = space.find((one) => one.name === name)
    if (parameter === undefined)
      throw new MixlabError(
        `enqueue: there is no parameter ${name}.${suggest(
          name,
          space.map((one) => one.name),
        )}`,
      )
    if (!contains(parameter.distribution, value))
      throw new MixlabError(`enqueue: ${name} is ${JSON.stringify(value)}, expected ${shown(parameter.distribution)}`)
  }
}

/** Whether a journal can hold the value: Optuna lets enqueued values be out of range, but not of another kind. */
export const isStorable = (distribution: Distribution, value: unknown): boolean =>
  distribution.kind === 'categorical'
    ? contains(distribution, value as ParameterValue)
    : typeof value === 'number' && Number.isFinite(value)
