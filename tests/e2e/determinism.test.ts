// One seed, one engine: the same events and the same bits, whatever the number of threads, also after SIGKILL and resume.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { comparableEvents, mixlab, onlyRun, root, start, temporaryFolder } from './mixlab.ts'

const small = (data: string, runs: string) => [
  'run',
  join(root, 'experiments/char-lm'),
  '--runs',
  runs,
  '--no-report',
  ...[
    `data=${data}`,
    'experts=4',
    'model.layers=2',
    'model.width=32',
    'model.heads=2',
    'model.contextLength=32',
    'model.dropout=0.1',
    'router=noisy-top-k',
    'training.batchSize=4',
    'training.evaluation.every=20',
    'training.evaluation.batches=2',
    'training.checkpoint.every=10',
    'training.log.every=1',
  ].flatMap((assignment) => ['--set', assignment]),
]
const data = join(root, 'LICENSE')

const lastCheckpoint = (run: string) => {
  const names = readdirSync(join(run, 'checkpoints')).filter((name) => /^step-\d+$/.test(name))
  return join(run, 'checkpoints', names.toSorted((a, b) => Number(a.slice(5)) - Number(b.slice(5))).at(-1)!)
}
const hashes = (checkpoint: string) =>
  Object.fromEntries(
    readdirSync(checkpoint)
      .filter((name) => name.endsWith('.safetensors'))
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(checkpoint, name)))
          .digest('hex'),
      ]),
  )

async function complete(threads: number, steps: number): Promise<string> {
  const runs = temporaryFolder()
  const result = await mixlab([...small(data, runs), '--set', `training.steps=${steps}`], {
    env: { MIXLAB_THREADS: String(threads) },
  })
  expect(result.stderr).not.toContain('mixlab: ')
  expect(result.code).toBe(0)
  return onlyRun(runs)
}

test('two runs give identical events and checkpoints, with 1 and with 2 threads', async () => {
  const runs = [await complete(1, 60), await complete(2, 60), await complete(2, 60)]
  const events = runs.map(comparableEvents)
  expect(events[0]!.length).toBeGreaterThan(60)
  expect(events[1]).toEqual(events[0])
  expect(events[2]).toEqual(events[0])
  expect(hashes(lastCheckpoint(runs[1]!))).toEqual(hashes(lastCheckpoint(runs[0]!)))
})

test('a run killed at arbitrary moments and resumed ends bit-identical to the uninterrupted one', async () => {
  const steps = 160
  const reference = await complete(2, steps)
  const runs = temporaryFolder()
  let attempt = start([...small(data, runs), '--set', `training.steps=${steps}`])
  for (const [from, delay] of [
    [0, 13],
    [30, 4],
    [90, 29],
  ] as const) {
    await reached(runs, from)
    await sleep(delay)
    attempt.process.kill('SIGKILL')
    expect((await attempt.finished).signal).toBe('SIGKILL')
    attempt = start([
      'run',
      join(root, 'experiments/char-lm'),
      '--runs',
      runs,
      '--resume',
      onlyRun(runs),
      '--no-report',
    ])
  }
  const last = await attempt.finished
  expect(last.code, last.stderr).toBe(0)
  const resumed = onlyRun(runs)
  expect(hashes(lastCheckpoint(resumed))).toEqual(hashes(lastCheckpoint(reference)))
  const steady = (run: string) => comparableEvents(run).filter((line) => !line.includes('"run.resumed"'))
  expect(steady(resumed)).toEqual(steady(reference))
})

/** Whether there is a run's directory, in that of its experiment. */
const begun = (runs: string): boolean =>
  existsSync(runs) && readdirSync(runs).some((experiment) => readdirSync(join(runs, experiment)).length > 0)

/** Waits until the run has saved a checkpoint of `step` or later; at step 0, until it has begun to train. */
async function reached(runs: string, step: number): Promise<void> {
  for (;;) {
    if (begun(runs)) {
      const run = onlyRun(runs)
      const events = existsSync(join(run, 'events.jsonl')) ? readFileSync(join(run, 'events.jsonl'), 'utf8') : ''
      if (step === 0 ? events.includes('"train.started"') : savedSteps(run).some((saved) => saved >= step)) return
    }
    await sleep(2)
  }
}

const savedSteps = (run: string) =>
  existsSync(join(run, 'checkpoints'))
    ? readdirSync(join(run, 'checkpoints')).flatMap((name) => (/^step-\d+$/.test(name) ? [Number(name.slice(5))] : []))
    : []

test.for(['on', 'off'])('steps of a mixture give the same bits with 1, 2 and 3 threads, machine code %s', (setting) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(root, 'tests/e2e/step-bits.ts')], {
    encoding: 'utf8',
    env: { ...process.env, MIXLAB_NATIVE: setting },
  })
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  const { kernels, digests } = JSON.parse(stdout) as { kernels: string; digests: string[] }
  if (setting === 'off') expect(kernels).toBe('WebAssembly SIMD')
  expect(digests.length).toBe(3)
  expect(new Set(digests).size).toBe(1)
})
