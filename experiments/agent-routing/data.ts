// Whether each of two models was right, question by question: the outcomes on GSM8K and MMLU that RouteLLM published
// (https://github.com/lm-sys/RouteLLM, Apache-2.0). Columns: prompt, weak model, strong model (True or False), …
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Outcomes } from '@mixlab/agent-routing'
import { MixlabError } from 'mixlab'
import { parseCsv } from './csv.ts'

export const pair = { weak: 'mixtral-8x7b', strong: 'gpt-4-1106' } as const

/** Beside the repository; it is not part of it. */
export const defaultFolder = fileURLToPath(new URL('../../../shared/data/agent-routing', import.meta.url))

export const hasData = (folder: string): boolean => existsSync(join(folder, 'gsm8k_responses.csv'))

function readFile(path: string, group: string): { group: string; text: string; quality: readonly [number, number] }[] {
  return parseCsv(readFileSync(path, 'utf8'))
    .slice(1)
    .map(([text, weak, strong], line) => {
      if (![weak, strong].every((field) => field === 'True' || field === 'False'))
        throw new MixlabError(`${path}: row ${line + 2} is "${weak}, ${strong}" where True or False was expected`)
      return { group, text: text!, quality: [Number(weak === 'True'), Number(strong === 'True')] as const }
    })
}

/**
 * Outcomes of both models.
 * @param limit the first so many questions (of every subject); null: all
 * @throws MixlabError when the files are not there or a row is not as expected
 */
export function readOutcomes(name: 'gsm8k' | 'mmlu', folder: string, limit: number | null): Outcomes {
  if (!hasData(folder))
    throw new MixlabError(
      `agent-routing: ${folder} has no gsm8k_responses.csv; put RouteLLM's outcomes there, or say where they are with --set data=FOLDER`,
    )
  const files =
    name === 'gsm8k'
      ? [{ path: join(folder, 'gsm8k_responses.csv'), group: 'gsm8k' }]
      : readdirSync(join(folder, 'mmlu'))
          .filter((file) => file.endsWith('.csv'))
          .toSorted()
          .map((file) => ({ path: join(folder, 'mmlu', file), group: file.replace(/^mmlu_|\.csv$/g, '') }))
  const rows = files.flatMap(({ path, group }) => readFile(path, group).slice(0, limit ?? undefined))
  return {
    members: [pair.weak, pair.strong],
    questions: rows.map(({ text, group }, index) => ({ id: `${name}-${index}`, text, group })),
    quality: rows.map(({ quality }) => quality),
  }
}
