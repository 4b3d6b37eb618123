import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { CALLS, type CallsPlace } from '@mixlab/core'
import { defineExperiment, openRun, runExperiment } from '../src/index.ts'

let runs: string
beforeEach(() => (runs = mkdtempSync(join(tmpdir(), 'mixlab-calls-'))))
afterEach(() => rmSync(runs, { recursive: true }))

/** Where the run and its child keep their calls; it makes the folder, as the first call would. */
const places: CallsPlace[] = []
const experiment = defineExperiment({
  name: 'asks',
  engine: 'none',
  config: z.strictObject({ prompt: z.string().default('?'), fail: z.boolean().default(false) }),
  async run(run) {
    places.push(run.resolve(CALLS))
    mkdirSync(run.resolve(CALLS).path, { recursive: true })
    await run.child('arm', { config: {} }, async (child) => {
      places.push(child.resolve(CALLS))
      return {}
    })
    if (run.config.fail) throw new Error('no more')
    return { prompt: run.config.prompt, seed: run.seed }
  },
})
beforeEach(() => void (places.length = 0))

describe('where calls are kept', () => {
  test('in the run’s folder, also those of its children', async () => {
    const { id, path } = await runExperiment(experiment, { runs })
    const place = { path: join(path, 'calls'), owner: id, mode: 'record', keepFailures: false }
    expect(places).toEqual([place, place])
  })

  test('a run that goes on keeps its recording, failures included', async () => {
    const shared = join(runs, 'shared/calls')
    await expect(runExperiment(experiment, { runs, calls: shared, config: { fail: true } })).rejects.toThrow('no more')
    await expect(runExperiment(experiment, { runs, resume: 'latest' })).rejects.toThrow('no more')
    expect(places.at(-1)).toEqual({ path: shared, owner: places[0]!.owner, mode: 'record', keepFailures: true })
  })

  test('a replay has the configuration and seed of the run that it replays, but for what is set', async () => {
    const first = await runExperiment(experiment, { runs, config: { prompt: 'why' }, seed: 7 })
    const replay = await runExperiment(experiment, { runs, replay: first.id })
    expect(replay.result).toEqual(first.result)
    expect(places.at(-1)).toEqual({
      path: join(first.path, 'calls'),
      owner: first.id,
      mode: 'replay',
      keepFailures: true,
    })
    expect((await openRun(replay.path)).replays).toBe(first.id)
    const changed = await runExperiment(experiment, { runs, replay: first.id, set: ['prompt=how'] })
    expect(changed.result).toEqual({ prompt: 'how', seed: 7 })
  })

  test('a replay of a replay, and a run that goes on with another’s calls, use the first one’s', async () => {
    const first = await runExperiment(experiment, { runs })
    const replay = await runExperiment(experiment, { runs, replay: first.path })
    await runExperiment(experiment, { runs, replay: replay.path })
    expect(places.at(-1)).toMatchObject({ path: join(first.path, 'calls'), owner: first.id })
    const other = await runExperiment(experiment, { runs, calls: replay.id })
    expect(places.at(-1)).toEqual({
      path: join(first.path, 'calls'),
      owner: other.id,
      mode: 'record',
      keepFailures: false,
    })
  })

  test('what cannot be is said in one line', async () => {
    const first = await runExperiment(experiment, { runs })
    const other = defineExperiment({ name: 'other', engine: 'none', run: async () => ({}) })
    const silent = await runExperiment(other, { runs })
    await expect(runExperiment(other, { runs, replay: first.path })).rejects.toThrow(/is a run of asks, not of other/)
    await expect(runExperiment(other, { runs, replay: silent.path })).rejects.toThrow(/made no calls/)
    await expect(runExperiment(experiment, { runs, replay: first.id, resume: first.id })).rejects.toThrow(
      /leave --resume out/,
    )
    await expect(runExperiment(experiment, { runs, calls: 'nothing' })).rejects.toThrow(/nothing/)
  })
})
