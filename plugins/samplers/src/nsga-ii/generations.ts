// Generations, from the number that each trial carries as a system attribute of Optuna's name, so that either goes on with the
// other's study. Parents are chosen anew from the trials each time: a function of the study, with nothing to keep.
import type { StudyView, Trial } from '@mixlab/studies'
import { isComplete } from '../observed.ts'
import { survivors } from './selection.ts'

export const generationAttribute = 'NSGAIISampler:generation'

const generationOf = ({ systemAttributes }: Trial): number => {
  const generation = systemAttributes[generationAttribute]
  return typeof generation === 'number' ? generation : -1
}

/** The generation of the next trial, and the parents that it comes from: none in the first. */
export function nextGeneration(
  { trials, directions }: StudyView,
  populationSize: number,
): { readonly generation: number; readonly parents: readonly Trial[] } {
  const populations: Trial[][] = []
  for (const trial of trials.filter(isComplete)) {
    const generation = generationOf(trial)
    if (generation >= 0) (populations[generation] ??= []).push(trial)
  }
  const latest = Math.max(populations.length - 1, 0)
  const full = (populations[latest]?.length ?? 0) >= populationSize
  const generation = full ? latest + 1 : latest
  let parents: Trial[] = []
  for (let each = 0; each < generation; each++)
    parents = survivors([...(populations[each] ?? []), ...parents], directions, populationSize)
  return { generation, parents }
}
