import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { RunEvent } from '@mixlab/core'
import { EventLog, readEvents, repairEvents } from '../src/event-log.ts'
import { EventBus } from '../src/index.ts'
import { temporaryFolder } from './fixtures/processes.ts'

/** Logs what `emit` emits, the way a run does. */
async function logged(directory: string, resume: boolean, emit: (bus: EventBus) => void): Promise<void> {
  using log = new EventLog(directory, { resume })
  const bus = new EventBus({ run: 'r', record: (event) => log.append(event), failure: () => log.failure })
  emit(bus)
  await bus.close()
}

const step = (bus: EventBus, number: number, loss = number) =>
  bus.emit('train.step', { step: number, loss, losses: {}, learningRate: 1, gradientNorm: 1, tokens: number })
const saved = (bus: EventBus, number: number) =>
  bus.emit('checkpoint.saved', { step: number, path: `checkpoints/step-${number}` })
const preamble = (bus: EventBus) => {
  bus.emit('run.started', { experiment: 'e', config: {}, seed: 1, engine: 'none' })
  bus.emit('note', { message: 'preamble' })
}

const summary = async (directory: string) => {
  const events: RunEvent[] = []
  for await (const event of readEvents(directory)) events.push(event)
  expect(events.map((event) => event.sequence)).toEqual(events.map((_, i) => i))
  return events.map((event) => ('step' in event ? `${event.type} ${event.step}` : event.type))
}

test('events are read back as they were, numbers that JSON lacks included', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'run.json'), '{"id": "the-run"}')
  await logged(folder, false, (bus) => {
    step(bus, 1, Number.NaN)
    step(bus, 2, -Infinity)
    bus.emit('eval.result', {
      step: 2,
      evaluator: 'x',
      metrics: { a: 1 },
      matrices: { m: { title: 'm', rows: ['é'], columns: ['b'], values: [[null]] } },
    })
  })
  const events: RunEvent[] = []
  for await (const event of readEvents(folder)) events.push(event)
  expect(events[0]).toMatchObject({ type: 'train.step', run: 'the-run', loss: Number.NaN })
  expect(events[1]).toMatchObject({ loss: -Infinity })
  expect(events[2]).toMatchObject({ matrices: { m: { rows: ['é'], values: [[null]] } } })
})

test('a half-written last line is left out, and cut off before the run goes on; a bad line before it is an error', async () => {
  const folder = temporaryFolder()
  await logged(folder, false, (bus) => step(bus, 1))
  const whole = readFileSync(join(folder, 'events.jsonl'), 'utf8')
  appendFileSync(join(folder, 'events.jsonl'), '{"type":"train.st')
  expect(await summary(folder)).toEqual(['train.step 1'])
  await repairEvents(folder)
  expect(readFileSync(join(folder, 'events.jsonl'), 'utf8')).toBe(whole)
  writeFileSync(join(folder, 'events.jsonl'), `nonsense\n${whole}`)
  await expect(summary(folder)).rejects.toThrow(/events.jsonl is corrupt: line 1/)
})

test('a resumed run continues after its checkpoint: each step appears once', async () => {
  const folder = temporaryFolder()
  await logged(folder, false, (bus) => {
    preamble(bus)
    for (const i of [1, 2]) step(bus, i)
    saved(bus, 2)
    for (const i of [3, 4]) step(bus, i)
    bus.emit('run.finished', { status: 'interrupted' })
  })
  await logged(folder, true, (bus) => {
    preamble(bus)
    bus.emit('run.resumed', { step: 2 })
    for (const i of [3, 4, 5]) step(bus, i)
  })
  expect(await summary(folder)).toEqual([
    'run.started',
    'note',
    'train.step 1',
    'train.step 2',
    'checkpoint.saved 2',
    'run.resumed 2',
    'train.step 3',
    'train.step 4',
    'train.step 5',
  ])
})

test('a run killed between saving a checkpoint and saying so gets the missing line', async () => {
  const folder = temporaryFolder()
  await logged(folder, false, (bus) => {
    preamble(bus)
    for (const i of [1, 2]) step(bus, i)
  })
  mkdirSync(join(folder, 'checkpoints', 'step-000002'), { recursive: true })
  await logged(folder, true, (bus) => {
    preamble(bus)
    bus.emit('run.resumed', { step: 2 })
    step(bus, 3)
  })
  expect((await summary(folder)).slice(-4)).toEqual([
    'train.step 2',
    'checkpoint.saved 2',
    'run.resumed 2',
    'train.step 3',
  ])
  expect(readFileSync(join(folder, 'events.jsonl'), 'utf8')).toContain('"checkpoints/step-000002"')
})

test('a run that starts over after all replaces its log, and one that dies before that keeps it', async () => {
  const folder = temporaryFolder()
  await logged(folder, false, (bus) => {
    preamble(bus)
    step(bus, 1)
  })
  const before = readFileSync(join(folder, 'events.jsonl'), 'utf8')
  {
    using log = new EventLog(folder, { resume: true })
    log.append({ type: 'note', message: 'dies now', run: 'r', sequence: 0, time: 0 })
  }
  expect(readFileSync(join(folder, 'events.jsonl'), 'utf8')).toBe(before)
  await logged(folder, true, (bus) => {
    preamble(bus)
    step(bus, 1)
    step(bus, 2)
  })
  expect(await summary(folder)).toEqual(['run.started', 'note', 'train.step 1', 'train.step 2'])
})
