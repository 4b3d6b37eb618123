// Options of benchmarks' commands.
import { MixlabError } from '@mixlab/core'

/** The items of a comma-separated option. @throws MixlabError on one that is not known */
export function listOf<T extends string>(option: string, given: string, known: readonly T[]): T[] {
  const items = given.split(',').filter(Boolean)
  const bad = items.find((item) => !known.includes(item as T))
  if (bad !== undefined) throw new MixlabError(`--${option}: there is no "${bad}". Known: ${known.join(', ')}.`)
  return items as T[]
}

/** @throws MixlabError on what is no count */
export function countOf(option: string, given: string): number {
  const count = Number(given)
  if (Number.isInteger(count) && count > 0) return count
  throw new MixlabError(`--${option} is ${given}, expected a whole number from 1`)
}

/** Whether `parseArgs` refused what was given. */
export const isBadOption = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
