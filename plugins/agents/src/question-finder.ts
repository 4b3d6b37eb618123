// Which question a prompt is about. A scripted model has to know, though prompts wrap a question in instructions, put
// references before it and rounds of a debate after it: the last user message that contains a known question says so.
import type { ChatRequest, Question } from '@mixlab/agents'

const indexLength = 24

/** Finds the longest known question in the last message that has one; undefined where none has. */
export function questionFinder(questions: readonly Question[]): (request: ChatRequest) => Question | undefined {
  const whole = new Map(questions.map((question) => [question.text, question]))
  // By their beginnings: a look at each place of a message, instead of a search for each of thousands of questions.
  const length = Math.min(indexLength, ...questions.map(({ text }) => text.length))
  const byStart = Map.groupBy(questions, ({ text }) => text.slice(0, length))

  const within = (message: string): Question | undefined => {
    let found: Question | undefined
    for (let at = 0; at + length <= message.length; at++)
      for (const question of byStart.get(message.slice(at, at + length)) ?? [])
        if (question.text.length > (found?.text.length ?? 0) && message.startsWith(question.text, at)) found = question
    return found
  }

  return ({ messages }) => {
    const said = [
      ...messages.filter(({ role }) => role === 'system'),
      ...messages.filter(({ role }) => role === 'user'),
    ]
    for (const { content } of said.toReversed()) {
      const found = whole.get(content) ?? within(content)
      if (found !== undefined) return found
    }
    return undefined
  }
}
