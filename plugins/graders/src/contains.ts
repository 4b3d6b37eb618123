// The reference stands somewhere in the answer: for short facts in long replies. An answer that lists every possibility
// passes, so that it suits questions, not comparisons of cautious with wordy models.
import { defineGrader } from '@mixlab/agents'
import { z } from 'zod'
import { normalisation, normalise, rightAnswers } from './exact-match.ts'
import { referenceOf } from './reference.ts'

/** Whether `part` stands in `text`, not as a piece of a longer word or number. */
function holdsWords(text: string, part: string): boolean {
  const word = /[\p{L}\p{N}]/u
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    const before = text.slice(0, at).at(-1) ?? ''
    const after = text.slice(at + part.length).at(0) ?? ''
    if (!(word.test(before) && word.test(part.at(0)!)) && !(word.test(after) && word.test(part.at(-1)!))) return true
  }
  return false
}

export const contains = defineGrader({
  name: 'contains',
  summary: 'Looks for the reference anywhere in the answer',
  config: z.object({
    ...normalisation,
    words: z.boolean().default(true).describe('Only as whole words: 7 is not in 17'),
  }),
  create: ({ words, ...options }) => ({
    grade: async ({ question, answer }) => {
      const text = normalise(answer, options)
      const found = rightAnswers(referenceOf(question, 'contains'), options).find(
        (part) => part !== '' && (words ? holdsWords(text, part) : text.includes(part)),
      )
      const correct = found !== undefined
      return { score: correct ? 1 : 0, correct, ...(correct && { parsed: found }) }
    },
  }),
})
