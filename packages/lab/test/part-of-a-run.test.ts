// A run that another process makes for a run: it lies in the parent's `children/`, is read as its child, returns its result
// when it is asked for again, and goes on where it was interrupted.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { defineExperiment, openRun, reopenRun, runExperiment } from '../src/index.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'mixlab-part-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const parentOf = async (runs: string) =>
  (await runExperiment(defineExperiment({ name: 'parent', engine: 'none', run: async () => ({}) }), { runs })).path

test('a part is a child of its parent, and is made once', async () => {
  let times = 0
  const experiment = defineExperiment({
    name: 'part',
    engine: 'none',
    config: z.strictObject({ x: z.number().default(1) }),
    run: async (run) => ({ times: ++times, x: run.config.x }),
  })
  const parent = await parentOf(folder())
  const part = { parent, name: 'trial-0003', index: 3 }
  const first = await runExperiment(experiment, { part, config: { x: 2 }, seed: 5 })
  expect(first).toMatchObject({
    status: 'finished',
    path: join(parent, 'children', 'trial-0003'),
    result: { times: 1, x: 2 },
  })
  expect(await runExperiment(experiment, { part, config: { x: 2 }, seed: 5 })).toEqual(first)
  expect(times).toBe(1)
  const record = await openRun(parent)
  expect(record.children).toMatchObject([{ id: `${record.id}/trial-0003`, parent: record.id, index: 3, seed: 5 }])
})

test('an interrupted part goes on; with another configuration or seed it is refused', async () => {
  const stop = new AbortController()
  const experiment = defineExperiment({
    name: 'part',
    engine: 'none',
    config: z.strictObject({ x: z.number().default(1) }),
    async run(run) {
      if (!run.resumed) stop.abort()
      run.signal.throwIfAborted()
      return { resumed: run.resumed }
    },
  })
  const parent = await parentOf(folder())
  const part = { parent, name: 'trial-0000' }
  expect((await runExperiment(experiment, { part, signal: stop.signal })).status).toBe('interrupted')
  await expect(runExperiment(experiment, { part, config: { x: 2 } })).rejects.toThrow(/another configuration, seed/)
  await expect(runExperiment(experiment, { part, seed: 2 })).rejects.toThrow(/another configuration, seed/)
  expect((await runExperiment(experiment, { part })).result).toEqual({ resumed: true })
})

test('a run that has ended can be reopened with a changed configuration', async () => {
  const experiment = defineExperiment({
    name: 'again',
    engine: 'none',
    config: z.strictObject({ trials: z.number().default(1) }),
    run: async (run) => ({ trials: run.config.trials }),
  })
  const runs = folder()
  const { path } = await runExperiment(experiment, { runs })
  await expect(runExperiment(experiment, { runs, resume: path })).rejects.toThrow(/has finished/)
  await reopenRun(path, (config) => ({ ...(config as object), trials: 7 }))
  expect((await runExperiment(experiment, { runs, resume: path })).result).toEqual({ trials: 7 })
})
