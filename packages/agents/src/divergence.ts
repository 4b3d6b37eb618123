// A replay that asks what was never asked. The message says where, and how the request differs from the one that was
// recorded for the same call.
import { MixlabError } from '@mixlab/core'
import type { Message } from './chat-model.ts'
import type { Recording } from './recording.ts'
import type { Asked } from './run-recording.ts'

export function divergence(recording: Recording, scope: string, asked: Asked): MixlabError {
  const { call } = asked
  const where = `question ${JSON.stringify(call.question)}, step ${call.step}, agent ${call.agent}`
  const recorded = recording.latest(scope, call.id)
  const why = recorded
    ? difference(
        { ...asked, sample: call.sample, messages: call.request.messages },
        { ...recorded, request: JSON.stringify(recorded.request), messages: recorded.request.messages },
      )
    : `no call ${JSON.stringify(call.id)} is in it (${recording.size} lines)`
  return new MixlabError(`the replay diverges from the recording in ${recording.folder} at ${where}: ${why}`, {
    code: 'replay-divergence',
  })
}

interface Compared extends Pick<Asked, 'provider' | 'model' | 'request'> {
  readonly sample: number
  readonly messages: readonly Message[]
}

function difference(now: Compared, then: Compared): string {
  for (let i = 0; i < Math.max(now.messages.length, then.messages.length); i++) {
    const [a, b] = [now.messages[i], then.messages[i]]
    if (!a || !b) return `${now.messages.length} messages, recorded ${then.messages.length}`
    if (a.role !== b.role) return `message ${i + 1} is of the ${a.role}, recorded of the ${b.role}`
    if (a.content !== b.content) return `message ${i + 1} (${a.role}) differs ${firstDifference(a.content, b.content)}`
  }
  for (const field of ['provider', 'model', 'sample'] as const)
    if (now[field] !== then[field]) return `${field} is ${now[field]}, recorded ${then[field]}`
  return `the request differs ${firstDifference(now.request, then.request)}`
}

function firstDifference(now: string, then: string): string {
  let at = 0
  while (now[at] === then[at] && at < now.length) at++
  return `at character ${at + 1}: ${excerpt(now, at)}, recorded ${excerpt(then, at)}`
}

const excerpt = (text: string, at: number): string => {
  const from = Math.max(0, at - 20)
  const to = at + 30
  return `${from > 0 ? '…' : ''}${JSON.stringify(text.slice(from, to))}${to < text.length ? '…' : ''}`
}
