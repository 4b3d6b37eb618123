import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { plain, workplace } from './fixtures/command.ts'

test('help needs no tensors, and says what there is', async () => {
  const { start } = workplace()
  const spy = `import { registerHooks } from 'node:module'
registerHooks({ load(url, context, next) { if (/tfjs|inversify|plot/.test(url)) console.log('LOADED ' + url); return next(url, context) } })`
  const { stdout, code } = await start(['--help'], ['--import', `data:text/javascript,${encodeURIComponent(spy)}`])
    .outcome
  expect(code).toBe(0)
  for (const command of ['run', 'runs', 'report', 'plugins', 'engines'])
    expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
  expect(stdout).not.toContain('LOADED')
})

test("an experiment's help lists its fields with types, ranges, defaults and descriptions", async () => {
  const { stdout, code } = await workplace().mixlab('run', plain, '--help')
  expect(code).toBe(0)
  expect(stdout).toContain('--set <field=value>')
  expect(stdout).toContain('Does the command line work?')
  expect(stdout).toMatch(/steps +integer ≥ 1 and ≤ 1000 +\[3\]\n +How far to count/)
  expect(stdout).toMatch(/model.width +integer +\[8\]/)
})

test('a run prints its result and its place, plain lines where there is no terminal', async () => {
  const { mixlab, folder } = workplace()
  const { stdout, stderr, code } = await mixlab(
    'run',
    plain,
    '--set',
    'model.width=3',
    '--seed',
    '7',
    '--name',
    'mine',
    '--no-report',
  )
  expect(code).toBe(0)
  expect(stdout).toMatch(/loss +0.3333\nnested.width +3\n/)
  const path = /^run +(.*)$/m.exec(stdout)?.[1] ?? ''
  expect(path).toMatch(/^runs\/plain\/\d{8}-\d{6}-mine$/)
  expect(existsSync(join(folder, path, 'events.jsonl'))).toBe(true)
  expect(JSON.parse(readFileSync(join(folder, path, 'run.json'), 'utf8'))).toMatchObject({
    seed: 7,
    script: plain,
    status: 'finished',
  })
  expect(stderr).toMatch(/plain {2}run \S+-mine, seed 7/)
  expect(stderr).toContain('warning this is only a test')
  expect(stderr).toContain('step 3/3  loss 0.3333')
  expect(stderr).not.toContain('\r')
  const quiet = await mixlab('run', plain, '--quiet', '--no-report')
  expect(quiet.stderr).toBe('')
})

test('runs are listed and shown', async () => {
  const { mixlab } = workplace()
  expect((await mixlab('runs', 'list')).stdout).toMatch(/^no runs in/)
  await mixlab('run', plain, '--name', 'a', '--no-report')
  await delay(1100)
  await mixlab('run', plain, '--name', 'b', '--no-report', '--set', 'steps=5')
  const { stdout } = await mixlab('runs', 'list')
  expect(stdout.split('\n').slice(1, 3)).toEqual([
    expect.stringMatching(/-b +plain +finished/),
    expect.stringMatching(/-a +plain +finished/),
  ])
  const shown = await mixlab('runs', 'show', 'latest')
  expect(shown.stdout).toMatch(/status +finished/)
  expect(shown.stdout).toMatch(/ {2}steps +5\n/)
  expect(shown.stdout).toMatch(/command +mixlab run .*--set steps=5/)
  const listed: unknown = JSON.parse((await mixlab('runs', 'list', 'plain', '--json')).stdout)
  expect(listed).toHaveLength(2)
  expect((await mixlab('runs', 'list', 'plian')).stderr).toMatch(/Did you mean plain/)
})

test('runs that differ by seed are one row with a confidence interval; children count', async () => {
  const { mixlab } = workplace()
  const run = await mixlab('run', plain, '--set', 'arms=["low","high"]', '--no-report')
  expect(run.stdout).toMatch(/^low +3 +.*±/m)
  const { stdout } = await mixlab('runs', 'compare', 'plain', '--json')
  const rows = JSON.parse(stdout) as {
    arm: string
    seeds: number[]
    metrics: { score: { n: number; mean: number; halfWidth: number } }
  }[]
  expect(rows.map(({ arm, seeds }) => [arm, seeds])).toEqual([
    ['low', [1, 2, 3]],
    ['high', [1, 2, 3]],
  ])
  const low = rows[0]!.metrics.score
  expect(low.n).toBe(3)
  expect(low.mean).toBeGreaterThan(0)
  expect(low.mean).toBeLessThan(0.01)
  expect(low.halfWidth).toBeGreaterThan(0)
  expect((await mixlab('runs', 'compare', 'plain', '--metric', 'scroe')).stderr).toMatch(/Did you mean score/)
})

test("a run's precision is told, shown and compared", async () => {
  const { mixlab, file, folder } = workplace()
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'))
  const script = file(
    'rounding.mts',
    `import { defineExperiment } from '@mixlab/lab'
     import { tf } from '@mixlab/tensor'
     export default defineExperiment({
       name: 'rounding',
       run: async () => ({ third: tf.matMul(tf.fill([6, 1], 1 / 3), tf.ones([1, 1])).dataSync()[0] }),
     })`,
  )
  const run = (...args: string[]) => mixlab('run', script, '--engine', 'cpu', '--no-report', ...args)
  const low = await run('--precision', 'bf16', '--name', 'low')
  expect(low.stderr).toMatch(/, engine cpu in bf16$/m)
  expect(low.stdout).toMatch(/^third +0.334$/m)
  const high = await run('--name', 'high', '--seed', '2')
  expect(high.stderr).toMatch(/, engine cpu$/m)
  expect(high.stdout).toMatch(/^third +0.3333$/m)
  expect((await mixlab('runs', 'show', 'low')).stdout).toMatch(/^precision +bf16$/m)
  const { stdout } = await mixlab('runs', 'compare', 'rounding', '--json')
  expect((JSON.parse(stdout) as { seeds: number[] }[]).map(({ seeds }) => seeds.length)).toEqual([1, 1])
  expect(await run('--precision', 'bf61')).toMatchObject({
    code: 2,
    stderr: 'mixlab: Unknown precision "bf61". Did you mean bf16?\n',
  })
  expect((await mixlab('run', '--help')).stdout).toMatch(/--precision <name> +of matrix products: float32/)
})

test('Ctrl-C ends a run in order, says how to go on, and that works', async () => {
  const { start, mixlab } = workplace()
  const running = start(['run', plain, '--set', 'steps=1000', '--set', 'pauseMs=5', '--no-report'])
  while (!running.errors().includes('only a test')) await delay(10)
  running.process.kill('SIGINT')
  const { code, stderr } = await running.outcome
  expect(code).toBe(130)
  const command = /go on with: mixlab (run .*)$/m.exec(stderr)?.[1] ?? ''
  expect(command).toMatch(/--resume \d{8}-\d{6}-\w{4}$/)
  expect((await mixlab('runs', 'list')).stdout).toMatch(/plain +interrupted/)
  const again = start([...command.split(' '), '--no-report'])
  while (!again.errors().includes('resumed')) await delay(10)
  again.process.kill('SIGTERM')
  expect((await again.outcome).code).toBe(130)
})

test('a script in a folder of its own, outside the workspace, works', async () => {
  const { mixlab, file, folder } = workplace()
  mkdirSync(join(folder, 'mine/node_modules/@mixlab'), { recursive: true })
  symlinkSync(fileURLToPath(new URL('../../lab', import.meta.url)), join(folder, 'mine/node_modules/@mixlab/lab'))
  file('mine/package.json', '{ "type": "module", "main": "./src/question.ts" }')
  file('mine/src/answer.ts', 'export const answer: number = 42')
  file(
    'mine/src/question.ts',
    `import { defineExperiment } from '@mixlab/lab'
     import { answer } from './answer.ts'
     export default defineExperiment({ name: 'question', engine: 'none', run: async () => ({ answer }) })`,
  )
  const { stdout, stderr, code } = await mixlab('run', 'mine', '--no-report')
  expect([code, stderr.includes('mixlab:')]).toEqual([0, false])
  expect(stdout).toMatch(/^answer +42$/m)
})
