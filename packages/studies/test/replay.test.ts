import { expect, test } from 'vitest'
import { type RecordedTrial, replay, type Stopper } from '../src/index.ts'

const never: Stopper = { judge: () => ({ stop: false }) }
const curve = (...values: readonly number[]): RecordedTrial => ({
  reports: values.map((value, step) => [step, value]),
  value: values.at(-1)!,
})

/** Which trial reported, in order. */
function order(recorded: readonly RecordedTrial[], jobs: number, stopper = never): string {
  let seen = ''
  const judge: Stopper['judge'] = (study, trial) => {
    seen += trial.number
    return stopper.judge(study, trial)
  }
  replay(recorded, { judge }, { direction: 'minimize', jobs })
  return seen
}

test('as many as there are jobs take turns, and the next one starts when one ends', () => {
  const recorded = [curve(1, 1), curve(1, 1, 1), curve(1, 1), curve(1)]
  expect(order(recorded, 1)).toBe('00111223')
  expect(order(recorded, 2)).toBe('01012123')
  expect(order(recorded, 9)).toBe('01230121')
})

test('a trial without a value fails, one without reports ends at once, a stopped one is pruned', () => {
  const stopper: Stopper = {
    judge: (_study, { number, intermediate }) => ({ stop: number === 2 && intermediate.size === 2 }),
  }
  const recorded = [{ reports: [[0, 1]] as const }, { reports: [], value: 5 }, curve(1, 2, 3), curve(1, 2)]
  const trials = replay(recorded, stopper, { direction: 'minimize', jobs: 2 })
  expect(trials.map(({ state, values, intermediate }) => [state, values, intermediate.size])).toEqual([
    ['failed', undefined, 1],
    ['complete', [5], 0],
    ['pruned', undefined, 2],
    ['complete', [2], 2],
  ])
})

test('a stopper sees the study with the running trials, steps ascending, and the attributes that it gave', () => {
  const stopper: Stopper = {
    judge: ({ trials }, trial) => {
      expect(trials[trial.number]).toBe(trial)
      expect([...trial.intermediate.keys()]).toEqual([...trial.intermediate.keys()].toSorted((a, b) => a - b))
      expect(Object.keys(trial.systemAttributes)).toHaveLength(trial.intermediate.size - 1)
      return { stop: false, attributes: { [`seen_${trial.intermediate.size}`]: true } }
    },
  }
  const recorded = [
    {
      reports: [
        [5, 1],
        [2, 2],
        [9, 3],
      ] as const,
      value: 1,
    },
    curve(1, 2),
  ]
  const [first] = replay(recorded, stopper, { direction: 'minimize', jobs: 2 })
  expect([...first!.intermediate]).toEqual([
    [2, 2],
    [5, 1],
    [9, 3],
  ])
  expect(first!.systemAttributes).toEqual({ seen_1: true, seen_2: true, seen_3: true })
})
