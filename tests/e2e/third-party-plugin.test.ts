// A plugin package made from docs/writing-a-plugin.md alone, outside the workspace: plain JavaScript in a node_modules
// folder, with mixlab as a peer that the user's project has.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mixlab, onlyRun, root, temporaryFolder } from './mixlab.ts'

const guide = readFileSync(join(root, 'docs/writing-a-plugin.md'), 'utf8')
/** The guide's first block is the plugin, its second the experiment that uses it. */
const [plugin, experiment] = [...guide.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]!)

test('a package outside the workspace adds a router that is used by name', async () => {
  const project = temporaryFolder()
  const modules = join(project, 'node_modules')
  const packageFolder = join(modules, 'mixlab-router-temperature')
  mkdirSync(packageFolder, { recursive: true })
  symlinkSync(join(root, 'packages/mixlab'), join(modules, 'mixlab'))
  writeFileSync(
    join(packageFolder, 'package.json'),
    JSON.stringify({
      name: 'mixlab-router-temperature',
      type: 'module',
      exports: './index.js',
      peerDependencies: { mixlab: '*' },
    }),
  )
  // Packages are published as JavaScript; the guide's block has one type annotation.
  writeFileSync(join(packageFolder, 'index.js'), plugin!.replaceAll(' as tf.Tensor2D', ''))
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', type: 'module' }))
  writeFileSync(join(project, 'experiment.ts'), experiment!)

  const runs = join(project, 'runs')
  const sets = ['router.temperature=0.5', 'training.steps=4'].flatMap((set) => ['--set', set])
  const result = await mixlab(['run', 'experiment.ts', '--runs', runs, ...sets], { cwd: project })
  expect(result.code, result.stderr).toBe(0)
  expect(readFileSync(join(onlyRun(runs), 'events.jsonl'), 'utf8')).toContain('"router":"temperature"')

  const shown = await mixlab(['plugins', 'show', 'router/temperature', '--script', 'experiment.ts'], { cwd: project })
  expect(shown.stdout).toContain('Top-k of a softmax with a temperature')
  const wrong = await mixlab(
    ['run', 'experiment.ts', '--runs', runs, '--set', 'router=temperature', '--set', 'router.temprature=1'],
    { cwd: project },
  )
  expect(wrong.code).toBe(2)
  expect(wrong.stderr).toMatch(/unknown field temprature. Did you mean temperature\?/)
})
