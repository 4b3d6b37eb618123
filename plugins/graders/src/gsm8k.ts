// Grade-school mathematics: the number in a text, by the two extractions of EleutherAI's lm-evaluation-harness
// (lm_eval/tasks/gsm8k/gsm8k.yaml, version 3). `strict` takes what follows the first `#### `; `flexible` the last number,
// wherever it stands. Both verdicts are in the grade's details, whichever counts.
//
// The harness compares texts: `18.00` is not `18`, and an ellipsis at the end of a reply is its "number". By default
// numbers are compared as numbers here, what is no number is passed over, and the hyphen of `10-12` is no sign;
// `compare: text` is the harness to the letter.
import { defineGrader } from '@mixlab/agents'
import { MixlabError } from '@mixlab/core'
import { z } from 'zod'
import { referenceOf } from './reference.ts'

type Extraction = 'strict' | 'flexible'
type Reader = (text: string) => string | undefined

const harnessForms = { strict: /#### (-?[0-9.,]+)/, flexible: /(-?[$0-9.,]{2,})|(-?[0-9]+)/g } as const

/** What the harness removes before it compares: commas, dollars, all before `#### `, a full stop at the end. */
const harnessText = (text: string): string =>
  text
    .replaceAll(/[,$]/g, '')
    .replace(/^[^]*#### /, '')
    .replace(/\.$/, '')
    .toLowerCase()

/** A number in running text: a sign that is no hyphen, dollars, thousands separators. */
const numberForm = /(?:(?<![\w)])[-−])?\$?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<!\w)\.\d+)/g

/**
 * A number in the one form that equal numbers share: no currency, separators, leading or trailing zeros. Digits stay as
 * they are, so that long numbers lose nothing. Undefined where the text is no number.
 */
export function canonicalNumber(text: string): string | undefined {
  const match = /^([-−]?)(\d*)(?:\.(\d*))?$/.exec(text.replaceAll(/[$,\s]/g, ''))
  if (!match || `${match[2]}${match[3] ?? ''}` === '') return undefined
  const whole = match[2]!.replace(/^0+/, '') || '0'
  const fraction = (match[3] ?? '').replace(/0+$/, '')
  const value = fraction === '' ? whole : `${whole}.${fraction}`
  return value !== '0' && match[1] !== '' ? `-${value}` : value
}

const readers: Readonly<Record<'number' | 'text', Readonly<Record<Extraction, Reader>>>> = {
  number: {
    strict: (text) => canonicalNumber(harnessForms.strict.exec(text)?.[1] ?? ''),
    flexible: (text) => canonicalNumber(text.match(numberForm)?.at(-1) ?? ''),
  },
  text: {
    strict(text) {
      const found = harnessForms.strict.exec(text)?.[1]
      return found === undefined ? undefined : harnessText(found)
    },
    flexible(text) {
      const found = text.match(harnessForms.flexible)?.at(-1)
      return found === undefined ? undefined : harnessText(found)
    },
  },
}

export const gsm8k = defineGrader({
  name: 'gsm8k',
  summary: 'Compares the number in an answer with the reference',
  source: 'https://github.com/EleutherAI/lm-evaluation-harness/blob/main/lm_eval/tasks/gsm8k/gsm8k.yaml',
  config: z.object({
    extract: z
      .enum(['flexible', 'strict'])
      .default('flexible')
      .describe('`flexible`: the last number; `strict`: what follows `#### `'),
    compare: z
      .enum(['number', 'text'])
      .default('number')
      .describe('`number`: 18.00 is 18; `text`: exactly as lm-evaluation-harness'),
  }),
  create: ({ extract, compare }) => {
    const read = readers[compare]
    return {
      parse: read[extract],
      grade: async ({ question, answer }) => {
        const reference = referenceOf(question, 'gsm8k')
        const expected = compare === 'text' ? harnessText(reference) : canonicalNumber(harnessText(reference))
        if (expected === undefined)
          throw new MixlabError(
            `question ${question.id}: the reference answer ${JSON.stringify(reference)} is no number, which the grader gsm8k expects`,
          )
        const parsed = read[extract](answer)
        const correct = parsed === expected
        return {
          score: correct ? 1 : 0,
          correct,
          ...(parsed === undefined ? { unparseable: true } : { parsed }),
          details: { strict: read.strict(answer) === expected, flexible: read.flexible(answer) === expected },
        }
      },
    }
  },
})
