// The letter that an answer settles on. Replies say it in many ways; the forms below are tried from the most explicit to
// the least, and of one form the last occurrence counts, because models reason first. A capital letter by itself is not
// enough (`A dog barks` does not choose A), unless it is all that a line holds.
import { defineGrader, type Question } from '@mixlab/agents'
import { MixlabError } from '@mixlab/core'
import { z } from 'zod'
import { referenceOf } from './reference.ts'

/** Decoration before a letter and what shows that it is over: `**(C)**`, `\boxed{\text{C}}`, `"C"`. */
const open = String.raw`(?:[\s*_"'“‘(\[{$]|\\boxed|\\text|\\mathrm|\\mathbf)*`
const closed = String.raw`(?=[\s*_"'”’]*[)\].:,}*"”’]|\s*$)`

const formsFor = (letters: string): readonly RegExp[] => [
  new RegExp(String.raw`\\boxed\s*\{${open}([${letters}])${closed}`, 'gu'),
  // `answer: C`, `The correct answer is (C)`, `Answer is option C`, `"answer": "C"`; a small letter only where nothing
  // follows, for `the answer is a dog` is none.
  new RegExp(
    String.raw`(?i:(?:answer|choice|option)\b["']?\**\s*(?:is\b|:|=|would be\b|must be\b)[:\s]*(?:indeed |clearly |therefore )?(?:option |choice |letter )?)${open}(?:([${letters}])(?![\p{L}\p{N}'’])|([${letters.toLowerCase()}])${closed})`,
    'gu',
  ),
  new RegExp(String.raw`\[\[\s*([${letters}])\s*\]\]`, 'gu'),
  // A line that is a letter, or starts with one as a list does.
  new RegExp(String.raw`^${open}([${letters}])(?:[\s*_"'”’)\]}.:$]*$|[*_]*[).:][*_]*\s)`, 'gmu'),
  new RegExp(String.raw`\(([${letters}])\)`, 'gu'),
]

/** The letter, in upper case, or undefined. `choices` is their number. */
export function extractLetter(text: string, choices: number, anywhere = false): string | undefined {
  const letters = `A-${String.fromCodePoint(64 + choices)}`
  const bare = /^[\s*_"'([]*([a-z])[\s*_"')\].]*$/i.exec(text)?.[1]?.toUpperCase()
  if (bare !== undefined) return bare.codePointAt(0)! < 65 + choices ? bare : undefined
  for (const form of formsFor(letters)) {
    const found = [...text.matchAll(form)].at(-1)
    if (found) return (found[1] ?? found[2])!.toUpperCase()
  }
  return anywhere ? text.match(new RegExp(String.raw`\b[${letters}]\b`, 'g'))?.at(-1) : undefined
}

/** The one choice whose text is the answer's last line, or all of it. */
function choiceByText(text: string, choices: readonly string[]): string | undefined {
  const plain = (value: string) =>
    value
      .toLowerCase()
      .replaceAll(/[\s*_."'`]+/g, ' ')
      .trim()
  const lines = text.trim().split('\n')
  const index = choices.findIndex(
    (choice) => plain(choice) === plain(lines.at(-1) ?? '') || plain(choice) === plain(text),
  )
  return index < 0 ? undefined : String.fromCodePoint(65 + index)
}

export const multipleChoice = defineGrader({
  name: 'multiple-choice',
  summary: 'Compares the letter that an answer chooses with the reference',
  source: 'https://github.com/TIGER-AI-Lab/MMLU-Pro',
  config: z.object({
    anywhere: z
      .boolean()
      .default(false)
      .describe('Where no form fits, the last capital letter that stands alone, as MMLU-Pro’s script'),
    letters: z.number().int().min(2).max(26).default(4).describe('Choices of questions that do not list them'),
  }),
  create: ({ anywhere, letters }) => {
    const parse = (text: string, question: Question): string | undefined =>
      extractLetter(text, question.choices?.length ?? letters, anywhere) ?? choiceByText(text, question.choices ?? [])
    return {
      parse,
      grade: async ({ question, answer }) => {
        const expected = referenceOf(question, 'multiple-choice').trim().toUpperCase()
        if (!/^[A-Z]$/.test(expected))
          throw new MixlabError(
            `question ${question.id}: the reference answer ${JSON.stringify(expected)} is no letter, which the grader multiple-choice expects`,
          )
        const parsed = parse(answer, question)
        const correct = parsed === expected
        return { score: correct ? 1 : 0, correct, ...(parsed === undefined ? { unparseable: true } : { parsed }) }
      },
    }
  },
})
