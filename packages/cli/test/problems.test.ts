import { appendFileSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type Outcome, plain, workplace } from './fixtures/command.ts'

/** One line on stderr, exit code 2, no stack. */
function expectProblem({ code, stderr }: Outcome, line: string | RegExp): void {
  const lines = stderr.split('\n').filter((text) => text.startsWith('mixlab: '))
  expect(lines).toEqual([expect.stringMatching(line)])
  expect(stderr).not.toMatch(/^\s+at /m)
  expect(code).toBe(2)
}

test('a script that is missing, empty of experiments or unreadable is one line that names it', async () => {
  const { mixlab, file, folder } = workplace()
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'))
  file('experiment.ts', 'export default 3')
  file('enum.ts', 'enum A { x }\nexport default A')
  file('syntax.ts', 'const a = 1\nconst b: number =\nexport default a')
  file('syntax.js', 'export default function (')
  file(
    'named.ts',
    `import { defineExperiment } from '@mixlab/lab'\nexport const it = defineExperiment({ name: 'it', run: async () => {} })`,
  )
  file('import.ts', `import 'no-such-package'`)
  file('throws.ts', `throw new Error('not today')`)
  file(
    'name.ts',
    `import { defineExperiment } from '@mixlab/lab'\nexport default defineExperiment({ name: 'Bad Name', run: async () => {} })`,
  )
  file('nothing/readme.txt', 'no script here')
  file('notes.txt', 'x')
  file('old/package.json', '{ "type": "commonjs" }')
  file('old/index.ts', 'export default 3')
  const cases: [script: string, line: RegExp][] = [
    ['experimnt.ts', /^mixlab: experimnt.ts: there is no such file or folder. Did you mean experiment.ts/],
    ['noting/index.ts', /^mixlab: noting\/index.ts: there is no such file or folder$/],
    ['odl/index.ts', /^mixlab: odl\/index.ts: there is no such file or folder. Did you mean old\/index.ts\?$/],
    [
      'experiment.ts',
      /^mixlab: the default export of experiment.ts is neither an experiment nor a sweep: make it with defineExperiment/,
    ],
    ['.', /^mixlab: the default export of experiment.ts is neither an experiment nor a sweep/],
    ['enum.ts', /^mixlab: enum.ts:1: syntax error: TypeScript enum is not supported/],
    ['syntax.ts', /^mixlab: syntax.ts:\d: syntax error: Expression expected/],
    ['syntax.js', /^mixlab: syntax.js: syntax error: Unexpected end of input/],
    ['named.ts', /^mixlab: named.ts has no default export: export it as default/],
    ['import.ts', /^mixlab: import.ts: cannot find package 'no-such-package'/],
    ['throws.ts', /^mixlab: throws.ts failed while it was loaded: not today/],
    ['name.ts', /^mixlab: experiment "Bad Name": a name is lower-case words joined by hyphens, e.g. bad-name/],
    ['nothing', /^mixlab: nothing: there is no experiment.ts in this folder/],
    [
      'old',
      /^mixlab: old\/package.json says "type": "commonjs", so index.ts cannot use import: change it to "type": "module"/,
    ],
    ['notes.txt', /^mixlab: notes.txt is not a script/],
  ]
  await Promise.all(cases.map(async ([script, line]) => expectProblem(await mixlab('run', script), line)))
})

test('a wrong field, value, command or option is one line with what was meant', async () => {
  const { mixlab, folder } = workplace()
  const cases: [args: string[], line: RegExp][] = [
    [['run', plain, '--set', 'stpes=3'], /unknown field stpes. Did you mean steps\?/],
    [['run', plain, '--set', 'model.widht=3'], /unknown field model.widht. Did you mean width\?/],
    [['run', plain, '--set', 'steps=1001'], /steps is 1001, expected integer ≥ 1 and ≤ 1000/],
    [['run', plain, '--set', 'steps'], /--set steps: expected field=value/],
    [['run', plain, '--seed', 'x'], /option '--seed <number>' argument 'x' is invalid. expected a whole number/],
    [['run', plain, '--resume', 'nowhere'], /no run "nowhere" in/],
    [['run', plain, '--sed', '3'], /unknown option '--sed' \(Did you mean one of --seed, --set\?\)/],
    [['run'], /run: which experiment\?/],
    [['rn'], /unknown command 'rn' \(Did you mean run\?\)/],
    [['runs', 'show', 'nowhere'], /no run "nowhere"/],
    [['report', 'nowhere'], /no run "nowhere"/],
  ]
  await Promise.all(cases.map(async ([args, line]) => expectProblem(await mixlab(...args), line)))
  expect(readdirSync(folder)).toEqual([])
})

test('a script that throws: one line that says where, the stack when asked, a failed run', async () => {
  const { mixlab } = workplace()
  const failed = await mixlab('run', plain, '--set', 'fail=true')
  expectProblem(failed, /^mixlab: TypeError: the script is broken \(plain.ts:\d+\); --stack shows more$/)
  const withStack = await mixlab('run', plain, '--set', 'fail=true', '--stack')
  expect(withStack.stderr).toMatch(/^\s+at .*plain\.ts:\d+:\d+/m)
  expect((await mixlab('runs', 'list')).stdout).toMatch(/plain +failed .*the script is broken/)
})

test('an exception outside the run is one line, too', async () => {
  const { mixlab, file, folder } = workplace()
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'))
  file(
    'stray.ts',
    `import { defineExperiment } from '@mixlab/lab'
     export default defineExperiment({ name: 'stray', engine: 'none', run: async () => {
       setTimeout(() => { throw new Error('stray timer') }, 1)
       await new Promise((resolve) => setTimeout(resolve, 200))
     } })`,
  )
  expectProblem(await mixlab('run', 'stray.ts'), /stray timer/)
  expect((await mixlab('runs', 'list')).stdout).toMatch(/stray +interrupted/)
})

test('a run directory of another version is said, and hides no other run', async () => {
  const { mixlab, folder, file } = workplace()
  await mixlab('run', plain, '--no-report', '--name', 'good')
  file('runs/plain/20200101-000000-old/run.json', '{"format": 0}')
  const listed = await mixlab('runs', 'list')
  expect(listed.stdout).toMatch(/-good/)
  expect(listed.stderr).toMatch(
    /^mixlab: .*-old was written by another version of mixlab \(format 0; this one reads format 1\)/,
  )
  expectProblem(await mixlab('run', plain, '--resume', 'old'), /was written by another version/)
  const good = readdirSync(join(folder, 'runs/plain')).find((id) => id.endsWith('good')) ?? ''
  appendFileSync(join(folder, 'runs/plain', good, 'run.json'), '}')
  expectProblem(await mixlab('runs', 'show', 'good'), /run.json is corrupt/)
})
