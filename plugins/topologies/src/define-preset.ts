// What all presets have in common: agents are named in fields or taken from the experiment's in order; the layers have one
// policy; what comes out is checked against the experiment's agents.
import { defineTopology, type LayerPolicy, type Part, topology, validateTopology, withPolicy } from '@mixlab/agents'
import type { Plugin } from '@mixlab/core'
import { z } from 'zod'

/** A field that names one agent. */
export const agentField = (what: string, byDefault = 'the first agent') =>
  z.string().optional().describe(`${what}. Default: ${byDefault}.`)

/** A field that names several. One that is named twice gives two samples. */
export const agentsField = (what: string, byDefault = 'all agents') =>
  z.array(z.string()).min(1).optional().describe(`${what}. Default: ${byDefault}.`)

export const countField = (least: number, byDefault: number, what: string) =>
  z.int().min(least).max(1000).default(byDefault).describe(what)

const replyFields = (what: string) =>
  z
    .strictObject({
      system: z.string().optional().describe('Comes in the system message, after the agent’s own.'),
      temperature: z.number().min(0).optional().describe('Default: the agent’s own.'),
      maxTokens: z.int().min(1).optional().describe('Of a reply. Default: the agent’s own, else 2048.'),
    })
    .prefault({})
    .describe(what)

/** Settings of those that answer, and of those that write the answer from theirs. */
export const proposing = replyFields('How those that answer are asked.')
export const aggregating = replyFields('How those that merge answers are asked.')

const policyFields = {
  quorum: z.int().min(1).optional().describe('Answers that a layer must give, or all where it has fewer. Default: 1.'),
  below: z
    .enum(['fail', 'degrade'])
    .optional()
    .describe('Below the quorum: fail the question, or go on with what is there. Default: fail.'),
  layerDeadlineSeconds: z.number().positive().optional().describe('What a layer has not given by then is missing.'),
}

interface Preset<S extends z.ZodRawShape> {
  readonly name: string
  readonly summary: string
  readonly source: string
  readonly fields: S
  /** @param agents the experiment's, at least one */
  compose(config: z.output<z.ZodObject<S>>, agents: readonly string[]): Part
}

/** A topology that is composed of its fields and the experiment's agents. */
export function definePreset<S extends z.ZodRawShape>({
  name,
  summary,
  source,
  fields,
  compose,
}: Preset<S>): Plugin<'topology'> {
  return defineTopology({
    name,
    summary,
    source,
    config: z.object({ ...fields, ...policyFields }),
    create(config, { agents }) {
      const { quorum, below, layerDeadlineSeconds } = config as {
        readonly [K in keyof typeof policyFields]?: z.output<(typeof policyFields)[K]>
      }
      const policy: LayerPolicy = {
        ...(quorum !== undefined && { quorum }),
        ...(below !== undefined && { below }),
        ...(layerDeadlineSeconds !== undefined && { deadlineMs: layerDeadlineSeconds * 1000 }),
      }
      const plain = topology(name, compose(config as z.output<z.ZodObject<S>>, agents))
      const made = Object.keys(policy).length === 0 ? plain : withPolicy(plain, policy)
      validateTopology(made, agents)
      return made
    },
  })
}

/** `count` agents: the given ones in turn. */
export const inTurn = (agents: readonly string[], count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => agents[index % agents.length]!)
