// The grades that a run has written, this time or before an interruption.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromJson } from '@mixlab/core'
import type { QuestionGrades } from './grader.ts'

/** Of the run in that directory, in the data set's order; none where questions have not all been answered. */
export async function readGrades(directory: string): Promise<QuestionGrades[]> {
  const path = join(directory, 'grades.jsonl')
  if (!existsSync(path)) return []
  const lines = (await readFile(path, 'utf8')).split('\n')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by answerQuestions
  return lines.filter((line) => line !== '').map((line) => fromJson(line) as QuestionGrades)
}
