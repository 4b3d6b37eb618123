// Points that were run again with more seeds: the best is one of them, though a single value of another is lower, and each
// stands once.
import type { Trial } from '@mixlab/studies'
import { expect, test } from 'vitest'
import { sweepTable, type SweepReport } from '../../src/index.ts'
import { viewOf } from '../../src/sweep/view.ts'

const trial = (number: number, x: number, value: number): Trial => ({
  number,
  state: 'complete',
  parameters: { x },
  distributions: { x: { kind: 'float', low: 0, high: 9 } },
  values: [value],
  intermediate: new Map(),
  userAttributes: {},
  systemAttributes: {},
})

const sweep: SweepReport = {
  name: 'finals',
  experiment: 'finals',
  startedAt: '2026-01-01T00:00:00Z',
  status: 'finished',
  space: [{ name: 'x', distribution: { kind: 'float', low: 0, high: 9 } }],
  objectives: [{ name: 'loss', direction: 'minimize' }],
  // Trials 0 and 1 were the best by their first seed and turn out to be worse on average than trial 2's single value.
  trials: [trial(0, 0, 1), trial(1, 1, 1.1), trial(2, 2, 1.2), trial(3, 0, 1.4), trial(4, 1, 1.5)],
  sampler: 'random',
  seeds: 3,
  pointSeeds: { 3: { values: [[1, 1.6, 1.6]] }, 4: { values: [[1.1, 1.7, 1.7]] } },
  finalists: { 3: 0, 4: 1 },
  runs: {},
  infeasible: [],
  failures: [],
}

test('the best is a finalist, and no point is there twice', () => {
  const { ranked, ranking, tied } = viewOf(sweep)
  expect(ranked.map(({ number }) => number)).toEqual([3, 4, 2])
  expect(ranked[ranking!.best]!.number).toBe(3)
  expect(tied.map(({ number }) => number)).toEqual([4])
  expect(sweepTable(sweep, { width: 100, color: false })).toMatch(/Trial 3 .* lowest loss/)
})

test('without finalists a single value may be the best', () => {
  const { finalists: _, ...all } = sweep
  const { ranked } = viewOf(all)
  expect(ranked[0]!.number).toBe(0)
})
