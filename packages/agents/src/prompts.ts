// What agents are told. The aggregate-and-synthesise prompt follows the structure of Mixture-of-Agents (arXiv 2406.04692,
// table 1): who wrote the answers, what to do, that some may be wrong, not to copy, how good it has to be, then the numbered
// answers; the wording is our own. It stands in the system message, after one that is there; the question stays as it is.
import type { Message } from './chat-model.ts'
import type { Question } from './question.ts'
import type { Answer } from './result.ts'

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** The question as agents read it: its text, and its choices by letter. */
export const questionText = ({ text, choices = [] }: Question): string =>
  [text, ...choices.map((choice, index) => `${letters[index] ?? index + 1}. ${choice}`)].join('\n')

/** An optional system message, earlier turns, and the question. */
export const questionMessages = (question: Question, system?: string): readonly Message[] => [
  ...systemMessage(system),
  ...(question.history ?? []),
  { role: 'user', content: questionText(question) },
]

/** None for no text. */
export const systemMessage = (...texts: readonly (string | undefined)[]): readonly Message[] => {
  const content = texts.filter((text) => text !== undefined && text !== '').join('\n\n')
  return content === '' ? [] : [{ role: 'system', content }]
}

/** An answer, with what critics say below it. */
export const withNote = ({ text, note }: Pick<Answer, 'text' | 'note'>): string =>
  note === undefined ? text : `${text}\n\nReview of this answer: ${note}`

/** `1. …`, `2. …`, with what critics say below each. */
export const numbered = (answers: readonly Pick<Answer, 'text' | 'note'>[]): string =>
  answers.map((answer, index) => `${index + 1}. ${withNote(answer)}`).join('\n\n')

export const synthesisPrompt = `Several language models have answered the user's latest message, each on its own; their answers are listed below.
Write the one best reply to that message, drawing on all of them.
Judge what they say before you use it: any of them may be one-sided or wrong, and so may most of them.
Do not repeat an answer as it stands and do not talk about the answers or their authors: write a reply of your own that corrects what is wrong, keeps what is right and adds what is missing.
It must be accurate, complete, well ordered and easy to follow, and must do exactly what the user asks for.

Answers:`

/** The system message of an agent that sees others' answers: `synthesisPrompt`, then the answers. */
export const synthesisText = (answers: readonly Answer[], prompt = synthesisPrompt): string =>
  `${prompt}\n\n${numbered(answers)}`

/** Messages of an agent that sees answers; without answers those of one that sees the question alone. */
export const synthesisMessages = (
  question: Question,
  answers: readonly Answer[],
  options: { readonly system?: string | undefined; readonly prompt?: string | undefined } = {},
): readonly Message[] =>
  answers.length === 0
    ? questionMessages(question, options.system)
    : [
        ...systemMessage(options.system, synthesisText(answers, options.prompt)),
        ...(question.history ?? []),
        { role: 'user', content: questionText(question) },
      ]
