// What a scripted agent answers: right with a known probability, so that what a topology makes of its agents can be held
// against closed forms. The model of correlation: with probability ρ (`correlation`) an agent follows the draw that it has
// in common with its group for this question, else it draws for itself. Two agents of equal accuracy follow it both with
// probability ρ², so that the correlation of their being right is ρ²; given who follows, the others are independent.
import { ChatFailure, type Question } from '@mixlab/agents'
import { MixlabError, type RandomStream } from '@mixlab/core'
import { questionFinder } from './question-finder.ts'
import { scriptedTokens, type ScriptedModelOptions } from './scripted-model.ts'

export interface ScriptedAnswersOptions {
  /** With their answers. The prompt does not need to hold the answer, and what it holds is not looked at. */
  readonly questions: readonly Question[]
  /** Probability of being right; by the questions' `group` where agents are good at different things. */
  readonly accuracy: number | Readonly<Record<string, number>>
  /** ρ. Default 0. */
  readonly correlation?: number
  /** Agents of one name have their common draws in common. */
  readonly group?: string
  /** Distinct wrong answers to a question, equally likely. Default 1. */
  readonly wrongAnswers?: number
  /** How an answer is written; `{answer}` stands for it. Default `#### {answer}`. */
  readonly format?: string
  /** Probability of saying what most of the answers in the prompt say, where it holds any in the same format. Default 0. */
  readonly sycophancy?: number
  /** Words of a reply, at least. Default: the answer's alone. */
  readonly tokens?: number
  /** What its log-probabilities say when it is right and when it is wrong. */
  readonly confidence?: { readonly right: number; readonly wrong: number }
}

const filler =
  'so then we see that each one has two more than before which gives a sum and half of it is left over'.split(' ')

const escaped = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)

/** `count` wrong answers of the right one's kind: numbers after a number, the other letters, or marked texts. */
function wrongAnswersTo({ answer = '', choices }: Question, count: number): string[] {
  if (choices !== undefined) {
    const letters = choices.map((_, index) => String.fromCodePoint(65 + index))
    const right = letters.indexOf(answer)
    return Array.from(
      { length: Math.min(count, letters.length - 1) },
      (_, n) => letters[(right + 1 + n) % letters.length]!,
    )
  }
  const number = Number(answer.replaceAll(',', ''))
  return Array.from({ length: count }, (_, n) =>
    answer.trim() !== '' && Number.isFinite(number) ? String(number + n + 1) : `${answer} ${n + 1}`,
  )
}

/** The answer that most of `texts` give, of those that are known; the first one among equals. */
function mostCommon(texts: readonly string[], answers: readonly string[], format: string): string | undefined {
  const written = texts.join('\n')
  const found = answers.map((answer) => {
    const pattern = new RegExp(`${escaped(format.replace('{answer}', () => answer))}(?!\\w|[.,]\\d)`, 'g')
    const places = [...written.matchAll(pattern)].map(({ index }) => index)
    return { answer, count: places.length, first: places[0] ?? Infinity }
  })
  const [best] = found.filter(({ count }) => count > 0).toSorted((a, b) => b.count - a.count || a.first - b.first)
  return best?.answer
}

/**
 * The text of a scripted model that answers questions.
 * @throws MixlabError where a question has no answer, or its group no accuracy
 */
export function scriptedAnswers(options: ScriptedAnswersOptions): ScriptedModelOptions['text'] {
  const { questions, accuracy, correlation = 0, group = 'all', wrongAnswers = 1, sycophancy = 0 } = options
  const { format = '#### {answer}', tokens = 0, confidence } = options
  const find = questionFinder(questions)
  const accuracyFor = ({ id, group: topic }: Question): number => {
    const share = typeof accuracy === 'number' ? accuracy : accuracy[topic ?? '']
    if (share !== undefined) return share
    const topics = Object.keys(accuracy).join(', ')
    throw new MixlabError(`question ${id} has the group ${topic ?? '(none)'}, and accuracy is given for ${topics}`)
  }
  for (const question of questions) {
    accuracyFor(question)
    if (question.answer === undefined)
      throw new MixlabError(`question ${question.id} has no answer: a scripted agent has to know which is right`)
  }

  return (request, { own, common }) => {
    const question = find(request)
    if (question === undefined)
      throw new ChatFailure('invalid-request', 'this scripted agent knows none of its questions in the prompt')
    const right = question.answer!
    const wrong = wrongAnswersTo(question, wrongAnswers)
    const drawn = (from: RandomStream): string => {
      const draw = from.uniform()
      const which = wrong[from.integer(wrong.length)]!
      return draw < accuracyFor(question) ? right : which
    }
    const follows = own.uniform() < correlation
    const yields = own.uniform() < sycophancy
    // What the agent said itself, earlier in a debate, is no reference.
    const others = request.messages.filter(({ role }) => role !== 'assistant')
    const texts = others.map(({ content }) => content.replaceAll(question.text, ''))
    const answer =
      (yields ? mostCommon(texts, [right, ...wrong], format) : undefined) ??
      drawn(follows ? common(`${group}/${question.id}/${question.text}`) : own)
    const written = format.replace('{answer}', () => answer)
    const words = own.stream('words')
    const before = Array.from(
      { length: Math.max(0, tokens - scriptedTokens(written).length) },
      () => filler[words.integer(filler.length)]!,
    )
    return {
      text: before.length === 0 ? written : `${before.join(' ')}\n${written}`,
      ...(confidence && { probability: answer === right ? confidence.right : confidence.wrong }),
    }
  }
}
