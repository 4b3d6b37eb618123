import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type RunEvent } from '@mixlab/core'
import { defineExperiment, openRun, runExperiment } from '../src/index.ts'
import { counting } from './fixtures/counting.ts'
import { temporaryFolder } from './fixtures/processes.ts'

/** Says in what precision it computes, and its children do, after an await. */
const saying = defineExperiment({
  name: 'saying',
  async run(run) {
    const { currentPrecision } = await import('@mixlab/tensor')
    const say = async () => {
      await delay(1)
      return { precision: currentPrecision().name }
    }
    const { precision: same } = await run.child('same', { config: {} }, say)
    const { precision: other } = await run.child('other', { config: {}, precision: 'float32' }, say)
    return { ...(await say()), same, other }
  },
})

test('a run computes in its precision and records it; a child can have another', async () => {
  const events: RunEvent[] = []
  const started: unknown[] = []
  const { path, result } = await runExperiment(saying, {
    runs: temporaryFolder(),
    engine: 'cpu',
    precision: 'bf16',
    sinks: [{ name: 'all', mustKeep: true, children: true, write: (batch) => void events.push(...batch) }],
    onStart: ({ precision }) => void started.push(precision),
  })
  expect(result).toEqual({ precision: 'bf16', same: 'bf16', other: 'float32' })
  const record = await openRun(path)
  expect([record, ...record.children].map(({ precision }) => precision)).toEqual(['bf16', 'bf16', 'float32'])
  expect(JSON.parse(readFileSync(join(path, 'run.json'), 'utf8'))).toMatchObject({ precision: 'bf16' })
  expect(events.filter(({ type }) => type === 'run.started')).toMatchObject([
    { precision: 'bf16' },
    { precision: 'bf16' },
    { precision: 'float32' },
  ])
  expect(started).toEqual(['bf16'])
})

test('float32 is what a run has that is told nothing', async () => {
  const { path, result } = await runExperiment(saying, { runs: temporaryFolder(), engine: 'cpu' })
  expect(result).toEqual({ precision: 'float32', same: 'float32', other: 'float32' })
  expect((await openRun(path)).precision).toBe('float32')
})

test('one that is unknown, or that the engine has not, is said before there is a run', async () => {
  const runs = temporaryFolder()
  const run = (options: object) => runExperiment(saying, { runs, engine: 'cpu', ...options })
  await expect(run({ precision: 'bf61' })).rejects.toThrow('Unknown precision "bf61". Did you mean bf16?')
  await expect(run({ precision: 'bf16', engine: 'reference' })).rejects.toThrow(
    'engine reference has no bf16, only float32: choose another engine or precision',
  )
  await expect(runExperiment(counting, { runs, precision: 'bf16' })).rejects.toThrow(
    'counting computes without tensors, so it has no precision: leave --precision out',
  )
  expect(readdirSync(runs)).toEqual([])
  expect((await openRun((await runExperiment(counting, { runs, set: ['steps=1'] })).path)).precision).toBeUndefined()
})
