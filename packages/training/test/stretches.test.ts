// Training in stretches, as populations do: a run that ends in the middle of its schedule, and another that begins with its
// checkpoint. With equal settings the two are one whole run, bit for bit; with others only what follows differs.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkpointNames, eventsOf, lastCheckpoint, quiet, trainIn } from './runs.ts'

const config = { ...quiet, steps: 8, learningRate: 0.02, schedule: { warmup: 3 }, log: { every: 1 } }
const folder = (path: string) => join(path, 'checkpoints', checkpointNames(path).at(-1)!)
const tensorsOf = (path: string) => {
  const { 'state.json': _, ...tensors } = lastCheckpoint(path)
  return tensors
}

test('two stretches are one run', async () => {
  const whole = await trainIn({ config })
  const first = await trainIn({ config: { ...config, stopAt: 5 } })
  expect(first).toMatchObject({ status: 'finished', result: { steps: 5, stoppedEarly: false } })
  expect(checkpointNames(first.path)).toEqual(['step-00000005'])
  const second = await trainIn({ config: { ...config, start: folder(first.path) } })
  const steps = (events: typeof whole) =>
    eventsOf(events, 'train.step').map(({ step, loss, learningRate }) => ({ step, loss, learningRate }))
  expect([...steps(first), ...steps(second)]).toEqual(steps(whole))
  expect(tensorsOf(second.path)).toEqual(tensorsOf(whole.path))
})

test('another learning rate from the same checkpoint', async () => {
  const first = await trainIn({ config: { ...config, stopAt: 5 } })
  const start = folder(first.path)
  const [same, other] = [
    await trainIn({ config: { ...config, start } }),
    await trainIn({ config: { ...config, start, learningRate: 0.1 } }),
  ]
  const losses = (trained: typeof same) => eventsOf(trained, 'train.step').map(({ loss }) => loss)
  expect(losses(other)[0]).toBe(losses(same)[0])
  expect(losses(other)[1]).not.toBe(losses(same)[1])
})

test('a start that is no checkpoint is one clear line', async () => {
  const { status, error } = await trainIn({ config: { ...config, start: '/nowhere' } })
  expect(status).toBe('failed')
  expect((error as Error).message).toMatch(/\/nowhere/)
})
