// What such small models can be asked, and what can be graded exactly: how does this word go on? A question is a passage of
// held-out text that breaks off within a word; its answer is the rest of the word.
import { type Corpus, defineGrader, type Question, type RandomStream } from 'mixlab'

/** Letters of a word, of which so many are shown. */
const shortest = 5
const longest = 12
const shown = 2

/** The letters that a text begins with; undefined where it begins with none. */
export const parseWord = (text: string): string | undefined => /^[A-Za-z]+/.exec(text)?.[0]

/** Right where the word goes on as the text did, letter by letter, and ends where it did. */
export const wordGrader = defineGrader({
  name: 'word',
  summary: 'The letters that a reply begins with, compared with the rest of the word',
  create: () => ({
    parse: parseWord,
    grade({ question, answer }) {
      const parsed = parseWord(answer)
      const correct = parsed === question.answer
      const found = parsed === undefined ? { unparseable: true } : { parsed }
      return Promise.resolve({ score: correct ? 1 : 0, correct, ...found })
    },
  }),
})

/**
 * `count` questions from a domain's held-out text, spread over it at random; their groups are its documents.
 * @param passage bytes that are shown, at most
 */
export function wordQuestions(
  { tokenizer, validation }: Corpus,
  domain: string,
  { count, passage, rng }: { readonly count: number; readonly passage: number; readonly rng: RandomStream },
): Question[] {
  const length = 2 * passage
  const places = Array.from(
    { length: Math.floor((validation.tokens.length - length) / passage) },
    (_, i) => i * passage,
  )
  const questions: Question[] = []
  for (const start of rng.shuffled(places)) {
    if (questions.length === count) break
    const text = tokenizer.decode(validation.tokens.subarray(start, start + length))
    // Neither the end of a document nor a character that was cut.
    if (/[\0\uFFFD]/.test(text)) continue
    const word = new RegExp(`(?<=[^A-Za-z])[A-Za-z]{${shortest},${longest}}(?=[^A-Za-z])`, 'g')
    word.lastIndex = passage / 2
    const found = word.exec(text)
    const end = (found?.index ?? 0) + shown
    if (!found || end > passage) continue
    const document = validation.documents.filter((first) => first <= start).length
    questions.push({
      id: `${domain}-${questions.length + 1}`,
      text: text.slice(0, end),
      answer: found[0].slice(shown),
      group: `${domain}/${document}`,
    })
  }
  return questions
}
