// What an experiment with agents can be told, as one part of its configuration.
import { pluginReference } from '@mixlab/core'
import { z } from 'zod'
import { agentsConfig } from './agent.ts'
import { callingConfig } from './calling-config.ts'

export const mixtureConfig = z.strictObject({
  agents: agentsConfig,
  topology: pluginReference.default('moa').describe('Who answers and who sees what: mixlab topology list.'),
  graders: z
    .array(pluginReference)
    .default([])
    .describe('How answers are judged; the first one also says which answers agree.'),
  calling: callingConfig.prefault({}),
  concurrency: z.number().int().min(1).default(16).describe('Questions at once.'),
  questionSeconds: z.number().positive().optional().describe('After that a question has failed. Default: no limit.'),
})
export type MixtureConfig = z.output<typeof mixtureConfig>
