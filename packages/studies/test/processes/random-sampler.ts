// A sampler for tests: independent uniform draws, and an attribute of its own.
import {
  choice,
  drawUniform,
  float,
  integer,
  isActive,
  type ParameterValue,
  type Sampler,
  toSpace,
} from '../../src/index.ts'

export const testSpace = toSpace({ x: float(-1, 1), k: integer(1, 8), c: choice(['a', 'b']) })

export const randomSampler: Sampler = {
  ask({ study, rng }) {
    const parameters: Record<string, ParameterValue> = {}
    for (const parameter of study.space)
      if (isActive(parameter, parameters)) parameters[parameter.name] = drawUniform(parameter.distribution, rng)
    return { parameters, attributes: { 'random:drawn': study.space.length } }
  },
}
