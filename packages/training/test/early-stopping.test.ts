// Early stopping by hand: which numbers it finds in events, what counts as an improvement, and when patience runs out.
import { expect, test } from 'vitest'
import { metricsOf } from '@mixlab/core'
import { earlyStoppingConfig } from '../src/config.ts'
import { createEarlyStopping, type EarlyStoppingState } from '../src/early-stopping.ts'

const stopping = (config: object = {}, initial?: EarlyStoppingState) =>
  createEarlyStopping(earlyStoppingConfig.parse({ metric: 'm', ...config }), initial)

/** What is said after each value. */
const said = (config: object, values: readonly number[]): boolean[] => {
  const subject = stopping(config)
  return values.map((m) => subject.observe({ m }))
}

test.each([
  ['falling values go on', { patience: 1 }, [3, 2, 1], [false, false, false]],
  ['patience 1 stops at the first that does not', { patience: 1 }, [3, 2, 2], [false, false, true]],
  ['an improvement resets the count', { patience: 2 }, [3, 4, 2, 3, 1, 2, 2], [...Array(6).fill(false), true]],
  ['what counts is the best, not the last', { patience: 2 }, [3, 5, 4], [false, false, true]],
  ['mode max', { patience: 2, mode: 'max' }, [1, 2, 1, 1], [false, false, false, true]],
  ['minDelta has to be exceeded', { patience: 1, minDelta: 0.5 }, [3, 2.5], [false, true]],
  ['and is', { patience: 1, minDelta: 0.5 }, [3, 2.25, 1.5], [false, false, false]],
  ['in mode max, too', { patience: 1, minDelta: 0.5, mode: 'max' }, [1, 1.75, 2.25], [false, false, true]],
  ['small steps add up against the best', { patience: 3, minDelta: 0.5 }, [3, 2.75, 2.5, 2.25], Array(4).fill(false)],
  ['a NaN is no improvement', { patience: 2 }, [3, NaN, NaN], [false, false, true]],
  ['not as the first value either', { patience: 2 }, [NaN, 3, 2], [false, false, false]],
  ['nothing but NaN stops', { patience: 2 }, [NaN, NaN], [false, true]],
  ['an infinity is no improvement', { patience: 2 }, [Infinity, 3, 4, Infinity], [false, false, false, true]],
] as const)('%s', (_, config, values, wanted) => {
  expect(said(config, values)).toEqual(wanted)
})

test('it stays stopped until there is an improvement', () => {
  expect(said({ patience: 1 }, [1, 2, 2])).toEqual([false, true, true])
})

test('other metrics are not its business', () => {
  const subject = stopping({ patience: 1 })
  expect([subject.observe({ other: 1 }), subject.seen]).toEqual([false, false])
  expect([subject.observe({ m: 1, other: 5 }), subject.seen]).toEqual([false, true])
  expect(subject.observe({ other: 9 })).toBe(false)
  expect(subject.state).toEqual({ best: 1, waited: 0 })
})

test('a value that was not a number has not been seen', () => {
  const subject = stopping({ patience: 5 })
  subject.observe({ m: NaN })
  expect([subject.seen, subject.state]).toEqual([false, { best: null, waited: 1 }])
})

test('it goes on from its state, through JSON', () => {
  const values = [5, 4, 6, 3, 7, 7, 7]
  const whole = stopping({ patience: 3 })
  const wanted = values.map((m) => whole.observe({ m }))
  expect(wanted).toEqual([...Array<boolean>(6).fill(false), true])
  for (let cut = 0; cut <= values.length; cut++) {
    const first = stopping({ patience: 3 })
    const before = values.slice(0, cut).map((m) => first.observe({ m }))
    const state = JSON.parse(JSON.stringify(first.state)) as EarlyStoppingState
    const second = stopping({ patience: 3 }, state)
    expect(second.seen).toBe(cut > 0)
    expect([...before, ...values.slice(cut).map((m) => second.observe({ m }))]).toEqual(wanted)
    expect(second.state).toEqual(whole.state)
  }
})

test('the numbers of events by name', () => {
  const step = { step: 4, loss: 2, losses: { crossEntropy: 1.5, balance: 1 }, learningRate: 0.1, tokens: 64 }
  expect(metricsOf('train.step', { ...step, gradientNorm: 0.7 })).toEqual({
    'train.loss': 2,
    'train.crossEntropy': 1.5,
    'train.balance': 1,
    'train.gradientNorm': 0.7,
  })
  const routing = { step: 4, router: 'top-k', members: ['a', 'b'], load: [0.5, 0.5], entropy: 1 }
  expect(metricsOf('mixture.routing', { ...routing, layer: 3, maxViolation: 0, dropped: 0.25 })).toEqual({
    'routing.3.entropy': 1,
    'routing.3.maxViolation': 0,
    'routing.3.dropped': 0.25,
  })
  expect(metricsOf('eval.result', { step: 4, evaluator: 'validation', metrics: { loss: 1, perplexity: 2.7 } })).toEqual(
    { 'validation.loss': 1, 'validation.perplexity': 2.7 },
  )
  expect(metricsOf('checkpoint.saved', { step: 4, path: 'x' })).toEqual({})
})
