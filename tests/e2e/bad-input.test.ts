// Each mistake gets one clear line on standard error, exit code 2 and no stack trace.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSafetensors } from '@mixlab/checkpoints'
import { expect, onTestFinished, test } from 'vitest'
import { comparableEvents, mixlab, onlyRun, root, temporaryFolder } from './mixlab.ts'

const charLm = join(root, 'experiments/char-lm')
const data = `data=${join(root, 'LICENSE')}`
const tiny = [
  'model.layers=1',
  'model.width=16',
  'model.heads=2',
  'model.contextLength=16',
  'training.batchSize=2',
  'training.steps=4',
]

async function fails(
  script: string,
  sets: readonly string[],
  more: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const runs = temporaryFolder()
  const settings = sets.flatMap((s) => ['--set', s])
  const result = await mixlab(['run', script, '--runs', runs, '--no-report', ...settings, ...more], { env })
  const lines = result.stderr
    .trimEnd()
    .split('\n')
    .filter((line) => line.startsWith('mixlab: '))
  expect(result.stderr).not.toMatch(/^ {4}at /m)
  expect(result.code).toBe(2)
  expect(lines).toHaveLength(1)
  return lines[0]!
}

function script(text: string): string {
  const file = join(temporaryFolder(import.meta.dirname), 'script.ts')
  writeFileSync(file, text)
  return file
}

test('unknown plugin', async () => {
  expect(await fails(charLm, [data, ...tiny, 'experts=4', 'router=top_k'])).toMatch(/router "?top_k"?.*top-k/)
})
test('unknown field', async () => {
  expect(await fails(charLm, [data, 'training.step=4'])).toMatch(/training\.step.*steps/)
})
test('ill-typed field', async () => {
  expect(await fails(charLm, [data, 'training.steps=many'])).toMatch(/training\.steps is "many", expected integer ≥ /)
})
test('a limit of memory that is none', async () => {
  expect(await fails(charLm, [data, ...tiny], [], { MIXLAB_MEMORY: 'lots' })).toBe(
    'mixlab: MIXLAB_MEMORY=lots: expected a size from 16MiB to 4GiB, such as 512MiB or 2GB',
  )
})
test('a model that cannot be trained in the memory there is', async () => {
  const wide = [data, ...tiny, 'model.width=512', 'model.layers=2']
  expect(await fails(charLm, wide, [], { MIXLAB_MEMORY: '32MiB' })).toMatch(
    /^mixlab: training needs at least \d+\.\d MB of memory .*, the cpu engine has 33\.6 MB at most: use a smaller model$/,
  )
})
test('a batch that runs out of memory', async () => {
  const large = [data, ...tiny, 'training.batchSize=2000']
  expect(await fails(charLm, large, [], { MIXLAB_MEMORY: '32MiB' })).toMatch(
    /^mixlab: the cpu engine is out of memory: .* MB asked for \(.*\), .* MB allocated \(.* × float32 \[32000, .*\) of at most/,
  )
})
test('missing data file', async () => {
  expect(await fails(charLm, [`data=${join(root, 'LICENCE')}`])).toMatch(/LICENCE.*LICENSE/)
})
test('empty and binary data files', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'empty.txt'), '')
  writeFileSync(join(folder, 'binary.txt'), new Uint8Array([0, 1, 2, 255, 254, 0, 9]))
  expect(await fails(charLm, [`data=${join(folder, 'empty.txt')}`])).toMatch(/empty/)
  expect(await fails(charLm, [`data=${join(folder, 'binary.txt')}`])).toMatch(/binary|not text|UTF-8/)
})
test('context longer than the data', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'short.txt'), 'a short text of a few words\n')
  expect(await fails(charLm, [`data=${join(folder, 'short.txt')}`])).toMatch(/context/i)
})
test('k larger than the number of experts', async () => {
  expect(await fails(charLm, [data, ...tiny, 'experts=4', 'k=5'])).toMatch(/k is 5.*4 members/)
})
test('a script that throws, has no default export, or is not there', async () => {
  const throws = script(
    "import { defineExperiment, z } from 'mixlab'\nexport default defineExperiment({ name: 'x', config: z.object({}), run() { throw new Error('out of ideas') } })\n",
  )
  expect(await fails(throws, [])).toMatch(/out of ideas/)
  expect(await fails(script('export const x = 1\n'), [])).toMatch(/default export/)
  expect(await fails('/nowhere/experiment.ts', [])).toMatch(/nowhere/)
})
test('a run directory of another version', async () => {
  const runs = temporaryFolder()
  await mixlab(['run', charLm, '--runs', runs, '--no-report', ...[data, ...tiny].flatMap((s) => ['--set', s])])
  const run = onlyRun(runs)
  const record = JSON.parse(readFileSync(join(run, 'run.json'), 'utf8')) as Record<string, unknown>
  const key = Object.keys(record).find((name) => name.toLowerCase().includes('format'))!
  writeFileSync(join(run, 'run.json'), JSON.stringify({ ...record, [key]: 999 }))
  expect(await fails(charLm, [], ['--resume', run])).toMatch(/999/)
})
test('a corrupt checkpoint', async () => {
  const runs = temporaryFolder()
  const first = await mixlab([
    'run',
    charLm,
    '--runs',
    runs,
    '--no-report',
    ...[data, ...tiny, 'training.checkpoint.every=2'].flatMap((s) => ['--set', s]),
  ])
  expect(first.code, first.stderr).toBe(0)
  const run = onlyRun(runs)
  const record = JSON.parse(readFileSync(join(run, 'run.json'), 'utf8')) as Record<string, unknown>
  writeFileSync(join(run, 'run.json'), JSON.stringify({ ...record, status: 'interrupted' }))
  const newest = readdirSync(join(run, 'checkpoints')).toSorted().at(-1)!
  const model = join(run, 'checkpoints', newest, 'model.safetensors')
  writeFileSync(model, readFileSync(model).subarray(0, 1000))
  const events = readFileSync(join(run, 'events.jsonl'), 'utf8')
  expect(await fails(charLm, [], ['--resume', run])).toMatch(new RegExp(`${newest}.*corrupt`))
  expect(readFileSync(join(run, 'events.jsonl'), 'utf8').startsWith(events.slice(0, 500))).toBe(true)
})

test('a full disk in the middle of a checkpoint', async (context) => {
  const runs = temporaryFolder()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', runs])
  context.skip(mounted.status !== 0, 'a small tmpfs cannot be mounted here (that takes root)')
  onTestFinished(() => void spawnSync('umount', [runs]))
  // Checkpoints of about 1 MB; three are kept.
  const sets = [
    data,
    'model.layers=1',
    'model.width=64',
    'model.heads=2',
    'training.batchSize=2',
    'training.steps=40',
    'training.checkpoint.every=4',
  ]
  const result = await mixlab(['run', charLm, '--runs', runs, '--no-report', ...sets.flatMap((s) => ['--set', s])])
  expect(result.code).toBe(2)
  const lines = result.stderr.split('\n').filter((line) => line.startsWith('mixlab: '))
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/no space left|disk is full/i)
  const run = onlyRun(runs)
  const kept = readdirSync(join(run, 'checkpoints')).toSorted()
  expect(kept.length).toBeGreaterThan(0)
  for (const name of kept) {
    expect(name).toMatch(/^step-\d+$/)
    expect(readSafetensors(join(run, 'checkpoints', name, 'model.safetensors')).tensors.size).toBeGreaterThan(5)
  }
  expect(() => comparableEvents(run)).not.toThrow()
})
