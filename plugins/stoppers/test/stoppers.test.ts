// What is not in Optuna's decisions: the fields and their errors, and what a study carries from one process to the next.
import { describeFields, MixlabError, pluginConfiguration } from '@mixlab/core'
import { replay, type RecordedTrial } from '@mixlab/studies'
import { describe, expect, test } from 'vitest'
import { stoppers } from '../src/index.ts'
import { makeStopper } from './optuna.ts'
import type { StopperReference } from './scenarios.ts'

describe.each(stoppers.map((stopper) => [stopper.name, stopper] as const))('%s', (_name, stopper) => {
  test('says where it is from and what each field means', () => {
    expect(stopper.source).toMatch(/^https:/)
    for (const field of describeFields(stopper.config)) expect(field.description, field.path).toBeTruthy()
  })

  test('refuses unknown fields', () => {
    expect(() => pluginConfiguration(stopper, { patienec: 1, percentile: 1, patience: 1, upper: 1 })).toThrow(
      MixlabError,
    )
  })
})

test.each([
  [{ name: 'percentile' }, /percentile is missing/],
  [{ name: 'percentile', percentile: 101 }, /percentile is 101, expected number ≥ 0 and ≤ 100/],
  [{ name: 'median', intervalSteps: 0 }, /intervalSteps is 0, expected integer ≥ 1/],
  [{ name: 'asha', minimumResource: 0 }, /minimumResource is 0, expected "auto" \| integer ≥ 1/],
  [{ name: 'asha', reductionFactor: 1 }, /reductionFactor is 1, expected integer ≥ 2/],
  [{ name: 'asha', bootstrapCount: 2 }, /bootstrapCount: a bootstrapCount above 0 needs a minimumResource in steps/],
  [{ name: 'asha', reductoinFactor: 3 }, /unknown field reductoinFactor\. Did you mean reductionFactor\?/],
  [{ name: 'hyperband', bootstrapCount: 2 }, /a bootstrapCount above 0 needs a maximumResource in steps/],
  [{ name: 'hyperband', minimumResource: 9, maximumResource: 3 }, /maximumResource is below minimumResource/],
  [{ name: 'patience' }, /patience is missing/],
  [{ name: 'threshold' }, /neither lower nor upper is set/],
  [{ name: 'threshold', lower: 2, upper: 1 }, /lower is above upper/],
  [{ name: 'wilcoxon', pThreshold: 2 }, /pThreshold is 2, expected number ≥ 0 and ≤ 1/],
] satisfies [StopperReference, RegExp][])('%j is refused in one line', (reference, message) => {
  const make = (): unknown => makeStopper(reference, 'minimize')
  expect(make).toThrow(MixlabError)
  expect(make).toThrow(message)
  expect(make).not.toThrow(/\n/)
})

/** A curve of `length` steps that stays at `level`. */
const flat = (length: number, level: number): RecordedTrial => ({
  reports: Array.from({ length }, (_, step) => [step + 1, level]),
  value: level,
})

test('what "auto" was estimated from the first complete trial holds when longer ones complete', () => {
  const recorded = [flat(350, 1), flat(900, 0), flat(40, 2)]
  const asha = makeStopper({ name: 'asha' }, 'minimize')
  const trials = replay(recorded, asha, { direction: 'minimize', jobs: 1 })
  // ⌊350 / 100⌋; the second trial is judged first after the first has completed.
  expect(trials[1]!.systemAttributes).toMatchObject({ 'asha:minimum_resource': 3, completed_rung_0: 0 })
  // At step 3 and not at step 9.
  expect(trials[2]!.intermediate.size).toBe(3)
  const hyperband = makeStopper({ name: 'hyperband' }, 'minimize')
  const banded = replay(recorded, hyperband, { direction: 'minimize', jobs: 1 })
  expect(banded.map(({ systemAttributes }) => systemAttributes['hyperband:maximum_resource'])).toEqual([
    undefined,
    351,
    undefined,
  ])
})

test('a judgement changes nothing', () => {
  const frozen = { directions: ['minimize'] as const, space: [], trials: [] }
  for (const name of ['median', 'asha', 'hyperband', 'wilcoxon']) {
    const stopper = makeStopper({ name }, 'minimize')
    replay(
      [flat(20, 1), flat(20, 0), flat(20, 2), flat(20, 2)],
      {
        judge: (study, trial) => {
          const before = structuredClone({ ...frozen, trials: study.trials })
          const decision = stopper.judge(study, trial)
          expect(study.trials).toEqual(before.trials)
          expect(stopper.judge(study, trial)).toEqual(decision)
          return decision
        },
      },
      { direction: 'minimize', jobs: 2 },
    )
  }
})

test('patience makes the stopper that it wraps, with its fields, and passes its rungs on', () => {
  const stopper = makeStopper(
    { name: 'patience', patience: 0, stopper: { name: 'asha', minimumResource: 1 } },
    'minimize',
  )
  const recorded = [
    flat(6, 0),
    {
      ...flat(6, 1),
      reports: [
        [1, 1],
        [2, 2],
        [3, 3],
      ] as const,
    },
  ]
  const trials = replay(recorded, stopper, { direction: 'minimize', jobs: 1 })
  expect(trials.map(({ state }) => state)).toEqual(['complete', 'complete'])
  expect(Object.keys(trials[1]!.systemAttributes)).toEqual(['completed_rung_0'])
  expect(() =>
    makeStopper({ name: 'patience', patience: 1, stopper: { name: 'asha', reductionFactor: 0 } }, 'minimize'),
  ).toThrow(/stopper asha: reductionFactor is 0/)
})

test('wilcoxon stops nobody whose mean is as good as that of the best trial, however sure the test is', () => {
  const stopper = makeStopper({ name: 'wilcoxon', pThreshold: 0.2 }, 'minimize')
  // After three reports p is 1/8, and both means are 3; after four the mean is worse.
  const best: RecordedTrial = { reports: [0, 0, 0, 12].map((value, step) => [step, value] as const), value: 0 }
  const other: RecordedTrial = { reports: [3, 3, 3, 99].map((value, step) => [step, value] as const), value: 1 }
  const [, judged] = replay([best, other], stopper, { direction: 'minimize', jobs: 1 })
  expect([judged!.state, judged!.intermediate.size]).toEqual(['pruned', 4])
})
