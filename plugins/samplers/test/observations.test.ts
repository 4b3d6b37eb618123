import type { Space } from '@mixlab/studies'
import { expect, it } from 'vitest'
import { columnsOf } from '../src/tpe/observations.ts'
import { trial } from './fixtures.ts'

const space: Space = [
  { name: 'rate', distribution: { kind: 'float', low: 0, high: 1 } },
  { name: 'router', distribution: { kind: 'categorical', choices: ['a', 'b'] } },
]
const rowsOf = (trials: Parameters<typeof columnsOf>[0]) => {
  const columns = columnsOf(trials, space, new WeakMap())
  return trials.map((_, t) => columns.map((column) => column[t]))
}

it('takes what the space knows: numbers, and the places of choices', () => {
  expect(
    rowsOf([
      trial(0, { parameters: { rate: 0.5, router: 'b' } }),
      trial(1, { parameters: { rate: 0.5 } }),
      trial(2, { parameters: { rate: 7, router: 'c' } }),
    ]),
  ).toEqual([
    [0.5, 1],
    [0.5, NaN],
    [NaN, NaN],
  ])
})

it('reads what Optuna’s running workers share in pieces, while it is whole', () => {
  const text = JSON.stringify({ rate: 0.25, router: 'b' })
  const running = (pieces: readonly string[]) =>
    trial(0, {
      state: 'running',
      parameters: { router: 'a' },
      systemAttributes: Object.fromEntries(pieces.map((piece, i) => [`tpe:relative_params:${i}`, piece])),
    })
  expect(rowsOf([running([text.slice(0, 9), text.slice(9)])])).toEqual([[0.25, 0]])
  expect(rowsOf([running([text.slice(0, 9)])])).toEqual([[NaN, 0]])
})

it('sees a running trial as it is now', () => {
  const rows: Parameters<typeof columnsOf>[2] = new WeakMap()
  const parameters: Record<string, number> = {}
  const running = trial(0, { state: 'running', parameters })
  expect(columnsOf([running], space, rows)[0]![0]).toBeNaN()
  parameters['rate'] = 0.5
  expect(columnsOf([running], space, rows)[0]![0]).toBe(0.5)
})
