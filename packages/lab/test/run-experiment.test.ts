import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeFields, interrupted, type RunEvent, withDefaults } from '@mixlab/core'
import { z } from 'zod'
import { defineExperiment, type EventSink, openRun, readEvents, runExperiment } from '../src/index.ts'
import { counting } from './fixtures/counting.ts'
import { temporaryFolder, timelessLines } from './fixtures/processes.ts'

const eventTypes = async (path: string) => {
  const types: string[] = []
  for await (const event of readEvents(path)) types.push(event.type)
  return types
}

test('a run leaves a complete directory', async () => {
  const runs = temporaryFolder()
  const { id, path, status, result } = await runExperiment(counting, {
    runs,
    set: ['steps=3', 'every=2'],
    seed: 5,
    name: 'first',
  })
  expect(status).toBe('finished')
  const record = await openRun(path)
  expect(record).toMatchObject({
    id,
    experiment: 'counting',
    name: 'first',
    summary: counting.summary,
    seed: 5,
    status: 'finished',
    result,
    engine: { name: 'none' },
    config: { steps: 3, every: 2, children: [] },
    children: [],
  })
  expect(record.machine.cores).toBeGreaterThan(0)
  expect(Date.parse(record.finishedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(record.startedAt))
  expect(await eventTypes(path)).toEqual([
    'run.started',
    'note',
    'train.started',
    'train.step',
    'train.step',
    'checkpoint.saved',
    'train.step',
    'checkpoint.saved',
    'run.finished',
  ])
})

test('one seed gives one log, apart from times; another gives another', async () => {
  const runs = temporaryFolder()
  const options = { runs, set: ['children=["a","b"]'] }
  const [a, b, c] = [
    await runExperiment(counting, { ...options, seed: 1 }),
    await runExperiment(counting, { ...options, seed: 1 }),
    await runExperiment(counting, { ...options, seed: 2 }),
  ]
  for (const inside of ['.', 'children/a', 'children/b']) {
    expect(await timelessLines(join(a.path, inside))).toEqual(await timelessLines(join(b.path, inside)))
  }
  expect(await timelessLines(join(a.path, 'children/a'))).not.toEqual(await timelessLines(join(c.path, 'children/a')))
})

test('what is wrong with the options is said before a directory is made', async () => {
  const runs = temporaryFolder()
  const run = (options: object) => runExperiment(counting, { runs, ...options })
  await expect(run({ set: ['stesp=3'] })).rejects.toThrow('counting: unknown field stesp. Did you mean steps?')
  await expect(run({ set: ['steps=many'] })).rejects.toThrow('counting: steps is "many", expected integer ≥ 1')
  await expect(run({ seed: -1 })).rejects.toThrow(/the seed is -1, expected a whole number/)
  await expect(run({ resume: 'nowhere' })).rejects.toThrow(/no run "nowhere"/)
  expect(readdirSync(runs)).toEqual([])
})

test('a misspelt field is found at any depth, through defaults', async () => {
  const inner = z.object({ width: z.int().default(4), deep: z.object({ a: z.number().default(1) }).prefault({}) })
  const experiment = defineExperiment({
    name: 'nested',
    engine: 'none',
    config: z.object({
      model: withDefaults(inner, { width: 8 }),
      free: z.looseObject({}).optional(),
      list: z
        .array(z.object({ a: z.number().default(1) }))
        .default([])
        .describe('Several'),
    }),
    run: ({ config }) => Promise.resolve({ width: config.model.width }),
  })
  const runs = temporaryFolder()
  expect((await runExperiment(experiment, { runs })).result).toEqual({ width: 8 })
  await expect(runExperiment(experiment, { runs, set: ['model.widht=3'] })).rejects.toThrow(
    /unknown field model.widht. Did you mean/,
  )
  await expect(runExperiment(experiment, { runs, set: ['model.deep.b=3'] })).rejects.toThrow(
    /unknown field model.deep.b/,
  )
  await expect(runExperiment(experiment, { runs, set: ['list=[{"b":3}]'] })).rejects.toThrow(/unknown field list.0.b/)
  expect(describeFields(experiment.config)).toContainEqual(
    expect.objectContaining({ path: 'list', description: 'Several' }),
  )
  expect((await runExperiment(experiment, { runs, set: ['free.anything=3'] })).status).toBe('finished')
})

test('a default that is an object gets the defaults inside it', async () => {
  const part = z.object({ a: z.number().default(1), b: z.number().default(2) })
  const config = z.object({ part: part.nullable().default({ a: 5 } as never) })
  const experiment = defineExperiment({
    name: 'inside',
    engine: 'none',
    config,
    run: ({ config: { part: given } }) => Promise.resolve({ ...given }),
  })
  expect((await runExperiment(experiment, { runs: temporaryFolder() })).result).toEqual({ a: 5, b: 2 })
})

test('a script that throws leaves a failed run with its events', async () => {
  const runs = temporaryFolder()
  let path = ''
  const run = runExperiment(counting, { runs, set: ['failAt=3'], onStart: (started) => (path = started.path) })
  await expect(run).rejects.toThrow('the script broke at step 3')
  expect(await openRun(path)).toMatchObject({ status: 'failed', error: 'the script broke at step 3' })
  expect((await eventTypes(path)).slice(-2)).toEqual(['train.step', 'run.finished'])
})

test('a result that is not plain data fails the run', async () => {
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  const experiment = defineExperiment({ name: 'circular', engine: 'none', run: () => Promise.resolve(circular) })
  await expect(runExperiment(experiment, { runs: temporaryFolder() })).rejects.toThrow(/not plain data/)
})

test('an interrupted run resumes to the same log as one that was not', async () => {
  const runs = temporaryFolder()
  const whole = await runExperiment(counting, { runs })
  const controller = new AbortController()
  const stopAt20: EventSink = {
    name: 'stop',
    write: (events) => {
      if (events.some((event) => event.type === 'checkpoint.saved' && event.step === 20)) controller.abort()
    },
  }
  const first = await runExperiment(counting, {
    runs,
    signal: controller.signal,
    sinks: [stopAt20],
    set: ['pauseMs=1'],
  })
  expect(first.status).toBe('interrupted')
  expect((await openRun(first.path)).status).toBe('interrupted')
  const second = await runExperiment(counting, { runs, resume: first.path })
  expect(second).toMatchObject({ id: first.id, path: first.path, status: 'finished', result: whole.result })
  const step = (line: string) => /"train.step"/.test(line)
  expect((await timelessLines(second.path)).filter(step)).toEqual((await timelessLines(whole.path)).filter(step))
  expect(await eventTypes(second.path)).toContain('run.resumed')
})

test('only a run that can go on is resumed', async () => {
  const runs = temporaryFolder()
  const { id, path } = await runExperiment(counting, { runs, set: ['steps=2'] })
  const resume = (options: object = {}) => runExperiment(counting, { runs, resume: id, ...options })
  await expect(resume()).rejects.toThrow(/has finished: there is nothing to resume/)
  const file = join(path, 'run.json')
  const text = readFileSync(file, 'utf8')
  writeFileSync(
    file,
    text.replace('"finished"', '"running"').replace(/"pid": \d+,\s+"host": "[^"]*"/, '"pid": 1, "host": "elsewhere"'),
  )
  await expect(resume()).rejects.toThrow(/is still running \(process 1 on elsewhere\)/)
  writeFileSync(file, text.replace('"finished"', '"interrupted"'))
  await expect(resume({ set: ['steps=9'] })).rejects.toThrow(/keeps its configuration/)
  await expect(resume({ seed: 9 })).rejects.toThrow(/keeps its seed/)
  writeFileSync(file, text.replace('"format": 1', '"format": 2'))
  await expect(resume()).rejects.toThrow(/another version of mixlab/)
  const other = defineExperiment({ name: 'other', engine: 'none', run: () => Promise.resolve() })
  writeFileSync(file, text)
  await expect(runExperiment(other, { runs, resume: id })).rejects.toThrow(/is a run of counting, not of other/)
})

test('a failed attempt to resume leaves the events as they were', async () => {
  const runs = temporaryFolder()
  let path = ''
  await expect(
    runExperiment(counting, { runs, set: ['failAt=15'], onStart: (run) => (path = run.path) }),
  ).rejects.toThrow()
  const before = readFileSync(join(path, 'events.jsonl'), 'utf8')
  writeFileSync(join(path, 'checkpoints/step-10/state.json'), '{')
  await expect(runExperiment(counting, { runs, resume: path })).rejects.toThrow()
  expect(readFileSync(join(path, 'events.jsonl'), 'utf8')).toBe(before)
  expect((await openRun(path)).status).toBe('failed')
})

test('children have directories, seeds and events of their own', async () => {
  const runs = temporaryFolder()
  const seen: RunEvent[] = []
  const sink: EventSink = { name: 'all', children: true, mustKeep: true, write: (events) => void seen.push(...events) }
  const { path, id, result } = await runExperiment(counting, {
    runs,
    set: ['children=["Top k","b"]', 'steps=2'],
    seed: 3,
    sinks: [sink],
  })
  const { children } = await openRun(path)
  expect(children.map((child) => [child.id, child.name, child.seed, child.index, child.parent])).toEqual([
    [`${id}/top-k`, 'Top k', 3, 0, id],
    [`${id}/b`, 'b', 4, 1, id],
  ])
  expect(result).toEqual({ 'Top k': children[0]?.result?.['value'], b: children[1]?.result?.['value'] })
  expect(new Set(seen.map((event) => event.run))).toEqual(new Set([id, `${id}/top-k`, `${id}/b`]))
  expect(await eventTypes(path)).toEqual([
    'run.started',
    'child.started',
    'child.finished',
    'child.started',
    'child.finished',
    'run.finished',
  ])
})

test('after an interruption finished children are not run again, an unfinished one goes on', async () => {
  const runs = temporaryFolder()
  const set = ['children=["a","b","c"]']
  const whole = await runExperiment(counting, { runs, set })
  const controller = new AbortController()
  const stop: EventSink = {
    name: 'stop',
    children: true,
    write: (events) => {
      if (events.some((event) => event.run.endsWith('/b') && event.type === 'checkpoint.saved' && event.step === 20))
        controller.abort()
    },
  }
  const first = await runExperiment(counting, {
    runs,
    set: [...set, 'pauseMs=0.1'],
    signal: controller.signal,
    sinks: [stop],
  })
  expect(first.status).toBe('interrupted')
  expect((await openRun(first.path)).children.map((child) => child.status)).toEqual(['finished', 'interrupted'])
  const finishedChild = readFileSync(join(first.path, 'children/a/events.jsonl'), 'utf8')
  const second = await runExperiment(counting, { runs, resume: first.path })
  expect(second.result).toEqual(whole.result)
  expect(readFileSync(join(first.path, 'children/a/events.jsonl'), 'utf8')).toBe(finishedChild)
  expect(await eventTypes(join(first.path, 'children/b'))).toContain('run.resumed')
  expect(await timelessLines(first.path)).toEqual(
    (await timelessLines(whole.path)).map((line) => line.replace('"pauseMs":0,', '"pauseMs":0.1,')),
  )
})

test('two children of one name, and a name without letters, are errors', async () => {
  const twins = (names: string[]) =>
    defineExperiment({
      name: 'twins',
      engine: 'none',
      run: async (run) => {
        for (const name of names) await run.child(name, { config: {} }, () => Promise.resolve({}))
      },
    })
  const runs = temporaryFolder()
  await expect(runExperiment(twins(['a b', 'a-b']), { runs })).rejects.toThrow(/two child runs are called a-b/)
  await expect(runExperiment(twins(['..']), { runs })).rejects.toThrow(/at least one letter or digit/)
  expect(existsSync(join(runs, 'children'))).toBe(false)
})

test('a child that is interrupted interrupts its parent', async () => {
  const experiment = defineExperiment({
    name: 'stops',
    engine: 'none',
    run: async (run) => {
      await run.child('a', { config: {} }, () => Promise.reject(interrupted()))
    },
  })
  const { status, path } = await runExperiment(experiment, { runs: temporaryFolder() })
  expect(status).toBe('interrupted')
  expect((await openRun(path)).children[0]?.status).toBe('interrupted')
})
