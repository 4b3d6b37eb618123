// The answer is the reference, after both were normalised. The options are those of lm-evaluation-harness's `exact_match`
// and of SQuAD's script; with `extract` only a part of the answer is compared.
import { defineGrader } from '@mixlab/agents'
import { MixlabError } from '@mixlab/core'
import { z } from 'zod'
import { referenceOf } from './reference.ts'

export const normalisation = {
  ignoreCase: z.boolean().default(true),
  ignorePunctuation: z.boolean().default(false).describe('Removes ! to / and the like, as Python’s string.punctuation'),
  ignoreArticles: z.boolean().default(false).describe('Removes the words a, an, the'),
  alternatives: z
    .string()
    .min(1)
    .optional()
    .describe('What separates several right answers in the reference, e.g. "|"'),
}
const normalisationConfig = z.object(normalisation)
type Normalisation = z.output<typeof normalisationConfig>

/** Unicode's composed form, the chosen things removed, and white space made single blanks. */
export function normalise(text: string, options: Omit<Normalisation, 'alternatives'>): string {
  let result = text.normalize('NFC')
  if (options.ignoreCase) result = result.toLowerCase()
  if (options.ignorePunctuation) result = result.replaceAll(/[!-/:-@[-`{-~]/g, '')
  if (options.ignoreArticles) result = result.replaceAll(/\b(a|an|the)\b/gi, ' ')
  return result.replaceAll(/\s+/g, ' ').trim()
}

/** The right answers in a reference. */
export const rightAnswers = (reference: string, options: Normalisation): string[] =>
  (options.alternatives === undefined ? [reference] : reference.split(options.alternatives)).map((text) =>
    normalise(text, options),
  )

/** The pattern of a configuration. @throws MixlabError when it is no regular expression */
export function patternOf(source: string, flags: string, where: string): RegExp {
  try {
    return new RegExp(source, flags)
  } catch (error) {
    throw new MixlabError(`${where}: ${(error as Error).message}`, { cause: error })
  }
}

export const exactMatch = defineGrader({
  name: 'exact-match',
  summary: 'Compares the answer, or a part of it, with the reference',
  source: 'https://arxiv.org/abs/1606.05250',
  config: z.object({
    ...normalisation,
    extract: z
      .string()
      .optional()
      .describe('A regular expression whose last match in the answer is compared: its first group, or all of it'),
  }),
  create: ({ extract, ...options }) => {
    const pattern = extract === undefined ? undefined : patternOf(extract, 'gm', 'grader exact-match, extract')
    const parse = (text: string): string | undefined => {
      const found = pattern ? [...text.matchAll(pattern)].at(-1) : [text]
      const normal = normalise(found?.[1] ?? found?.[0] ?? '', options)
      return normal === '' ? undefined : normal
    }
    return {
      parse,
      grade: async ({ question, answer }) => {
        const expected = rightAnswers(referenceOf(question, 'exact-match'), options)
        const parsed = parse(answer)
        const correct = parsed !== undefined && expected.includes(parsed)
        return { score: correct ? 1 : 0, correct, ...(parsed === undefined ? { unparseable: true } : { parsed }) }
      },
    }
  },
})
