// What a tracker is handed when logs grow, are cut, when it fails, when its process dies, when the disk is full.
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type RunFile, thisProcess, toJson } from '@mixlab/core'
import { type Continuity, createDelivery, startOver, type Tracker } from '../src/index.ts'
import { lockDelivery } from '../src/lock.ts'

const signal = new AbortController().signal
const live = { final: false, signal }
const ending = { final: true, signal }

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-tracking-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function writeRunFile(directory: string, about: Partial<RunFile> = {}): void {
  mkdirSync(directory, { recursive: true })
  const file: RunFile = {
    format: 1,
    id: 'a-run',
    experiment: 'test',
    config: {},
    seed: 1,
    status: 'running',
    engine: { name: 'none' },
    machine: { processor: '', cores: 1, memoryBytes: 1, platform: '', host: '' },
    versions: { mixlab: '0', node: '24' },
    startedAt: '2026-11-30T12:00:00Z',
    process: thisProcess(),
    ...about,
  }
  writeFileSync(join(directory, 'run.json'), toJson(file))
}

const line = (step: number, time = step) => `${toJson({ type: 'checkpoint.saved', time, step, path: 'x' })}\n`
const lines = (from: number, to: number, time?: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => line(from + i, time === undefined ? undefined : time + i)).join('')

interface Handed {
  readonly run: string
  readonly continuity: Continuity
  readonly steps: readonly number[]
}

/** Keeps what it is handed; fails when told to. */
function recorder(target = 'memory') {
  const handed: Handed[] = []
  const ended: string[] = []
  let failure: unknown
  const tracker: Tracker = {
    target,
    async write({ file }, events, { continuity }) {
      const steps = events.flatMap((event) => ('step' in event ? [event.step] : []))
      handed.push({ run: file.id, continuity, steps })
      if (failure !== undefined) throw failure
    },
    end: async ({ file }) => void ended.push(`${file.id} ${file.status}`),
  }
  return {
    tracker,
    ended,
    fail: (error: unknown) => (failure = error),
    taken: () => handed.splice(0),
  }
}

const deliveryOf = (root: string, tracker: Tracker) => createDelivery({ tracker, name: 'recorder', config: {}, root })

test('a log that grows is handed over in pieces; a line that is half written waits', async () => {
  const root = temporaryFolder()
  const log = join(root, 'events.jsonl')
  const { tracker, taken, ended } = recorder()
  writeRunFile(root)
  const delivery = await deliveryOf(root, tracker)
  expect(await delivery.pass(live)).toBe(0)
  writeFileSync(log, lines(1, 3) + line(4).slice(0, 10))
  expect(await delivery.pass(live)).toBe(3)
  appendFileSync(log, line(4).slice(10))
  await delivery.pass(live)
  await delivery.pass(live)
  expect(taken()).toEqual([
    { run: 'a-run', continuity: 'restarts', steps: [1, 2, 3] },
    { run: 'a-run', continuity: 'continues', steps: [4] },
  ])
  expect(await delivery.left()).toEqual({ bytes: 0, runs: 1 })
  writeRunFile(root, { status: 'finished' })
  await delivery.pass(live)
  expect(ended).toEqual([])
  await delivery.pass(ending)
  expect(ended).toEqual(['a-run finished'])
  expect(await delivery.left()).toEqual({ bytes: 0, runs: 0 })
})

test('lines longer than what is read at a time arrive whole, and many lines in their order', async () => {
  const root = temporaryFolder()
  const { tracker, taken } = recorder()
  writeRunFile(root)
  const long = `${toJson({ type: 'note', time: 1, message: 'ä'.repeat(3_000_000) })}\n`
  writeFileSync(join(root, 'events.jsonl'), lines(1, 2) + long + lines(3, 40_000))
  await (await deliveryOf(root, tracker)).pass(live)
  const steps = taken().flatMap((part) => part.steps)
  expect(steps).toEqual(Array.from({ length: 40_000 }, (_, i) => i + 1))
})

test('what failed comes again, in doubt; a new process goes on from what arrived, in doubt', async () => {
  const root = temporaryFolder()
  const log = join(root, 'events.jsonl')
  const { tracker, taken, fail } = recorder()
  writeRunFile(root)
  writeFileSync(log, lines(1, 2))
  const delivery = await deliveryOf(root, tracker)
  await delivery.pass(live)
  appendFileSync(log, lines(3, 4))
  fail(new Error('not now'))
  await expect(delivery.pass(live)).rejects.toThrow('not now')
  taken()
  fail(undefined)
  await delivery.pass(live)
  expect(taken()).toEqual([{ run: 'a-run', continuity: 'uncertain', steps: [3, 4] }])
  appendFileSync(log, lines(5, 5))
  await (await deliveryOf(root, tracker)).pass(live)
  expect(taken()).toEqual([{ run: 'a-run', continuity: 'uncertain', steps: [5] }])
  const elsewhere = recorder('elsewhere')
  await (await deliveryOf(root, elsewhere.tracker)).pass(live)
  expect(elsewhere.taken()).toEqual([{ run: 'a-run', continuity: 'restarts', steps: [1, 2, 3, 4, 5] }])
})

test('a log that was cut is handed over from its beginning, even if it is as long as before, or longer', async () => {
  for (const [again, time] of [
    [3, 1000],
    [5, 1000],
    [9, 1000],
  ] as const) {
    const root = temporaryFolder()
    const log = join(root, 'events.jsonl')
    const { tracker, taken } = recorder()
    writeRunFile(root)
    writeFileSync(log, lines(1, 5, 1000))
    const delivery = await deliveryOf(root, tracker)
    await delivery.pass(live)
    truncateSync(log, Buffer.byteLength(lines(1, 2, 1000)))
    appendFileSync(log, lines(3, again, time + 500))
    taken()
    await delivery.pass(live)
    expect(taken()).toEqual([
      { run: 'a-run', continuity: 'restarts', steps: Array.from({ length: again }, (_, i) => i + 1) },
    ])
  }
})

test('a run that goes on just where the cursor stands: what was on its way may be of the log before', async () => {
  const root = temporaryFolder()
  const log = join(root, 'events.jsonl')
  const first = recorder()
  writeRunFile(root)
  writeFileSync(log, lines(1, 3))
  await (await deliveryOf(root, first.tracker)).pass(live)
  // Steps 4 and 5 were on their way when everything was killed; the run goes on after step 3.
  const resumed = `${toJson({ type: 'run.resumed', time: 40, step: 3 })}\n`
  writeFileSync(log, lines(1, 3) + resumed + lines(4, 4, 41))
  const second = recorder()
  const delivery = await deliveryOf(root, second.tracker)
  await delivery.pass(live)
  expect(second.taken()).toEqual([{ run: 'a-run', continuity: 'restarts', steps: [1, 2, 3, 3, 4] }])
  appendFileSync(log, lines(5, 5, 42))
  await delivery.pass(live)
  expect(second.taken()).toEqual([{ run: 'a-run', continuity: 'continues', steps: [5] }])
})

test('a tracker that asks for it is handed the log from its beginning, once', async () => {
  const root = temporaryFolder()
  const { tracker, taken, fail } = recorder()
  writeRunFile(root)
  writeFileSync(join(root, 'events.jsonl'), lines(1, 2))
  const delivery = await deliveryOf(root, tracker)
  await delivery.pass(live)
  appendFileSync(join(root, 'events.jsonl'), lines(3, 3))
  taken()
  fail(startOver('lost'))
  await expect(delivery.pass(live)).rejects.toThrow('lost')
  expect(taken()).toEqual([
    { run: 'a-run', continuity: 'continues', steps: [3] },
    { run: 'a-run', continuity: 'restarts', steps: [1, 2, 3] },
  ])
})

test('a run that turns out to be lost when all has arrived is handed over again, its children too', async () => {
  const root = temporaryFolder()
  const child = join(root, 'children/one')
  const { tracker, taken, ended } = recorder()
  writeRunFile(root, { status: 'finished' })
  writeFileSync(join(root, 'events.jsonl'), lines(1, 2))
  writeRunFile(child, { id: 'a-run/one', parent: 'a-run', status: 'finished' })
  writeFileSync(join(child, 'events.jsonl'), lines(1, 3))
  const delivery = await deliveryOf(root, tracker)
  await delivery.pass(ending)
  taken()
  ended.splice(0)
  let isLost = true
  const losing: Tracker = {
    ...tracker,
    async end(run, options) {
      if (run.file.id === 'a-run' && isLost) {
        isLost = false
        throw startOver('lost')
      }
      await tracker.end!(run, options)
    },
  }
  const again = await deliveryOf(root, losing)
  expect(await again.pass(ending)).toBe(5)
  expect(taken()).toEqual([
    { run: 'a-run', continuity: 'restarts', steps: [1, 2] },
    { run: 'a-run/one', continuity: 'restarts', steps: [1, 2, 3] },
  ])
  expect(ended).toEqual(['a-run/one finished', 'a-run finished'])
  expect(await again.pass(ending)).toBe(0)
})

test('children come after their parent and end before it; one that goes on is taken up again', async () => {
  const root = temporaryFolder()
  const child = join(root, 'children/one')
  const { tracker, taken, ended } = recorder()
  writeRunFile(root)
  writeFileSync(join(root, 'events.jsonl'), line(1))
  writeRunFile(child, { id: 'a-run/one', parent: 'a-run', status: 'interrupted' })
  writeFileSync(join(child, 'events.jsonl'), lines(1, 3, 1000))
  const delivery = await deliveryOf(root, tracker)
  await delivery.pass(live)
  expect(taken().map(({ run }) => run)).toEqual(['a-run', 'a-run/one'])
  expect(ended).toEqual(['a-run/one interrupted'])
  // Resumed: cut, and as long again, but not yet to its end.
  writeRunFile(child, { id: 'a-run/one', parent: 'a-run' })
  writeFileSync(join(child, 'events.jsonl'), line(1, 1000) + lines(2, 2, 2000))
  await delivery.pass(live)
  expect(taken()).toEqual([{ run: 'a-run/one', continuity: 'restarts', steps: [1, 2] }])
  writeFileSync(join(child, 'events.jsonl'), line(1, 1000) + lines(2, 3, 2000))
  writeRunFile(child, { id: 'a-run/one', parent: 'a-run', status: 'finished' })
  writeRunFile(root, { status: 'finished' })
  await delivery.pass(ending)
  expect(ended.slice(1)).toEqual(['a-run/one finished', 'a-run finished'])
})

test('a cursor that cannot be written on a full disk holds nothing up; a later process starts from the beginning', async ({
  skip,
}) => {
  const root = temporaryFolder()
  const { tracker, taken } = recorder()
  writeRunFile(root)
  writeFileSync(join(root, 'events.jsonl'), lines(1, 2))
  const folder = join(root, 'trackers')
  mkdirSync(folder)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', folder], { stdio: 'pipe' })
  } catch {
    skip('mounting is not permitted')
  }
  try {
    writeFileSync(join(folder, 'full'), Buffer.alloc(4096))
    expect(() => writeFileSync(join(folder, 'more'), 'x')).toThrow(/ENOSPC/)
    rmSync(join(folder, 'more'), { force: true })
    using _lock = lockDelivery(root, 'recorder')
    const delivery = await deliveryOf(root, tracker)
    await delivery.pass(live)
    appendFileSync(join(root, 'events.jsonl'), lines(3, 3))
    await delivery.pass(live)
    expect(taken().map(({ continuity, steps }) => [continuity, steps])).toEqual([
      ['restarts', [1, 2]],
      ['continues', [3]],
    ])
    expect(String(delivery.cursorProblem)).toMatch(/no space is left on the disk/)
    expect(existsSync(join(folder, 'recorder.json'))).toBe(false)
  } finally {
    execFileSync('umount', [folder])
  }
  await (await deliveryOf(root, tracker)).pass(live)
  expect(taken()).toEqual([{ run: 'a-run', continuity: 'restarts', steps: [1, 2, 3] }])
})

test('one process at a time delivers; a lock whose process is gone counts for nothing', () => {
  const root = temporaryFolder()
  const lock = lockDelivery(root, 'recorder')
  expect(() => lockDelivery(root, 'recorder')).toThrow(/is being sent to recorder by process/)
  lockDelivery(root, 'another')[Symbol.dispose]()
  lock[Symbol.dispose]()
  const file = join(root, 'trackers/recorder.lock')
  writeFileSync(file, JSON.stringify({ ...thisProcess(), started: '1' }))
  using _mine = lockDelivery(root, 'recorder')
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(thisProcess())
})
