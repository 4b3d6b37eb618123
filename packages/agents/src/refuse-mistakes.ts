// A key that is refused and a model that is not there are mistakes in the experiment, not events of its run: until one call
// of an agent has succeeded they end the run, in one line, instead of filling a thousand questions with failures.
import { MixlabError } from '@mixlab/core'
import type { CallAgent } from './call.ts'
import { isMistake } from './chat-failure.ts'

/** @throws MixlabError (of the returned function) at an agent's mistake before its first reply */
export function refuseMistakes(call: CallAgent): CallAgent {
  const proven = new Set<string>()
  return async (asked) => {
    const outcome = await call(asked)
    const { agent } = asked
    if (outcome.ok) proven.add(agent)
    else if (isMistake(outcome.failure.kind) && !proven.has(agent))
      throw new MixlabError(`agent ${agent} cannot be asked: ${outcome.failure.message}`, {
        code: `chat-${outcome.failure.kind}`,
      })
    return outcome
  }
}
