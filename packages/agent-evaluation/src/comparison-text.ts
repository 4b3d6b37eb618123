// What may be said of a comparison: exactly as much as was found. Without a winner the sentence says what could have been
// found, because "no significant difference" is not "the same".
import type { PairComparison } from './compare-arms.ts'

const points = (value: number): string => `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(100 * value).toFixed(1)}`
const range = ({ low, high }: { readonly low: number; readonly high: number }): string =>
  `${points(low)} to ${points(high)}`
const count = (value: number): string => value.toLocaleString('en-US')
const probability = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`)

/** One sentence; differences are in points of a hundred. */
export function pairText(pair: Omit<PairComparison, 'text'>, alpha: number): string {
  const { first, second, winner, difference, interval, adjustedP, minimumDetectable, questions, clusters } = pair
  const [ahead, behind] = difference < 0 ? [second, first] : [first, second]
  const toAhead = difference < 0 ? { low: -interval.high, high: -interval.low } : interval
  const basis = `${count(questions)} questions${clusters < questions ? ` in ${count(clusters)} groups` : ''}`
  const figures = `${points(Math.abs(difference))} points, ${Math.round(100 * (1 - alpha))} % interval ${range(toAhead)}, ${probability(adjustedP)} after Holm, ${basis}`
  if (winner !== undefined) return `${ahead} is better than ${behind}: ${figures}.`
  const seen = Number.isNaN(minimumDetectable)
    ? 'So few questions could not have shown any difference.'
    : `A difference below ${(100 * minimumDetectable).toFixed(1)} points would often have stayed hidden.`
  return difference === 0
    ? `No winner between ${first} and ${second}: ${figures}. ${seen}`
    : `No winner between ${ahead} and ${behind}: ${ahead} is ahead by ${figures}, ${adjustedP <= alpha ? 'but the bootstrap interval does not confirm it' : 'which is inside the noise'}. ${seen}`
}
