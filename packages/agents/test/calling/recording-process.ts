// A process of its own that makes calls to a server and records them; the tests kill it.
//   node recording-process.ts URL FOLDER SCOPE CALLS
import { type ChatReply, Recording } from '@mixlab/agents'
import { agentOf, callerOf, callOf, chatModel, lastText } from './models.ts'

const [url, folder, scope, calls] = process.argv.slice(2) as [string, string, string, string]
const model = chatModel({
  async generate(request, { signal }) {
    const response = await fetch(url, { method: 'POST', body: lastText(request), signal })
    return (await response.json()) as ChatReply
  },
})
using recording = new Recording(folder, { access: 'write' })
await using caller = callerOf([agentOf('a', model)], { mode: 'record', recording, scope, concurrency: 4 })
const outcomes = await Promise.all(
  Array.from({ length: Number(calls) }, (_, i) => caller.call(callOf(`q${i}/s`, `question ${i}`))),
)
const results = outcomes.map((outcome) => [outcome.call.id, outcome.ok && outcome.reply.text, outcome.cost.inputTokens])
process.stdout.write(JSON.stringify(results))
