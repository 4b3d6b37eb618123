import { expect, test } from 'vitest'
import type { EventType, MixlabEvents, RunEvent } from '@mixlab/core'
import { liveView, loadBars } from '../src/live-view.ts'
import { duration, number, short, table } from '../src/text.ts'

const event = <T extends EventType>(type: T, data: MixlabEvents[T]): RunEvent =>
  ({ type, run: 'r', sequence: 0, time: 0, ...data }) as unknown as RunEvent

const step = (number: number, secondsLeft: number) =>
  event('train.step', {
    step: number,
    loss: 1.23456,
    losses: {},
    learningRate: 1,
    gradientNorm: 1,
    tokens: number,
    timing: { tokensPerSecond: 12_345, secondsLeft, bytes: 0 },
  })

const routing = (layer: number, load: number[]) =>
  event('mixture.routing', {
    step: 1,
    layer,
    router: 'top-k',
    members: load.map(String),
    load,
    entropy: 0.5,
    maxViolation: 0,
    dropped: 0,
  })

function screen(options: { isTTY: boolean; columns?: number }) {
  let text = ''
  return { ...options, write: (more: string) => (text += more), text: () => text }
}

test('on a terminal one line is redrawn, cut to its width, and removed at the end', async () => {
  const target = screen({ isTTY: true, columns: 100 })
  let now = 0
  const view = liveView(target, () => now)
  await view.write([
    event('train.started', { parameters: 1, activeParameters: 1, steps: 500, tokensPerStep: 1 }),
    step(40, 83),
  ])
  expect(target.text()).toBe('\r\u001B[2Kstep 40/500  loss 1.235  12.3k tok/s  1:23 left')
  await view.write([step(41, 82)])
  expect(target.text()).not.toContain('41/500')
  now = 200
  await view.write([routing(0, [0.5, 0.25, 0.25, 0]), routing(1, [0, 0.25, 0.25, 0.5]), step(42, 80)])
  expect(target.text()).toContain('step 42/500  loss 1.235  12.3k tok/s  1:20 left  load ▅▅▅▅  entropy 0.50')
  await view.write([event('warning', { message: 'look out' })])
  expect(target.text()).toContain('look out\n')
  await view.close?.()
  expect(target.text().endsWith('\u001B[2K') || target.text().endsWith('\n')).toBe(true)
  const narrow = screen({ isTTY: true, columns: 20 })
  await liveView(narrow, () => 0).write([step(1, 1)])
  expect(narrow.text()).toBe('\r\u001B[2Kstep 1  loss 1.235 ')
})

test('children are counted, and the time left is that of all of them', async () => {
  const target = screen({ isTTY: false })
  let now = 0
  const view = liveView(target, () => now)
  const child = (index: number) => event('child.started', { name: `arm ${index}`, child: 'c', index, total: 3 })
  await view.write([child(0)])
  now = 60_000
  await view.write([
    step(5, 20),
    event('child.finished', { name: 'arm 0', child: 'c', status: 'finished' }),
    child(1),
    step(1, 30),
  ])
  const lines = target.text().split('\n')
  expect(lines[0]).toBe('1/3 arm 0')
  expect(lines[1]).toMatch(/1\/3 arm 0 {2}loss 1.235 {2}1:00$/)
  // 30 s of this child and one more child of a minute.
  expect(lines.at(-2)).toBe('2/3 arm 1  step 1  loss 1.235  12.3k tok/s  1:30 left')
})

test('load bars: half height is a fair share, full height twice it or more', () => {
  expect(loadBars([0.25, 0.25, 0.25, 0.25])).toBe('▅▅▅▅')
  expect(loadBars([1, 0, 0, 0])).toBe('█▁▁▁')
})

test('numbers, durations and tables', () => {
  expect([0.333333, 12.3456, 1234.5, 1e-5, 2, Number.NaN].map(number)).toEqual([
    '0.3333',
    '12.35',
    '1,235',
    '1.00e-5',
    '2',
    'NaN',
  ])
  expect([950, 12_345, 4.5e6, 999_999].map(short)).toEqual(['950', '12.3k', '4.5M', '1M'])
  expect([7, 200, 3723, 273_600, Number.NaN].map(duration)).toEqual(['0:07', '3:20', '1:02:03', '3 d 4 h', '?'])
  expect(
    table(
      ['name', 'n'],
      [
        ['long name', '1'],
        ['x', '20'],
      ],
    )
      .split('\n')
      .slice(1),
  ).toEqual(['long name   1', 'x          20'])
})
