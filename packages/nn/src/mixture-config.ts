// What a mixture layer can be told. Routers and experts are plugins: their own fields stand beside their name and are
// checked against the plugin's schema when the layer is made.
import { pluginReference } from '@mixlab/core'
import { z } from 'zod'

const expertGroup = z.looseObject({
  name: z.string().describe('An expert plugin; its own fields stand beside'),
  count: z.int().min(1).describe('How many experts of this kind'),
})

/** One stack alone may leave its name and count out, so that one field of it can be set by itself. */
const onlyGroup = expertGroup.extend({
  name: expertGroup.shape.name.default('swiglu'),
  count: expertGroup.shape.count.default(8),
})

const sharedExpert = z.looseObject({
  name: z.string().describe('An expert plugin; its own fields stand beside'),
  gated: z.boolean().default(false).describe('Multiplies its output by sigmoid(x·w), as Qwen2-MoE does'),
})

export const capacityConfig = z.strictObject({
  factor: z.number().positive().default(1.25).describe('An expert takes at most ⌈factor · T·k/E⌉ of T·k pairs'),
  drop: z
    .enum(['position', 'priority'])
    .default('position')
    .describe('Which pairs are dropped beyond that: those of later tokens, or those of smaller weight'),
  evaluation: z
    .enum(['dropless', 'same'])
    .default('dropless')
    .describe('Whether the limit holds outside training, too'),
})

export const mixtureConfig = z.strictObject({
  router: pluginReference.default('top-k').describe('A router plugin, by name or { name, …its fields }'),
  experts: z
    .union([onlyGroup, z.array(expertGroup).min(1)])
    .prefault({})
    .describe('The experts, { name, count, …their fields }, or a list of such stacks'),
  shared: z.array(sharedExpert).default([]).describe('Experts that every token passes through'),
  capacity: capacityConfig.nullable().default(null).describe('null: dropless'),
  every: z
    .int()
    .min(1)
    .default(1)
    .describe('Every how many layers a mixture takes the place of the dense feed-forward'),
  from: z.int().min(0).default(0).describe('The first layer with a mixture'),
})

export type CapacityConfig = z.output<typeof capacityConfig>
export type MixtureConfig = z.output<typeof mixtureConfig>
