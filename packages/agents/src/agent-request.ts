// The request of a call: what the step asks for, and the agent's own settings where the step says nothing.
import type { AgentConfig } from './agent.ts'
import type { ChatRequest, Message } from './chat-model.ts'
import type { StepCall } from './topology.ts'

/** Of a reply, where neither the topology nor the agent sets a limit: without one a run's cost had no bound. */
export const DEFAULT_MAX_TOKENS = 2048

export type AgentSettings = Pick<AgentConfig, 'system' | 'temperature' | 'topP' | 'maxTokens' | 'extra'>

/** Puts `system` before the system message that is there, or in front. */
function withSystem(messages: readonly Message[], system: string | undefined): readonly Message[] {
  if (system === undefined || system === '') return messages
  const [first, ...rest] = messages
  return first?.role === 'system'
    ? [{ role: 'system', content: `${system}\n\n${first.content}` }, ...rest]
    : [{ role: 'system', content: system }, ...messages]
}

export function agentRequest(settings: AgentSettings, call: StepCall): ChatRequest {
  const temperature = call.temperature ?? settings.temperature
  return {
    messages: withSystem(call.messages, settings.system),
    maxTokens: call.maxTokens ?? settings.maxTokens ?? DEFAULT_MAX_TOKENS,
    ...(temperature !== undefined && { temperature }),
    ...(settings.topP !== undefined && { topP: settings.topP }),
    ...(call.logProbabilities !== undefined && { logProbabilities: call.logProbabilities }),
    ...(call.responseSchema !== undefined && { responseSchema: call.responseSchema }),
    ...(settings.extra !== undefined && { extra: settings.extra }),
  }
}
