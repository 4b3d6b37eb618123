// Reads what fixtures/record.py recorded, and makes trials of it. Non-finite numbers are written as strings there.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Direction, StudyView, Trial } from '@mixlab/studies'

const numbers = new Set(['NaN', 'Infinity', '-Infinity'])

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what it recorded
export const fixture = <T>(name: string): T =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', `${name}.json`), 'utf8'), (_, value: unknown) =>
    typeof value === 'string' && numbers.has(value) ? Number(value) : value,
  ) as T

/** A trial with what matters and nothing else. */
export const trial = (number: number, fields: Partial<Omit<Trial, 'number'>>): Trial => ({
  number,
  state: 'complete',
  parameters: {},
  distributions: {},
  intermediate: new Map(),
  userAttributes: {},
  systemAttributes: {},
  ...fields,
})

export const view = (
  space: StudyView['space'],
  trials: readonly Trial[],
  directions: readonly Direction[] = ['minimize'],
): StudyView => ({ space, trials, directions })
