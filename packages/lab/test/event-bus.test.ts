import { setTimeout as delay } from 'node:timers/promises'
import { map } from 'rxjs'
import { expect, test } from 'vitest'
import type { RunEvent } from '@mixlab/core'
import { EventBus, type EventSink } from '../src/index.ts'

const note = (bus: EventBus, message: string) => bus.emit('note', { message })
const messages = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'note' ? [event.message] : []))
const started = { experiment: 'e', config: {}, seed: 1, engine: 'none' }
const failures = (events: readonly RunEvent[]) => events.filter((event) => event.type === 'subscriber.failed')

/** A sink that keeps what it is written, `pauseMs` a batch. */
function keeping(options: Partial<EventSink> & { pauseMs?: number } = {}): EventSink & { readonly seen: RunEvent[] } {
  const seen: RunEvent[] = []
  const write = async (events: readonly RunEvent[]) => {
    if (options.pauseMs !== undefined) await delay(options.pauseMs)
    seen.push(...events)
  }
  return { name: 'keeping', write, ...options, seen }
}

test('events are numbered without gaps and carry the run', async () => {
  await using bus = new EventBus({ run: 'r' })
  const seen: RunEvent[] = []
  bus.events.subscribe((event) => seen.push(event))
  for (let i = 0; i < 10; i++) note(bus, String(i))
  expect(seen.map((event) => [event.run, event.sequence])).toEqual(Array.from({ length: 10 }, (_, i) => ['r', i]))
})

test('a late subscriber gets how the run started, the recent events, then live ones, each once', async () => {
  await using bus = new EventBus({ run: 'r' })
  bus.emit('run.started', started)
  for (let i = 0; i < 5000; i++) note(bus, String(i))
  const seen: RunEvent[] = []
  bus.events.subscribe((event) => {
    // Emitting while being caught up: comes after what was there before.
    if (seen.push(event) === 2) note(bus, 'from the subscriber')
  })
  note(bus, 'live')
  expect(seen[0]).toMatchObject({ type: 'run.started', sequence: 0 })
  expect(seen.slice(1).map((event) => event.sequence)).toEqual(
    Array.from({ length: seen.length - 1 }, (_, i) => 5003 - seen.length + 1 + i),
  )
  expect(messages(seen).slice(-3)).toEqual(['4999', 'from the subscriber', 'live'])
  expect(seen.length).toBeGreaterThan(1000)
})

test('all subscribers see one order, though one of them emits', async () => {
  await using bus = new EventBus({ run: 'r' })
  const [first, second]: [RunEvent[], RunEvent[]] = [[], []]
  bus.events.subscribe((event) => {
    first.push(event)
    if (event.type === 'note' && event.message === 'a') note(bus, 'b')
  })
  bus.events.subscribe((event) => second.push(event))
  note(bus, 'a')
  note(bus, 'c')
  expect(messages(first)).toEqual(['a', 'b', 'c'])
  expect(messages(second)).toEqual(['a', 'b', 'c'])
})

test('a subscriber that throws is reported, and neither it nor the others stop the run', async () => {
  await using bus = new EventBus({ run: 'r' })
  const seen: RunEvent[] = []
  bus.events.subscribe(() => {
    throw new Error('bad handler')
  })
  bus.events
    .pipe(
      map(() => {
        throw new Error('bad operator')
      }),
    )
    .subscribe()
  bus.events.subscribe((event) => seen.push(event))
  note(bus, 'a')
  await delay(5)
  note(bus, 'b')
  await delay(5)
  expect(messages(seen)).toEqual(['a', 'b'])
  expect(failures(seen)).toContainEqual(expect.objectContaining({ message: 'bad handler' }))
  expect(failures(seen)).toContainEqual(expect.objectContaining({ message: 'bad operator' }))
})

test('a slow sink that must keep everything holds the run back between steps and loses nothing', async () => {
  const limits = { batch: 10, high: 40, low: 10 }
  const bus = new EventBus({ run: 'r', limits })
  const sink = keeping({ mustKeep: true, pauseMs: 1 })
  bus.attach(sink)
  let furthest = 0
  for (let i = 0; i < 500; i++) {
    note(bus, String(i))
    await bus.ready()
    furthest = Math.max(furthest, i + 1 - sink.seen.length)
  }
  await bus.close()
  expect(furthest).toBeLessThanOrEqual(limits.high + limits.batch)
  expect(messages(sink.seen)).toEqual(Array.from({ length: 500 }, (_, i) => String(i)))
})

test('any other slow sink never holds the run back: it skips its oldest events and says so', async () => {
  const bus = new EventBus({ run: 'r', limits: { high: 20, batch: 5 } })
  const sink = keeping({ pauseMs: 5 })
  const other = keeping({ mustKeep: true })
  bus.attach(sink)
  bus.attach(other)
  for (let i = 0; i < 200; i++) {
    note(bus, String(i))
    await bus.ready()
  }
  await bus.close()
  expect(messages(sink.seen).length).toBeLessThan(60)
  expect(messages(sink.seen).at(-1)).toBe('199')
  expect(messages(other.seen)).toHaveLength(200)
  expect(failures(other.seen)).toEqual([
    expect.objectContaining({ subscriber: 'keeping', message: expect.stringMatching(/skipped/) }),
  ])
})

test('a sink that never returns does not stall the end', async () => {
  const bus = new EventBus({ run: 'r', limits: { drainMs: 30 } })
  const other = keeping({ mustKeep: true })
  bus.attach({ name: 'hanging', write: () => new Promise(() => undefined) })
  bus.attach(other)
  note(bus, 'a')
  await bus.close()
  expect(failures(other.seen)).toEqual([expect.objectContaining({ subscriber: 'hanging' })])
})

test('a failing sink is detached and reported once; the rest goes on', async () => {
  const bus = new EventBus({ run: 'r' })
  const other = keeping({ mustKeep: true })
  let calls = 0
  bus.attach({
    name: 'broken',
    write() {
      calls++
      throw new Error('no network')
    },
  })
  bus.attach(other)
  for (let i = 0; i < 5; i++) {
    note(bus, String(i))
    await delay(1)
  }
  await bus.close()
  expect(calls).toBe(1)
  expect(messages(other.seen)).toHaveLength(5)
  expect(failures(other.seen)).toEqual([expect.objectContaining({ subscriber: 'broken', message: 'no network' })])
})

test('a sink that must keep everything is retried; one that stays broken fails the run between steps', async () => {
  const bus = new EventBus({ run: 'r', limits: { pauseMs: 1 } })
  let attempts = 0
  const flaky = keeping({ mustKeep: true })
  bus.attach({
    ...flaky,
    write: async (events) => {
      if (++attempts % 2 === 1) throw new Error('try again')
      await flaky.write(events)
    },
  })
  for (let i = 0; i < 20; i++) {
    note(bus, String(i))
    await delay(1)
  }
  await bus.close()
  expect(messages(flaky.seen)).toEqual(Array.from({ length: 20 }, (_, i) => String(i)))

  const failing = new EventBus({ run: 'r', limits: { pauseMs: 1 } })
  failing.attach({ name: 'store', mustKeep: true, write: () => Promise.reject(new Error('gone')) })
  note(failing, 'a')
  await delay(30)
  await expect(failing.ready()).rejects.toThrow('store cannot record the run: gone')
  await expect(failing.close()).rejects.toThrow('store cannot record the run: gone')
})

test("a child's events reach those of its parent's sinks that want them", async () => {
  const parent = new EventBus({ run: 'p' })
  const [all, own] = [keeping({ mustKeep: true, children: true }), keeping({ mustKeep: true })]
  parent.attach(all)
  parent.attach(own)
  const child = new EventBus({ run: 'p/c', parent })
  note(parent, 'a')
  note(child, 'b')
  await child.close()
  await parent.close()
  expect(all.seen.map((event) => event.run)).toEqual(['p', 'p/c'])
  expect(messages(own.seen)).toEqual(['a'])
})

test('a run that never lets go of the thread still lets timers in', async () => {
  await using bus = new EventBus({ run: 'r' })
  let fired = false
  setTimeout(() => (fired = true), 1)
  const start = performance.now()
  while (!fired && performance.now() - start < 2000) await bus.ready()
  expect(fired).toBe(true)
})
