// What we keep with a study besides Optuna's own: system attributes under `mixlab:`, which Optuna carries along.
import type { Operation } from './journal-operations.ts'
import type { StudyRecord } from './journal-state.ts'
import type { Space } from './space.ts'

export interface StudyMetadata {
  readonly seed: number
  readonly space: Space | undefined
}

export const keptMetadata = ({ systemAttributes }: StudyRecord): Partial<StudyMetadata> => ({
  seed: systemAttributes['mixlab:seed'] as number,
  space: systemAttributes['mixlab:space'] as Space | undefined,
})

/** What must be written for a study to have them: nothing where it has. */
export const metadataOperations = (
  study: number,
  { seed, space }: StudyMetadata,
  kept: Readonly<Record<string, unknown>> = {},
): Operation[] =>
  Object.entries({ 'mixlab:seed': seed, ...(space && { 'mixlab:space': space }) })
    .filter(([key, value]) => JSON.stringify(kept[key]) !== JSON.stringify(value))
    .map(([key, value]) => ({ op: 'setStudyAttribute', study, key, value, system: true }))
