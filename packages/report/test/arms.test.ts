import { describe, expect, it } from 'vitest'
import { differingFields, flatten, groupArms, type Run } from '../src/arms.ts'
import { collectSeries } from '../src/series.ts'

const series = await collectSeries([])

interface Given {
  readonly name?: string
  readonly seed: number
  readonly config: unknown
  readonly root?: string
  readonly engine?: string
  readonly precision?: string
}

function run({ name, seed, config, root, engine = 'cpu', precision }: Given, i: number): Run {
  const record = {
    format: 1 as const,
    id: `20261124-051530-${String(i).padStart(4, 'a')}`,
    experiment: 'bakeoff',
    ...(name !== undefined && { name }),
    config,
    seed,
    status: 'finished' as const,
    engine: { name: engine },
    ...(precision !== undefined && { precision }),
    machine: { processor: 'p', cores: 2, memoryBytes: 1, platform: 'linux', host: 'h' },
    versions: { mixlab: '0', node: '24' },
    startedAt: '2026-11-24T05:15:30.000Z',
    process: { pid: 1, host: 'h' },
    path: `/runs/${i}`,
    children: [],
  }
  const parent = { ...record, id: root ?? record.id, path: root ?? record.path }
  return { record, root: parent, series }
}

const labels = (given: readonly Given[]): string[] =>
  groupArms(given.map(run)).map((arm) => `${arm.label}: ${arm.runs.map((one) => one.record.seed).join(' ')}`)

describe('groupArms', () => {
  it('takes runs that differ only by seed as repetitions, whatever the order of their keys', () => {
    expect(
      labels([
        { name: 'top-2-seed-2', seed: 2, config: { router: 'top', k: 2 }, root: '/r' },
        { name: 'top-2-seed-1', seed: 1, config: { k: 2, router: 'top', seed: 1 }, root: '/r' },
        { name: 'top-1-seed-1', seed: 1, config: { router: 'top', k: 1 }, root: '/r' },
        { name: 'top-1-seed-2', seed: 2, config: { router: 'top', k: 1 }, root: '/r' },
      ]),
    ).toEqual(['top-2: 1 2', 'top-1: 1 2'])
  })

  it('keeps runs of one seed apart: they are not repetitions', () => {
    const config = { router: 'top' }
    expect(
      labels([
        { seed: 1, config, name: 'before' },
        { seed: 1, config, name: 'after' },
      ]),
    ).toEqual(['before: 1', 'after: 1'])
    expect(
      labels([
        { seed: 1, config, name: 'a-seed-1', root: '/x-one' },
        { seed: 2, config, name: 'a-seed-2', root: '/x-one' },
        { seed: 1, config, name: 'a-seed-1', root: '/x-two' },
        { seed: 2, config, name: 'a-seed-2', root: '/x-two' },
      ]),
    ).toEqual(['a (one): 1 2', 'a (two): 1 2'])
  })

  it('keeps engines apart', () => {
    expect(
      labels([
        { seed: 1, config: {}, engine: 'cpu' },
        { seed: 2, config: {}, engine: 'cuda' },
      ]),
    ).toHaveLength(2)
  })

  it('keeps precisions apart, and names arms by them; a run from before there was a choice was float32', () => {
    expect(
      labels([
        { seed: 1, config: { lr: 0.1 }, precision: 'float32' },
        { seed: 1, config: { lr: 0.1 }, precision: 'bf16' },
        { seed: 2, config: { lr: 0.1 }, precision: 'bf16' },
      ]),
    ).toEqual(['precision=float32: 1', 'precision=bf16: 1 2'])
    expect(
      labels([
        { seed: 1, config: { lr: 0.1 } },
        { seed: 2, config: { lr: 0.1 }, precision: 'float32' },
      ]),
    ).toHaveLength(1)
  })

  it('names unnamed runs by what differs', () => {
    expect(
      labels([
        { seed: 1, config: { model: { k: 1 }, lr: 0.1 } },
        { seed: 1, config: { model: { k: 2 }, lr: 0.1 } },
      ]),
    ).toEqual(['k=1: 1', 'k=2: 1'])
  })

  it('does not cut a number that is not the seed, nor one that is the whole name', () => {
    expect(labels([{ name: 'top-2', seed: 1, config: {}, root: '/r' }])).toEqual(['top-2: 1'])
    expect(labels([{ name: 'top-2', seed: 2, config: {}, root: '/r' }])).toEqual(['top-2: 2'])
    expect(labels([{ name: '7', seed: 7, config: {}, root: '/r' }])).toEqual(['7: 7'])
  })
})

it('flattens configurations and finds the fields that differ', () => {
  expect([...flatten({ b: { c: [1, 2], d: {} }, a: null })]).toEqual([
    ['a', null],
    ['b.c', [1, 2]],
    ['b.d', {}],
  ])
  expect(differingFields([{ m: null }, { m: { k: 1, e: 0 } }, { m: { k: 2, e: 0 } }])).toEqual(['m.k'])
  expect(differingFields([{ m: null }, { m: { k: 1 } }])).toEqual(['m', 'm.k'])
  expect(differingFields([{ a: 1, b: { c: [1] }, seed: 1 }, { a: 1, b: { c: [2] }, seed: 2 }, { a: 1 }])).toEqual([
    'b.c',
  ])
})
