// Questions from a JSONL file: one JSON object a line. The usual data sets need no configuration: GSM8K's `question` and
// `answer` (of which the number after `####` is kept), MMLU's and ARC's choices, and plain `prompt`/`target` files. A line
// that cannot be used is an error with its number; nothing is skipped silently but blank lines.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { MixlabError, RandomStream, suggest } from '@mixlab/core'
import { z } from 'zod'
import type { Question } from './question.ts'

export const questionFileConfig = z.strictObject({
  path: z.string().describe('A JSONL file.'),
  fields: z
    .strictObject({
      id: z.string(),
      text: z.string(),
      answer: z.string(),
      choices: z.string(),
      group: z.string(),
    })
    .partial()
    .optional()
    .describe('Names of the fields in the file, where they are not the usual ones.'),
  limit: z.number().int().min(1).optional().describe('The first questions of the file only.'),
  sample: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('A random sample of that many, in the file’s order; a larger sample contains a smaller one.'),
  sampleSeed: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('Apart from the run’s seed: all arms get the same questions.'),
})
export type QuestionFileConfig = z.output<typeof questionFileConfig>

export interface QuestionSet {
  readonly questions: readonly Question[]
  /** Questions in the file, before `limit` and `sample`. */
  readonly available: number
  /** SHA-256 of the chosen questions in their order: equal ones asked the same. */
  readonly hash: string
  /** One line each. */
  readonly warnings: readonly string[]
}

const usual = {
  id: ['id', 'question_id', 'task_id'],
  text: ['question', 'text', 'prompt', 'problem', 'input', 'instruction'],
  answer: ['answer', 'target', 'reference', 'answerKey', 'label'],
  choices: ['choices', 'options'],
  group: ['group', 'subject', 'category', 'source'],
} as const
type Field = keyof typeof usual

const letter = (index: number): string => String.fromCodePoint(65 + index)

/** A reader of one line's fields; `where` starts its errors, e.g. `questions.jsonl, line 3`. */
function reader(record: Readonly<Record<string, unknown>>, config: QuestionFileConfig, where: string) {
  const nameOf = (field: Field): string | undefined => {
    const given = config.fields?.[field]
    if (given === undefined) return usual[field].find((name) => record[name] !== undefined && record[name] !== null)
    if (record[given] !== undefined && record[given] !== null) return given
    throw new MixlabError(
      `${where} has no field "${given}", which fields.${field} names.${suggest(given, Object.keys(record))}`,
    )
  }
  const text = (field: Field): string | undefined => {
    const name = nameOf(field)
    if (name === undefined) return undefined
    const value = record[name]
    if (typeof value === 'string') return value
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    throw new MixlabError(`${where}: expected field "${name}" to be text or a number, found ${JSON.stringify(value)}`)
  }
  const choices = (): { texts: readonly string[]; letters: readonly string[] } | undefined => {
    const name = nameOf('choices')
    if (name === undefined) return undefined
    const value = record[name]
    // ARC keeps texts and labels apart; labels are A–D or 1–4.
    const parts = z.object({ text: z.array(z.string()).min(2), label: z.array(z.string()) }).safeParse(value)
    const texts = parts.success ? parts.data.text : z.array(z.coerce.string()).min(2).max(26).safeParse(value).data
    if (texts === undefined || (parts.success && parts.data.label.length !== texts.length))
      throw new MixlabError(`${where}: expected field "${name}" to be a list of 2 to 26 texts`)
    return { texts, letters: parts.success ? parts.data.label : texts.map((_, index) => letter(index)) }
  }
  return { text, choices }
}

/** The letter of the right choice: from a letter, a label, an index from 0, or the choice's own text. */
function rightChoice(
  answer: string,
  { texts, letters }: { texts: readonly string[]; letters: readonly string[] },
  where: string,
): string {
  const found = [
    letters.indexOf(answer.trim()),
    texts.map((_, index) => letter(index)).indexOf(answer.trim().toUpperCase()),
    /^\d+$/.test(answer) && Number(answer) < texts.length ? Number(answer) : -1,
    texts.indexOf(answer),
  ].find((index) => index >= 0)
  if (found === undefined)
    throw new MixlabError(
      `${where}: the answer ${JSON.stringify(answer)} is none of the ${texts.length} choices: expected a letter ${letter(0)}–${letter(texts.length - 1)}, an index from 0, or a choice's text`,
    )
  return letter(found)
}

function questionOf(line: string, number: number, config: QuestionFileConfig): Question {
  const where = `${config.path}, line ${number}`
  let record: unknown
  try {
    record = JSON.parse(line)
  } catch (error) {
    throw new MixlabError(`${where} is not JSON (${(error as Error).message}): expected one object a line`, {
      cause: error,
    })
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record))
    throw new MixlabError(
      `${where} is ${Array.isArray(record) ? 'a list' : JSON.stringify(record)}: expected an object`,
    )
  const fields = reader(record as Record<string, unknown>, config, where)
  const text = fields.text('text')
  if (text === undefined || text.trim() === '')
    throw new MixlabError(
      `${where} has no question: expected one of the fields ${usual.text.join(', ')}, or its name in fields.text; the line has ${Object.keys(record).join(', ') || 'none'}`,
    )
  const choices = fields.choices()
  const answer = fields.text('answer')
  const group = fields.text('group')
  return {
    id: fields.text('id') ?? String(number),
    text,
    ...(answer !== undefined && {
      // GSM8K's answers are worked solutions that end with the number.
      answer: choices ? rightChoice(answer, choices, where) : (/####\s*(\S+)\s*$/.exec(answer)?.[1] ?? answer),
    }),
    ...(choices && { choices: choices.texts }),
    ...(group !== undefined && { group }),
  }
}

/** What is wrong, or odd, with questions as a set. @throws MixlabError where two have one id */
function checkSet(questions: readonly Question[], source: string): string[] {
  const ids = new Set<string>()
  const texts = new Map<string, string>()
  const repeated: string[] = []
  for (const question of questions) {
    if (ids.has(question.id))
      throw new MixlabError(`${source}: two questions have the id "${question.id}": expected ids to be unique`)
    ids.add(question.id)
    const text = JSON.stringify([question.text.trim(), question.choices, question.history])
    const first = texts.get(text)
    if (first === undefined) texts.set(text, question.id)
    else repeated.push(`${question.id} (as ${first})`)
  }
  if (repeated.length === 0) return []
  const shown = repeated.slice(0, 5).join(', ') + (repeated.length > 5 ? ', …' : '')
  return [
    `${source}: ${repeated.length} of ${questions.length} questions repeat an earlier one's text, so that their results are not independent: ${shown}`,
  ]
}

/** A hash of questions and their order; fields count, not their order in the file. */
export const hashQuestions = (questions: readonly Question[]): string =>
  createHash('sha256')
    .update(
      JSON.stringify(
        questions.map(({ id, text, history, answer, choices, group }) => [
          id,
          text,
          history?.map(({ role, content }) => [role, content]) ?? null,
          answer ?? null,
          choices ?? null,
          group ?? null,
        ]),
      ),
    )
    .digest('hex')

/** A set of questions that a script made itself. @throws MixlabError when it is empty or two have one id */
export function questionSet(questions: readonly Question[], source = 'the questions'): QuestionSet {
  if (questions.length === 0) throw new MixlabError(`${source}: there are none: expected at least one question`)
  const warnings = checkSet(questions, source)
  return { questions, available: questions.length, hash: hashQuestions(questions), warnings }
}

/**
 * Reads a JSONL file of questions. Ids are the file's, or else line numbers.
 * @throws MixlabError naming the file and, for a line that cannot be used, its number (from 1)
 */
export async function readQuestions(config: QuestionFileConfig): Promise<QuestionSet> {
  let content: string
  try {
    content = await readFile(config.path, 'utf8')
  } catch (error) {
    throw new MixlabError(`cannot read the questions ${config.path}: ${(error as Error).message}`, { cause: error })
  }
  const all = content
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .flatMap((line, index) => (line.trim() === '' ? [] : [questionOf(line, index + 1, config)]))
  checkSet(all, config.path)
  const limited = all.slice(0, config.limit)
  if (config.sample !== undefined && config.sample > limited.length)
    throw new MixlabError(
      `${config.path}: asked for a sample of ${config.sample}, but there are ${limited.length} questions to draw from`,
    )
  const drawn = new RandomStream(config.sampleSeed, 'questions')
    .shuffled(limited.map((_, index) => index))
    .slice(0, config.sample)
    .toSorted((a, b) => a - b)
  return {
    ...questionSet(
      drawn.map((index) => limited[index]!),
      config.path,
    ),
    available: all.length,
  }
}
