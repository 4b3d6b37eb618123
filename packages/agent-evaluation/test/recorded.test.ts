// Against alpaca_eval's own length-controlled win rate, sacrebleu and NumPy, as recorded by fixtures/record.py.
import { readFileSync } from 'node:fs'
import { bleu } from '@mixlab/agents'
import { describe, expect, test } from 'vitest'
import { lengthControlled, vendiScore } from '../src/index.ts'

interface Recorded {
  lengthControlled: {
    preferences: number[]
    model: number[]
    baseline: number[]
    folds: number[]
    winRate: number
    lengthControlledWinRate: number
    coefficients: [number, number]
    C: number
  }[]
  bleu: { text: string; reference: string; score: number }[]
  vendi: { similarity: number[][]; score: number }[]
}
const recorded = JSON.parse(readFileSync(new URL('fixtures/recorded.json', import.meta.url), 'utf8')) as Recorded

describe.each(recorded.lengthControlled)(
  'length-controlled win rate of $preferences.length questions, $lengthControlledWinRate %',
  ({ preferences, model, baseline, folds, ...expected }) => {
    test("in alpaca_eval's folds: the same model, to LIBLINEAR's tolerance", () => {
      const result = lengthControlled(preferences, model, baseline, { folds })
      expect(100 * result.winRate).toBeCloseTo(expected.winRate, 9)
      expect(Math.abs(result.length - expected.coefficients[0])).toBeLessThan(2e-3)
      expect(Math.abs(result.model - expected.coefficients[1])).toBeLessThan(2e-3)
      expect(Math.abs(100 * result.lengthControlledWinRate - expected.lengthControlledWinRate)).toBeLessThan(0.005)
    })

    test('in folds of our own: a twentieth of a point at most', () => {
      const { lengthControlledWinRate } = lengthControlled(preferences, model, baseline)
      expect(Math.abs(100 * lengthControlledWinRate - expected.lengthControlledWinRate)).toBeLessThan(0.05)
    })
  },
)

test("the BLEU of copy rates is sacrebleu's", () => {
  for (const { text, reference, score } of recorded.bleu) expect(bleu(text, reference)).toBeCloseTo(score, 10)
})

test.each(recorded.vendi)('Vendi score $score', ({ similarity, score }) =>
  expect(vendiScore(similarity)).toBeCloseTo(score, 10),
)
