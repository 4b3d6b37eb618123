// What a user of agents gets wrong: one clear line, exit code 2, and nothing was asked.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mixlab, root, temporaryFolder } from '../e2e/mixlab.ts'
import { startHostileServer } from './hostile-server.ts'
import { always } from './hostile-plan.ts'

const script = join(import.meta.dirname, 'fixtures/mixture.ts')
const nobody = 'http://127.0.0.1:9/v1'

const agent = (model: object, more: object = {}): string => `agents=${JSON.stringify({ a: { model, ...more } })}`
const server = (url: string, more: object = {}) => ({ name: 'openai-compatible', url, model: 'm', ...more })

/** The command's one line of complaint. */
async function complaint(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, stderr } = await mixlab(args, { env })
  expect(code, stderr).toBe(2)
  const lines = stderr.split('\n').filter((line) => line.startsWith('mixlab: '))
  expect(lines, stderr).toHaveLength(1)
  expect(stderr).not.toMatch(/^\s+at /m)
  return lines[0]!
}

const run = (...set: string[]): string[] => [
  'run',
  script,
  '--runs',
  temporaryFolder(),
  ...set.flatMap((assignment) => ['--set', assignment]),
]

test.for([
  [['agents={}'], /at least one agent/],
  [
    [agent({ name: 'openai-compatibel', url: nobody, model: 'm' })],
    /openai-compatibel.*Did you mean openai-compatible\?/,
  ],
  [[agent({ name: 'openai-compatible', url: nobody, modell: 'm' })], /modell|model is missing/],
  [[agent(server(nobody, { keyVariable: 'NO_SUCH_KEY_7' }))], /NO_SUCH_KEY_7 is not set/],
  [[agent(server(nobody)), 'topology=moaa'], /topology "moaa".*Did you mean moa/],
  [[agent(server(nobody)), 'topology={"name":"moa","proposers":["b"]}'], /\bb\b/],
  [[agent(server(nobody)), 'topology={"name":"broken","how":"cycle"}'], /cycle/],
  [[agent(server(nobody)), 'topology={"name":"broken","how":"dangling"}'], /nowhere/],
  [[agent(server(nobody)), 'graders=["gsm8"]'], /gsm8.*Did you mean gsm8k\?/],
  [[agent(server(nobody)), 'calling={"budget":{"tokens":0}}'], /budget\.tokens is 0, expected number > 0/],
  [[agent(server(nobody)), 'calling={"budget":{"money":1}}'], /price.*\bm\b/],
] as const)('%s', async ([set, said]) => {
  expect(await complaint(run(...set))).toMatch(said)
})

test('a price file with a gap, and one that is not JSON', async () => {
  const file = join(temporaryFolder(), 'prices.json')
  writeFileSync(file, JSON.stringify({ prices: [{ model: 'm', input: 1 }] }))
  const args = run(agent(server(nobody)), `calling=${JSON.stringify({ prices: file })}`)
  expect(await complaint(args)).toMatch(/prices\.0\.output is missing/)
  writeFileSync(file, '{')
  expect(await complaint(args)).toMatch(/prices\.json is not JSON/)
})

test('a line of a data set that is not JSON', async () => {
  const file = join(temporaryFolder(), 'questions.jsonl')
  writeFileSync(file, '{"question":"1 + 1?","answer":"#### 2"}\n{"question": \n')
  const line = await complaint([
    'run',
    join(root, 'experiments/moa-layers'),
    '--runs',
    temporaryFolder(),
    '--set',
    `questions=${JSON.stringify({ path: file })}`,
  ])
  expect(line).toMatch(/questions\.jsonl, line 2 is not JSON/)
})

test.for([
  ['unknown-model', /agent a cannot be asked: .*does not exist/],
  ['unauthorized', /agent a cannot be asked: .*Incorrect API key/],
] as const)('a server says %s: the run ends, and goes on once that is mended', async ([behaviour, said]) => {
  await using hostile = await startHostileServer({ plan: always(behaviour) })
  const args = run(agent(server(hostile.url)), 'questions=4')
  expect(await complaint(args)).toMatch(said)
  hostile.plan = always('reply')
  const again = await mixlab(['run', script, '--runs', args[3]!, '--resume', 'latest', '--no-report'])
  expect(again.code, again.stderr).toBe(0)
  expect(again.stdout).toMatch(/^answered +4$/m)
})
