// Against Optuna itself: each opens what the other has written, both write one file at once, and what kills leave behind.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import {
  choice,
  createStudy,
  type Direction,
  float,
  integer,
  openStudy,
  type Sampler,
  type Space,
  toSpace,
  when,
} from '../src/index.ts'
import { distributionToJson } from '../src/distribution-json.ts'
import { pythonFloat } from '../src/python-json.ts'
import { newJournal } from './folder.ts'
import { numbersIn, ownProcess, peer, pythonWith, runPython, start } from './optuna.ts'
import { randomSampler, testSpace } from './processes/random-sampler.ts'
import { shown } from './shown.ts'

// Python alone takes seconds to import Optuna, and many of them at once on a busy machine much longer.
vi.setConfig({ testTimeout: 400_000 })

const python = pythonWith('optuna')
const dashboard = python && pythonWith('optuna_dashboard')

const wideSpace = toSpace({
  x: float(1e-5, 100, { log: true }),
  step: float(0, 0.95, { step: 0.1 }),
  k: integer(1, 9),
  big: integer(1, 1024, { log: true }),
  even: integer(2, 9, { step: 2 }),
  c: choice([null, true, false, 1, 2.5, 'é\u2028"\\', 'None', 1e-7]),
  noise: when('c', [true, 1], float(0, 1)),
})

const dump = (path: string, name = 'study'): unknown => JSON.parse(runPython(python!, 'dump.py', path, name))

async function fill(path: string, trials: number, directions: readonly Direction[], space: Space, sampler: Sampler) {
  const study = await createStudy({ path, directions, space, sampler, seed: 1 })
  await study.setUserAttribute('question', { wörds: [1, 2.5, null, 'ü'] })
  await study.enqueue({ k: 3, c: true }, { why: 'a guess' })
  for (let i = 0; i < trials; i++) {
    const trial = (await study.ask())!
    await trial.report(i === 2 ? NaN : i / 7, 1)
    await trial.report(i === 3 ? -Infinity : 1e-9 * i, 100)
    await trial.setUserAttribute('note', { i, text: 'ü "quoted"' })
    if (i % 5 === 4) await study.tell(trial.number, 'failed')
    else if (i % 5 === 3 && directions.length === 1) await study.tell(trial.number, 'pruned')
    else
      await study.tell(
        trial.number,
        directions.map((_, objective) => (i * (3 + 4 * objective)) % 11),
      )
  }
  await study.ask()
  await study.enqueue({ k: 1 })
  return shown(study)
}

test.skipIf(!python).each([[['minimize']], [['maximize', 'minimize', 'maximize']]] as const)(
  'what we have written Optuna reads as we do: to %s',
  async (directions) => {
    const path = newJournal()
    const ours = await fill(path, 20, directions, wideSpace, randomSampler)
    expect(dump(path)).toEqual(ours)
  },
)

test.skipIf(!python)('distributions and floats are Optuna’s, byte for byte', () => {
  const kinds = wideSpace.map(({ distribution }) => distributionToJson(distribution))
  const script = `
import json, struct, sys
from optuna.distributions import distribution_to_json, json_to_distribution
given = json.load(sys.stdin)
print(json.dumps({
    "kinds": [distribution_to_json(json_to_distribution(kind)) for kind in given["kinds"]],
    "floats": [repr(struct.unpack(">d", bytes.fromhex(bits))[0]) for bits in given["bits"]],
}))`
  const bytes = Buffer.alloc(8)
  const rng = crypto.getRandomValues(new Uint32Array(8000))
  const bits = Array.from({ length: 4000 }, (_, i) => {
    // Half of any exponent, half near one.
    if (i % 2) bytes.writeDoubleBE((rng[2 * i]! / 2 ** 32) * 10 ** ((rng[2 * i + 1]! % 26) - 8))
    else bytes.writeUInt32BE(rng[2 * i]! % 0x7ff00000, bytes.writeUInt32BE(rng[2 * i + 1]!, 4) - 8)
    return bytes.toString('hex')
  })
  const theirs = JSON.parse(
    execFileSync(python!, ['-c', script], { input: JSON.stringify({ kinds, bits }), encoding: 'utf8' }),
  ) as { kinds: string[]; floats: string[] }
  expect(theirs.kinds).toEqual(kinds)
  expect(bits.map((hex) => pythonFloat(Buffer.from(hex, 'hex').readDoubleBE()))).toEqual(theirs.floats)
})

test.skipIf(!python)('a study that Optuna began we continue, and Optuna again, and we', async () => {
  const path = newJournal()
  execFileSync(python!, [
    '-c',
    'import optuna, sys; from optuna.storages.journal import JournalFileBackend as B; optuna.create_study(storage=optuna.storages.JournalStorage(B(sys.argv[1])), study_name="study", direction="minimize").enqueue_trial({"x": 0.125, "k": 2})',
    path,
  ])
  const study = await openStudy({ path, space: testSpace, sampler: randomSampler })
  const first = (await study.ask())!
  expect(first.parameters).toMatchObject({ x: 0.125, k: 2 })
  await study.tell(first.number, 1)
  runPython(python!, 'worker.py', path, 'study', '5', 'symlink')
  for (let i = 0; i < 5; i++) await study.tell((await study.ask())!.number, i)
  // Enqueued by us, run by Optuna.
  await study.enqueue({ x: -0.5, k: 7, c: 'b' })
  runPython(python!, 'worker.py', path, 'study', '2', 'symlink')
  expect(study.trials).toHaveLength(13)
  expect(study.trials[11]).toMatchObject({ state: 'complete', parameters: { x: -0.5, k: 7, c: 'b' }, values: [8.25] })
  expect(study.trials.every(({ state }) => state === 'complete')).toBe(true)
  expect(dump(path)).toEqual(shown(study))
})

test.skipIf(!python).each(['symlink', 'open'] as const)(
  'four workers of Optuna’s and four of ours on one file, its lock by %s: 400 trials, none lost, none doubled',
  async (kind) => {
    const path = newJournal()
    {
      const study = await createStudy({ path, directions: ['minimize'], space: testSpace, seed: 2 })
      for (let i = 0; i < 40; i++) await study.enqueue({ x: i / 40 })
    }
    const workers = Array.from({ length: 8 }, (_, index) =>
      index % 2
        ? start(python!, peer('worker.py'), path, 'study', '50', kind)
        : start(process.execPath, ownProcess('worker.ts'), path, 'study', '50', index % 4 ? 'symlink' : 'open'),
    )
    const ended = await Promise.all(workers.map((worker) => worker.ended))
    expect(ended.map(({ code, problems }) => [code, problems])).toEqual(ended.map(() => [0, '']))
    // Each has told 50 trials, and no two the same.
    const told = ended.map(({ output }) => numbersIn(output))
    expect(told.map((numbers) => numbers.length)).toEqual(told.map(() => 50))
    expect(told.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, number) => number))
    const study = await openStudy({ path })
    expect(dump(path)).toEqual(shown(study))
    expect(study.trials).toHaveLength(400)
    for (const { number, state, parameters, values, intermediate, userAttributes } of study.trials) {
      const { x, k, c } = parameters as { x: number; k: number; c: string }
      expect([state, values, [...intermediate]]).toEqual(['complete', [x * x + k + Number(c === 'b')], [[1, x * x]]])
      if (number < 40) expect(x).toBe(number / 40)
      const writer = told.findIndex((numbers) => numbers.includes(number))
      expect(userAttributes).toEqual({ writer: writer % 2 ? 'python' : 'typescript' })
    }
  },
)

test.skipIf(!python)('whoever is killed, both read the journal on: ours 20 times, Optuna’s 5', async () => {
  const path = newJournal()
  const options = {
    path,
    directions: ['minimize'],
    space: testSpace,
    sampler: randomSampler,
    graceSeconds: 1,
  } as const
  const study = await createStudy(options)
  for (let i = 0; i < 25; i++) {
    const { child, ended } =
      i < 20
        ? start(process.execPath, ownProcess('worker.ts'), path, 'study', '100000', 'open')
        : start(python!, peer('worker.py'), path, 'study', '100000', 'symlink')
    await new Promise((resolve) => child.stdout.once('data', resolve))
    await setTimeout(Math.random() * 30)
    child.kill('SIGKILL')
    await ended
    await study.tell((await study.ask())!.number, 1)
    if (i === 19) expect(dump(path)).toEqual(shown(study))
  }
  runPython(python!, 'worker.py', path, 'study', '1', 'symlink')
  expect(dump(path)).toEqual(shown(study))
})

test.skipIf(!python)(
  'a line that is half-written breaks Optuna once it appends; a write of ours mends it for both',
  async () => {
    const path = newJournal()
    {
      const begun = await createStudy({ path, directions: ['minimize'], space: testSpace, sampler: randomSampler })
      for (let i = 0; i < 3; i++) await begun.tell((await begun.ask())!.number, i)
    }
    const torn = readFileSync(path, 'utf8').split('\n')[4]!.slice(0, 50)
    // Optuna appends right behind it, does not find its own trial, appends again, and cannot read on.
    execFileSync('bash', ['-c', `printf '%s' "$1" >> "$0"`, path, torn])
    for (const trouble of ['AttributeError', 'JSONDecodeError']) {
      const { code, problems } = await start(python!, peer('worker.py'), path, 'study', '3', 'symlink').ended
      expect([code, problems]).toEqual([1, expect.stringContaining(trouble)])
    }
    expect(() => dump(path)).toThrow('JSONDecodeError')
    const study = await openStudy({ path })
    expect(study.trials).toHaveLength(5)
    await study.setUserAttribute('mended', true)
    expect(dump(path)).toEqual(shown(study))
    runPython(python!, 'worker.py', path, 'study', '3', 'symlink')
  },
)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

test.skipIf(!dashboard)('optuna-dashboard shows the trials while the file is being written', async () => {
  const path = newJournal()
  await fill(path, 12, ['minimize'], wideSpace, randomSampler)
  const port = await freePort()
  const { child, ended } = start(
    dashboard!,
    '-c',
    'from optuna_dashboard._cli import main; main()',
    path,
    '--port',
    String(port),
    '--storage-class',
    'JournalFileStorage',
    '--server',
    'wsgiref',
  )
  onTestFinished(async () => {
    child.kill()
    await ended
  })
  const get = async (
    what: string,
  ): Promise<{
    study_summaries: { study_name: string }[]
    trials: { number: number; state: string; values?: unknown[] }[]
  }> => {
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await fetch(`http://127.0.0.1:${port}/api/${what}`)
        return (await response.json()) as never
      } catch (error) {
        if (attempt > 100) throw error
        await setTimeout(200)
      }
    }
  }
  expect((await get('studies')).study_summaries.map(({ study_name: name }) => name)).toEqual(['study'])
  const before = (await get('studies/0')).trials
  const study = await openStudy({ path, sampler: randomSampler })
  const stateNames = {
    complete: 'Complete',
    pruned: 'Pruned',
    failed: 'Fail',
    running: 'Running',
    waiting: 'Waiting',
  }
  expect(before.map(({ number, state }) => [number, state])).toEqual(
    study.trials.map(({ number, state }) => [number, stateNames[state]]),
  )
  await study.tell((await study.ask())!.number, 0.5)
  // It looks at the file anew after some seconds.
  const seen = await vi.waitFor(
    async () => {
      const { trials } = await get('studies/0')
      expect(trials.at(-1)).toMatchObject({ state: 'Complete', values: [0.5] })
      return trials
    },
    { timeout: 30_000, interval: 500 },
  )
  expect(seen).toHaveLength(14)
})
