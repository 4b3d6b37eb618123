// Chat models whose behaviour a test writes down as a function, and callers over them.
import {
  type Agent,
  agentConfig,
  type AgentConfig,
  type Call,
  type CallerOptions,
  type ChatChunk,
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  createCaller,
  type GenerateOptions,
} from '@mixlab/agents'
import { RandomStream } from '@mixlab/core'

export const reply = (text: string, more: Partial<ChatReply> = {}): ChatReply => ({
  text,
  finishReason: 'stop',
  usage: { inputTokens: 10, outputTokens: 5 },
  warnings: [],
  ...more,
})

export const lastText = (request: ChatRequest): string => request.messages.at(-1)!.content

type Behaviour =
  | { generate(request: ChatRequest, options: GenerateOptions): Promise<ChatReply> }
  | { stream(request: ChatRequest, options: GenerateOptions): AsyncIterable<ChatChunk> }

export const chatModel = (
  behaviour: Behaviour,
  more: { readonly provider?: string; readonly model?: string } = {},
): ChatModel => ({
  provider: more.provider ?? 'test',
  model: more.model ?? 'model',
  supports: { streaming: 'stream' in behaviour, seed: false, logProbabilities: false },
  generate: () => Promise.reject(new Error('not to be called')),
  stream: () => {
    throw new Error('not to be called')
  },
  ...behaviour,
})

export const agentOf = (name: string, model: ChatModel, config: Partial<AgentConfig> = {}): Agent => ({
  name,
  model,
  config: agentConfig.parse({ model: 'test', ...config }),
})

export const callOf = (id: string, text: string, more: Partial<Call> = {}): Call => ({
  id,
  question: id.split('/')[0]!,
  step: id.split('/').slice(1).join('/') || 'answer',
  layer: 1,
  agent: 'a',
  request: { messages: [{ role: 'user', content: text }], maxTokens: 100 },
  sample: 0,
  ...more,
})

export const callerOf = (agents: readonly Agent[], more: Partial<CallerOptions> = {}) =>
  createCaller({
    agents: new Map(agents.map((agent) => [agent.name, agent])),
    signal: new AbortController().signal,
    mode: 'off',
    failures: 'reuse',
    rng: new RandomStream(1, 'agents'),
    ...more,
  })
