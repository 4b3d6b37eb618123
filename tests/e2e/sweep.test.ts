// Sweeps as a person runs them: real processes for every trial, Ctrl-C, SIGKILL, failing trials, a retry, an export.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openStudy, type Trial } from '@mixlab/studies'
import { expect, test, vi } from 'vitest'
import { mixlab, onlyRun, start, temporaryFolder } from './mixlab.ts'

const valley = join(import.meta.dirname, 'fixtures/valley.ts')

const sweep = (runs: string, ...flags: string[]) => mixlab(['sweep', valley, '--runs', runs, '--no-report', ...flags])

async function trialsOf(runs: string): Promise<readonly Trial[]> {
  const study = await openStudy({ path: join(onlyRun(runs), 'journal.log'), name: 'sweep' })
  return study.trials
}

const eventsOf = (runs: string, part: string): { type: string; step?: number; metrics?: { loss: number } }[] =>
  readFileSync(join(onlyRun(runs), 'children', part, 'events.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; step?: number; metrics?: { loss: number } })

test('a grid runs every point once, and the best one is the best', async () => {
  const runs = temporaryFolder()
  const result = await sweep(
    runs,
    '--over',
    'x=-1..1:step=0.5',
    '--over',
    'shape=plain,flat',
    '--sampler',
    'grid',
    '--jobs',
    '2',
  )
  expect(result.stderr).not.toContain('mixlab:')
  expect(result.code).toBe(0)
  const trials = await trialsOf(runs)
  expect(trials.map(({ state }) => state)).toEqual(Array(10).fill('complete'))
  const points = trials.map(({ parameters }) => JSON.stringify([parameters['x'], parameters['shape']]))
  expect(new Set(points).size).toBe(10)
  for (const { parameters, values, intermediate } of trials) {
    const bottom = (Number(parameters['x']) - 0.3) ** 2 + 1 + (parameters['shape'] === 'flat' ? 1 : 0) + 0.011
    expect(values![0]).toBeCloseTo(bottom + 0.1, 12)
    expect([...intermediate.keys()]).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  }
  const best = await mixlab(['sweep', 'best', 'latest', '--runs', runs, '--json'])
  expect(JSON.parse(best.stdout)).toMatchObject([{ parameters: { x: 0.5, shape: 'plain' } }])
  const table = await mixlab(['sweep', 'export', '--runs', runs])
  expect(table.stdout.trimEnd().split('\n')).toHaveLength(11)
  expect(table.stdout).toMatch(/^trial,state,validationLoss,x,shape,seconds,reports,reason,run\n0,complete,/)
})

test('seeds are averaged; only finalists are run with all of them', async () => {
  const runs = temporaryFolder()
  const flags = ['--over', 'x=0..4:step=1', '--sampler', 'grid', '--seeds', '3', '--finalists', '2', '--seed', '5']
  expect((await sweep(runs, ...flags)).code).toBe(0)
  const trials = await trialsOf(runs)
  expect(trials).toHaveLength(7)
  const final = trials.slice(5)
  expect(final.map(({ parameters }) => parameters['x'])).toEqual([0, 1])
  const seeds = final[0]!.userAttributes['mixlab:seeds'] as number[][]
  // The valley adds 0.001 · seed.
  expect(seeds.map(([value]) => value! - seeds[0]![0]!).map((value) => Number(value.toFixed(9)))).toEqual([
    0, 0.001, 0.002,
  ])
  expect(final[0]!.values![0]).toBeCloseTo((seeds[0]![0]! + seeds[1]![0]! + seeds[2]![0]!) / 3, 12)
  expect(trials[0]!.values![0]).toBe(seeds[0]![0])
})

test('a stopper ends trials early, and says so in the store', async () => {
  const runs = temporaryFolder()
  const flags = ['--over', 'x=0..4:step=0.25', '--sampler', 'random', '--trials', '12', '--set', 'pace=5']
  const result = await sweep(runs, ...flags, '--stopper', 'median', '--stopper-set', 'startupTrials=3')
  expect(result.code).toBe(0)
  const trials = await trialsOf(runs)
  const pruned = trials.filter(({ state }) => state === 'pruned')
  expect(pruned.length).toBeGreaterThan(2)
  for (const { intermediate, values } of pruned) {
    expect(intermediate.size).toBeLessThan(20)
    expect(values).toEqual([[...intermediate.values()].at(-1)])
  }
})

test('conditions: a parameter exists only under its choice', async () => {
  const runs = temporaryFolder()
  const flags = ['--over', 'shape=plain,rough', '--over', 'y=-2..0@shape=rough', '--sampler', 'random', '--trials', '8']
  expect((await sweep(runs, ...flags)).code).toBe(0)
  for (const { parameters } of await trialsOf(runs)) {
    expect(Object.keys(parameters)).toEqual(parameters['shape'] === 'rough' ? ['shape', 'y'] : ['shape'])
  }
})

test('the order of a list is a dimension', async () => {
  const runs = temporaryFolder()
  expect((await sweep(runs, '--over', 'order=permute(a,b,c)', '--sampler', 'grid')).code).toBe(0)
  const trials = await trialsOf(runs)
  expect(trials).toHaveLength(6)
  const orders = trials.map(({ number }) => {
    const path = join(onlyRun(runs), 'children', `trial-000${number}`, 'run.json')
    return (JSON.parse(readFileSync(path, 'utf8')) as { config: { order: string[] } }).config.order.join('')
  })
  expect(orders.toSorted()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba'])
})

test('a budget holds while a dimension moves; what cannot meet it is reported', async () => {
  const runs = temporaryFolder()
  // Active parameters are 100 · level · steps: at 1,200 level 5 has no whole number of steps within 2 %.
  const flags = ['--over', 'level=1..6', '--budget', 'activeParameters=1200:steps', '--sampler', 'grid']
  const result = await sweep(runs, ...flags)
  expect(result.code).toBe(0)
  const trials = await trialsOf(runs)
  const run = trials.filter(({ state }) => state === 'complete')
  expect(run.map(({ parameters, intermediate }) => Number(parameters['level']) * intermediate.size)).toEqual(
    Array(run.length).fill(12),
  )
  expect(run.map(({ parameters }) => parameters['level'])).toEqual([1, 2, 3, 4, 6])
  const [infeasible] = trials.filter(({ state }) => state === 'failed')
  const best = await mixlab(['sweep', 'best', '--runs', runs])
  expect(best.stdout).toMatch(/mixlab run .*--set level=1 --set steps=12/)
  expect(infeasible?.systemAttributes['mixlab:infeasible']).toMatch(/no steps meets activeParameters 1,200 within 2 %/)
})

test('what one trial dies of does not end the sweep; failed trials are run again', async () => {
  const runs = temporaryFolder()
  const flags = ['--over', 'x=0..4:step=1', '--sampler', 'grid', '--set', 'brittle=2.5', '--set', 'way=exit']
  const result = await sweep(runs, ...flags)
  expect(result.code).toBe(0)
  expect(result.stderr).toMatch(/✗ trial 3 .*ended with 7: trial-0003: .*; see logs\/trial-0003.log/)
  let trials = await trialsOf(runs)
  expect(trials.map(({ state }) => state)).toEqual(['complete', 'complete', 'complete', 'failed', 'failed'])
  const again = await mixlab(['sweep', 'retry', 'latest', '--failed', '--runs', runs, '--no-report'])
  expect(again.code).toBe(0)
  trials = await trialsOf(runs)
  expect(trials.slice(5).map(({ state, parameters }) => [state, parameters['x']])).toEqual([
    ['failed', 3],
    ['failed', 4],
  ])
  const more = await mixlab(['sweep', 'resume', 'latest', '--runs', runs, '--no-report'])
  expect(more.code).toBe(2)
  expect(more.stderr).toMatch(/the sweep has finished: give it more trials/)
})

test('a sweep whose trials all fail stops early, with the reason', async () => {
  const runs = temporaryFolder()
  const result = await sweep(runs, '--over', 'x=1..4:step=0.1', '--trials', '20', '--set', 'brittle=0')
  expect(result.code).toBe(2)
  expect(result.stderr).toMatch(
    /mixlab: the first 3 trials all failed, so the sweep has stopped: x is [\d.]+, and that is too much/,
  )
  expect(await trialsOf(runs)).toHaveLength(3)
})

test('NaN is a failed trial; an objective that nothing carries lists what there is', async () => {
  const runs = temporaryFolder()
  const flags = ['--over', 'x=0..4:step=1', '--sampler', 'grid', '--set', 'brittle=3.5', '--set', 'way=nan']
  const nan = await sweep(runs, ...flags)
  expect(nan.code).toBe(0)
  expect(nan.stderr).toContain('objective validationLoss is NaN')
  const other = temporaryFolder()
  const missing = await sweep(other, '--over', 'x=0..1', '--trials', '5', '--objective', 'validationLos')
  expect(missing.code).toBe(2)
  expect(missing.stderr).toMatch(/objective validationLos: .*Did you mean .*validationLoss\?/)
  expect(await trialsOf(other)).toHaveLength(1)
})

test('Ctrl-C leaves the running trials resumable; each step is there once', async () => {
  const runs = temporaryFolder()
  const started = start([
    'sweep',
    valley,
    '--over',
    'x=0..4:step=1',
    '--sampler',
    'grid',
    '--set',
    'pace=100',
    '--jobs',
    '2',
    '--runs',
    runs,
    '--no-report',
  ])
  await vi.waitFor(() => expect(eventsOf(runs, 'trial-0000').length).toBeGreaterThan(4), {
    timeout: 60_000,
    interval: 100,
  })
  started.process.kill('SIGINT')
  const result = await started.finished
  expect(result.code).toBe(130)
  expect(result.stderr).toMatch(/interrupted; go on with: mixlab sweep resume/)
  const running = (await trialsOf(runs)).filter(({ state }) => state === 'running')
  expect(running.length).toBeGreaterThan(0)
  expect((await mixlab(['sweep', 'resume', '--runs', runs, '--no-report'])).code).toBe(0)
  const trials = await trialsOf(runs)
  expect(trials.map(({ state }) => state)).toEqual(Array(5).fill('complete'))
  for (const { number } of trials) {
    const steps = eventsOf(runs, `trial-000${number}`).flatMap(({ type, step }) =>
      type === 'eval.result' ? [step] : [],
    )
    expect(steps).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  }
})

test('a script can define its sweep', async () => {
  const runs = temporaryFolder()
  const folder = temporaryFolder(join(import.meta.dirname, 'fixtures'))
  const script = join(folder, 'sweep.ts')
  writeFileSync(
    script,
    `import { choice, float } from '@mixlab/studies'
import { defineSweep } from '@mixlab/sweeps'
import valley from '../valley.ts'
export default defineSweep({
  experiment: valley,
  space: { x: float(0, 1), shape: choice(['plain', 'flat']) },
  objective: ['validationLoss', 'cost'],
  trials: 4,
  enqueue: [{ x: 0.3, shape: 'plain' }],
})
`,
  )
  const result = await mixlab(['sweep', script, '--runs', runs, '--no-report'])
  expect(result.stderr).not.toContain('mixlab:')
  expect(result.code).toBe(0)
  const trials = await trialsOf(runs)
  expect(trials).toHaveLength(4)
  expect(trials[0]?.parameters).toEqual({ x: 0.3, shape: 'plain' })
  expect(trials[0]?.values).toHaveLength(2)
})

test('population-based training solves the toy problem of its paper, which no member can alone', async () => {
  const runs = temporaryFolder()
  const script = join(import.meta.dirname, 'fixtures/toy-population.ts')
  const flags = ['--over', 'h0=0..1', '--over', 'h1=0..1', '--objective', 'toy.q:max', '--seed', '2', '--jobs', '2']
  const population = 'size=4,interval=20,generations=6,resample=0.5,quantile=0.5'
  const result = await mixlab([
    'sweep',
    script,
    ...flags,
    '--population',
    population,
    '--sampler',
    'random',
    '--runs',
    runs,
    '--no-report',
  ])
  expect(result.code, result.stderr).toBe(0)
  const trials = await trialsOf(runs)
  expect(trials).toHaveLength(24)
  const generations = Array.from({ length: 6 }, (_, index) => trials.slice(4 * index, 4 * index + 4))
  const best = generations.map((members) => Math.max(...members.map(({ values }) => values![0]!)))
  expect(best).toEqual(best.toSorted((a, b) => a - b))
  expect(best.at(-1)).toBeGreaterThan(1.1)
  for (const [index, members] of generations.entries()) {
    for (const { number, systemAttributes, intermediate } of members) {
      const stretch = systemAttributes['mixlab:stretch'] as { generation: number; parent?: number; stopAt: number }
      expect(stretch).toMatchObject({ generation: index, stopAt: 20 * (index + 1) })
      expect([...intermediate.keys()]).toEqual([20 * (index + 1)])
      if (index === 0) continue
      const before = generations[index - 1]!
      expect(before.map((parent) => parent.number)).toContain(stretch.parent)
      // It goes on with the better half's state.
      const ranked = before.toSorted((a, b) => b.values![0]! - a.values![0]!)
      const own = before.find((trial) => trial.number === number - 4)!
      if (ranked.indexOf(own) >= 2) expect(ranked.slice(0, 2).map((trial) => trial.number)).toContain(stretch.parent)
      else expect(stretch.parent).toBe(own.number)
    }
  }
})
