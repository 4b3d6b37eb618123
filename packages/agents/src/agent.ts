// An agent: a chat model, and how this experiment uses it. Models are plugins of the kind `agent`; an experiment names its
// agents and says for each which model it is.
//
//   agents: {
//     weak:   { model: { name: 'openai-compatible', url: 'http://localhost:8000/v1', model: 'llama-3-8b' } },
//     strong: { model: { name: 'ai-sdk', provider: '@ai-sdk/anthropic', model: 'claude-…' }, limits: { concurrency: 8 } },
//   }
import { MixlabError, pluginHelper, pluginReference } from '@mixlab/core'
import { z } from 'zod'
import type { ChatModel } from './chat-model.ts'

export interface AgentContext {
  /**
   * A secret from the environment; the only place where secrets come from.
   * @throws MixlabError naming the variable when it is not set
   */
  secret(variable: string): string
}

declare module '@mixlab/core' {
  interface PluginKinds {
    agent: { instance: ChatModel | Promise<ChatModel>; context: AgentContext }
  }
}

/** Defines a plugin that makes chat models. */
export const defineAgent = pluginHelper('agent')

/** Secrets, and which have been handed out: what must never be written anywhere. */
export interface Secrets extends AgentContext {
  readonly handedOut: ReadonlySet<string>
}

/** Reads secrets from `environment`. */
export const secretsFrom = (environment: Readonly<Record<string, string | undefined>>): Secrets => {
  const handedOut = new Set<string>()
  return {
    handedOut,
    secret(variable) {
      const value = environment[variable]
      if (value === undefined || value === '')
        throw new MixlabError(`the environment variable ${variable} is not set: it should hold the provider's key`, {
          code: 'missing-key',
        })
      handedOut.add(value)
      return value
    },
  }
}

/** Money for a million tokens. */
export const priceConfig = z.strictObject({
  input: z.number().min(0),
  cachedInput: z.number().min(0).optional().describe('Default: as input.'),
  output: z.number().min(0),
  currency: z.string().default('USD'),
})
export type Price = z.output<typeof priceConfig>

export const limitsConfig = z.strictObject({
  concurrency: z.number().int().min(1).optional().describe('Calls at once.'),
  requestsPerMinute: z.number().positive().optional(),
  tokensPerMinute: z.number().positive().optional(),
})
export type Limits = z.output<typeof limitsConfig>

export const agentConfig = z.strictObject({
  model: pluginReference.describe('The plugin that makes the model, with its fields.'),
  system: z.string().optional().describe('Comes first in the system message of every call.'),
  temperature: z.number().min(0).optional().describe('Where the topology sets none.'),
  topP: z.number().gt(0).max(1).optional(),
  maxTokens: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Of a reply, where the topology sets no limit. Default: 2048.'),
  extra: z.record(z.string(), z.unknown()).optional().describe('Fields of the provider’s own.'),
  limits: limitsConfig.optional(),
  price: priceConfig.optional().describe('Of a million tokens. Default: the price table’s.'),
})
export type AgentConfig = z.output<typeof agentConfig>

/** At least one agent, by name. */
export const agentsConfig = z
  .record(z.string().regex(/^[a-z0-9]+([-.][a-z0-9]+)*$/i), agentConfig)
  .refine((agents) => Object.keys(agents).length > 0, 'expected at least one agent')

/** An agent that can be called. */
export interface Agent {
  readonly name: string
  readonly config: AgentConfig
  readonly model: ChatModel
}
