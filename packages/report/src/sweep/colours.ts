// What colours mean in a sweep's figures.
import { SEQUENTIAL_LEVELS } from '../theme.ts'

export const COMPLETE = 'var(--accent)'
export const BEST = 'var(--arm-1)'
export const FAINT = 'var(--faint)'

/** The sequential scale's level of a position on an objective's axis: the strongest is the best. */
export function strength(position: number, direction: 'minimize' | 'maximize'): number {
  const good = direction === 'minimize' ? 1 - position : position
  // The palest levels do not stand out from the page.
  return Math.round(2 + good * (SEQUENTIAL_LEVELS - 3))
}

export const strengthColour = (level: number): string => `var(--s${level})`
