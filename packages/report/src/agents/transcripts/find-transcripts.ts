// One question's transcripts in a run: of the run itself and of the runs inside it (its arms).
import { type QuestionGrades, type QuestionResult, readGrades } from '@mixlab/agents'
import { fromJson, MixlabError, suggest } from '@mixlab/core'
import { openRun, type RunRecord } from '@mixlab/lab'
import { linesOf } from '../json-lines.ts'
import { answersFile, hasAnswers } from '../run-files.ts'
import { transcriptMarkdown } from './markdown.ts'

export interface FoundTranscript {
  /** The arm's name, where the run has several. */
  readonly name: string
  readonly result: QuestionResult
  readonly grades?: QuestionGrades
}

const withAnswers = (run: RunRecord): RunRecord[] => [
  ...(hasAnswers(run.path) ? [run] : []),
  ...run.children.flatMap(withAnswers),
]

const nameOf = ({ name, id }: RunRecord): string => name ?? id

/** Each line holds its question's id near the front: most lines need not be parsed. */
async function lookFor(run: RunRecord, question: string): Promise<{ found?: FoundTranscript; ids: string[] }> {
  const ids: string[] = []
  let found: QuestionResult | undefined
  for await (const { text } of linesOf(answersFile(run.path))) {
    const head = /"question":("(?:[^"\\]|\\.)*")/.exec(text.slice(0, 4096))?.[1]
    const id = head === undefined ? (fromJson(text) as QuestionResult).question : (JSON.parse(head) as string)
    ids.push(id)
    if (id === question) found = fromJson(text) as QuestionResult
  }
  if (!found) return { ids }
  const grades = (await readGrades(run.path)).find(({ index }) => index === found.index)
  return { found: { name: nameOf(run), result: found, ...(grades && { grades }) }, ids }
}

/**
 * The transcripts of a question as Markdown, one after the other, in the order of the arms.
 * @param arm only of the runs of this name
 * @throws MixlabError when the run has no answers, no such arm, or no such question; it lists near misses
 */
export async function questionTranscripts(path: string, question: string, arm?: string): Promise<string> {
  const root = await openRun(path)
  const all = withAnswers(root)
  if (all.length === 0)
    throw new MixlabError(
      `${root.id} has no transcripts: neither it nor a run inside it answered questions (there is no answers.jsonl)`,
    )
  const runs = arm === undefined ? all : all.filter((run) => nameOf(run) === arm)
  if (runs.length === 0)
    throw new MixlabError(
      `${root.id} has no arm "${arm!}"; it has ${all.map(nameOf).join(', ')}.${suggest(arm!, all.map(nameOf))}`,
    )
  const looked = await Promise.all(runs.map((run) => lookFor(run, question)))
  const found = looked.flatMap((one) => one.found ?? [])
  if (found.length === 0) {
    const ids = [...new Set(looked.flatMap((one) => one.ids))]
    const some = ids.length === 0 ? '' : ` They are named like ${ids.slice(0, 3).join(', ')}.`
    throw new MixlabError(
      `there is no question "${question}" among the ${ids.length} of ${root.id}.${suggest(question, ids) || some}`,
    )
  }
  return found
    .map(({ name, result, grades }) => transcriptMarkdown(result, { ...(runs.length > 1 && { name }), grades }))
    .join('\n')
}
