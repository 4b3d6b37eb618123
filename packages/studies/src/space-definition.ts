// A search space as a person states it, by the fields of a configuration, and as samplers and journals see it: parameters.
import { MixlabError, suggest } from '@mixlab/core'
import type { Dimension } from './dimensions.ts'
import { contains, type ParameterValue } from './distribution.ts'
import { orderOf } from './permutation.ts'
import type { Parameter, Parameters, Space } from './space.ts'

/** Dimensions by dotted path, parents before their children. */
export type SpaceDefinition = Readonly<Record<string, Dimension>>

const problem = (message: string): MixlabError => new MixlabError(message, { code: 'invalid-space' })

/**
 * A definition from a list, e.g. the `--over`s of a command line.
 * @throws MixlabError when a field is there twice
 */
export function spaceDefinition(
  dimensions: readonly { readonly name: string; readonly dimension: Dimension }[],
): SpaceDefinition {
  const definition: Record<string, Dimension> = {}
  for (const { name, dimension } of dimensions) {
    if (Object.hasOwn(definition, name)) throw problem(`${name} is a dimension twice: give all its values in one`)
    definition[name] = dimension
  }
  return definition
}

const partOf = (name: string, index: number): string => `${name}[${index}]`

/**
 * The parameters of a definition; a permutation of n items has n − 1 (`order[0]`, …).
 * @throws MixlabError when there is none, a name is no dotted path, or a condition is on what is not there or has not these values
 */
export function toSpace(definition: SpaceDefinition): Space {
  const names = Object.keys(definition)
  if (names.length === 0)
    throw problem('the search space is empty: expected at least one dimension, e.g. router=top-k,switch')
  return Object.entries(definition).flatMap(([name, dimension], position): Parameter[] => {
    if (!/^[^\s.=@[\]]+(\.[^\s.=@[\]]+)*$/.test(name))
      throw problem(`"${name}" is no name of a field: expected a dotted path, e.g. training.learningRate`)
    checkCondition(definition, name, names.slice(0, position))
    const condition = dimension.when === undefined ? {} : { when: dimension.when }
    if (dimension.kind !== 'permutation') {
      const { when: _, ...distribution } = dimension
      return [{ name, distribution, ...condition }]
    }
    const { length } = dimension.items
    return Array.from({ length: length - 1 }, (_, index) => ({
      name: partOf(name, index),
      distribution: { kind: 'int', low: 0, high: length - 1 - index },
      ...condition,
    }))
  })
}

function checkCondition(definition: SpaceDefinition, name: string, earlier: readonly string[]): void {
  const condition = definition[name]!.when
  if (condition === undefined) return
  const { parameter, values } = condition
  if (!earlier.includes(parameter)) {
    if (Object.hasOwn(definition, parameter))
      throw problem(
        `${name} exists only under ${parameter}, which comes ${parameter === name ? 'with' : 'after'} it: put ${parameter} before ${name}`,
      )
    throw problem(`${name} exists only under ${parameter}, which is no dimension.${suggest(parameter, earlier)}`)
  }
  const parent = definition[parameter]!
  if (parent.kind === 'permutation')
    throw problem(`${name} cannot exist only under an order of ${parameter}: expected a choice or a number`)
  const never = values.find((value) => !contains(parent, value))
  if (values.length > 0 && never === undefined) return
  const known = parent.kind === 'categorical' ? suggest(String(never), parent.choices.map(String)) : ''
  throw problem(
    values.length === 0
      ? `${name} exists only under ${parameter}, but for none of its values: expected one at least`
      : `${name} exists only under ${parameter} = ${JSON.stringify(never)}, which ${parameter} never is.${known}`,
  )
}

/** The values that a trial's parameters give the configuration's fields, by dotted path; of active dimensions only. */
export function decode(definition: SpaceDefinition, parameters: Parameters): Record<string, unknown> {
  const assignments: Record<string, unknown> = {}
  for (const [name, dimension] of Object.entries(definition)) {
    if (dimension.kind === 'permutation') {
      const code = dimension.items
        .slice(1)
        .map((_, index) => parameters[partOf(name, index)] as ParameterValue | undefined)
      if (code.every((index) => index !== undefined)) assignments[name] = orderOf(dimension.items, code as number[])
    } else if (Object.hasOwn(parameters, name)) assignments[name] = parameters[name]
  }
  return assignments
}
