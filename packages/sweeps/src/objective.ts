// What a sweep optimises: a number of each run. Its name is a metric that events carry (`validation.loss`,
// `perplexity.perplexity`; see `metricsOf`) or a number that the experiment returns (`validationLoss`). The two meet:
// `validationLoss` is `validation.loss` in one word, so that what an experiment returns has a curve while it runs.
import { metricsOf, MixlabError, suggest } from '@mixlab/core'
import { type EventSink, type FinishedRun, readEvents } from '@mixlab/lab'
import type { Direction } from '@mixlab/studies'

export interface Objective {
  readonly metric: string
  readonly direction: Direction
}

/** `validation.loss` → `validationLoss`. */
const inOneWord = (metric: string): string =>
  metric.replaceAll(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase())

/**
 * An objective as it is written on a command line: `validationLoss`, `perplexity.perplexity:min` or `accuracy:max`.
 * @throws MixlabError on another direction.
 */
export function parseObjective(text: string): Objective {
  const [metric = '', direction = 'min', ...rest] = text.split(':')
  if (metric !== '' && rest.length === 0 && /^(min|max)(imi[sz]e)?$/.test(direction))
    return { metric, direction: direction.startsWith('min') ? 'minimize' : 'maximize' }
  throw new MixlabError(`--objective ${text}: expected metric, metric:min or metric:max, e.g. validationLoss:min`)
}

/** Every number of a result by dotted path; lists are left out. */
function numbersOf(value: unknown, path = ''): [path: string, value: number][] {
  if (typeof value === 'number') return [[path, value]]
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.entries(value).flatMap(([name, inner]) => numbersOf(inner, path === '' ? name : `${path}.${name}`))
}

const named = (metrics: Iterable<[string, number]>, wanted: string): number | undefined => {
  for (const [name, value] of metrics) if (name === wanted || inOneWord(name) === wanted) return value
  return undefined
}

/** A sink that hands over, in order, each value of the objective that an event carries, with its step. */
export const reportObjective = (
  { metric }: Objective,
  onValue: (step: number, value: number) => Promise<void>,
): EventSink => ({
  name: 'objective',
  async write(events) {
    for (const event of events) {
      // Of a topology's events `step` is a name.
      if (!('step' in event) || typeof event.step !== 'number') continue
      const value = named(Object.entries(metricsOf(event.type, event)), metric)
      if (value !== undefined) await onValue(event.step, value)
    }
  },
})

/**
 * The objectives' values of a run that has ended: what the experiment returned, else the last that an event carried.
 * @throws MixlabError (`no-objective`) when neither has one; it lists those that there are.
 */
export async function objectiveValues(
  objectives: readonly Objective[],
  run: Pick<FinishedRun, 'path' | 'result'>,
): Promise<number[]> {
  const last = new Map<string, number>()
  for await (const event of readEvents(run.path))
    for (const [name, value] of Object.entries(metricsOf(event.type, event))) last.set(name, value)
  const returned = numbersOf(run.result)
  return objectives.map(({ metric }) => {
    const value = returned.find(([name]) => name === metric)?.[1] ?? named(last, metric)
    if (value !== undefined) return value
    const known = [...returned.map(([name]) => name), ...last.keys()]
    throw new MixlabError(
      known.length === 0
        ? `objective ${metric}: the experiment returned no number and no event carried one; return { ${inOneWord(metric)}: … } from its run`
        : `objective ${metric}: the experiment did not return it and no event carried it.${suggest(metric, known)}`,
      { code: 'no-objective' },
    )
  })
}
