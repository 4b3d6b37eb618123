// The length-controlled win rate (Dubois et al. 2024), in alpaca_eval's form that needs no data of its own,
// `length_controlled_minimal` (alpaca_eval/metrics/glm_winrate.py): the preference is explained by the model and by the
// difference in length,
//
//   P(model preferred) = σ(θ + φ · tanh(Δ / sd(Δ))),   Δ = length of the baseline's answer − of the model's,
//
// by an L1-penalised logistic model whose strength five-fold cross-validation picks by log loss among ten from 1e-4 to
// 1e4; the win rate is what it predicts at Δ = 0. One thing cannot be alpaca_eval's: which questions make a fold, which it
// leaves to the order in which NumPy sorts equal numbers. Folds matter to the choice of the strength alone.
import { MixlabError } from '@mixlab/core'
import { fitLogistic, logistic } from '@mixlab/statistics'

export interface LengthControlled {
  /** Share of wins of the model against the baseline as it is, and had the answers been as long as each other; 0 … 1. */
  readonly winRate: number
  readonly lengthControlledWinRate: number
  /** φ; below 0 where longer answers are preferred. And θ. */
  readonly length: number
  readonly model: number
  /** The C that was picked. */
  readonly strength: number
}

export interface LengthControlOptions {
  /** Fold of each row, 0 … 4. Default: rows in turn, from the last. */
  readonly folds?: readonly number[]
}

const strengths = Array.from({ length: 10 }, (_, index) => 10 ** (-4 + (8 * index) / 9))
const folds = 5

const clip = (p: number): number => Math.min(Math.max(p, 1e-15), 1 - 1e-15)

/**
 * @param preferences how far the model is preferred to the baseline, 0 … 1, one a question
 * @param modelLengths of the model's answers, in characters; `baselineLengths` of the baseline's
 * @throws MixlabError for fewer than five questions
 */
export function lengthControlled(
  preferences: readonly number[],
  modelLengths: readonly number[],
  baselineLengths: readonly number[],
  options: LengthControlOptions = {},
): LengthControlled {
  const n = preferences.length
  if (n < folds)
    throw new MixlabError(`a length-controlled win rate needs at least ${folds} judged questions, and has ${n}`)
  const differences = baselineLengths.map((length, index) => length - modelLengths[index]!)
  const mean = differences.reduce((sum, value) => sum + value, 0) / n
  const deviation = Math.sqrt(differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1))
  // Without a difference between differences there is nothing to standardise, and length explains nothing.
  const rows = differences.map((value) => [deviation === 0 ? 0 : Math.tanh(value / deviation), 1])
  const fold = options.folds ?? preferences.map((_, index) => (n - 1 - index) % folds)

  const losses = strengths.map((strength) => {
    let total = 0
    for (let held = 0; held < folds; held++) {
      const training = preferences.map((_, index) => index).filter((index) => fold[index] !== held)
      const weights = fitLogistic(
        training.map((index) => rows[index]!),
        training.map((index) => preferences[index]!),
        { penalty: 'l1', strength },
      )
      const testing = preferences.map((_, index) => index).filter((index) => fold[index] === held)
      const loss = testing.reduce((sum, index) => {
        const p = clip(logistic(rows[index]![0]! * weights[0]! + weights[1]!))
        return sum - preferences[index]! * Math.log(p) - (1 - preferences[index]!) * Math.log(1 - p)
      }, 0)
      total += loss / testing.length
    }
    return total / folds
  })
  const strength = strengths[losses.indexOf(Math.min(...losses))]!
  const [length, model] = fitLogistic(rows, preferences, { penalty: 'l1', strength }) as [number, number]
  return {
    winRate: preferences.reduce((sum, value) => sum + value, 0) / n,
    lengthControlledWinRate: logistic(model),
    length,
    model,
    strength,
  }
}
