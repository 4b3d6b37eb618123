// Trackers on the command line: what is wrong is said in one line before there is a run, what may get better is not.
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { type Outcome, plain, workplace } from './fixtures/command.ts'

const timeout = 120_000

function expectProblem({ code, stderr }: Outcome, line: RegExp): void {
  const lines = stderr.split('\n').filter((text) => text.startsWith('mixlab: '))
  expect(lines).toEqual([expect.stringMatching(line)])
  expect(stderr).not.toMatch(/^\s+at /m)
  expect(code).toBe(2)
}

async function answering(status: number, body = '{}'): Promise<string> {
  const server = createServer((request, response) =>
    request.resume().on('end', () => response.writeHead(status).end(body)),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
}

test('a mistake that is certain is one line, and there is no run', { timeout }, async () => {
  const { mixlab, folder } = workplace()
  const refusing = await answering(401)
  const run = (...args: string[]) => mixlab('run', plain, '--no-report', ...args)
  const uri = (value: string) => ['--track', 'mlflow', '--track-set', `mlflow.uri=${value}`]
  const cases: [args: string[], line: RegExp][] = [
    [['--track', 'tensorbord'], /unknown tracker "tensorbord". Did you mean tensorboard\?/],
    [['--track', 'csv,mlfow'], /unknown tracker "mlfow". Did you mean mlflow\?/],
    [['--track', 'mlflow', '--track-set', 'mlflow.ur=x'], /tracker mlflow: unknown field ur. Did you mean uri\?/],
    [
      ['--track', 'csv', '--track-set', 'mlflow.uri=x'],
      /--track-set mlflow.uri=x: expected tracker.field=value with one of this run's trackers \(csv\)/,
    ],
    [uri('not a url'), /tracker mlflow: the tracking URI is not a URL/],
    [uri('ftp://host'), /tracker mlflow: the tracking URI has the scheme "ftp:"/],
    [uri('http://user:secret@host'), /tracker mlflow: uri has a user name or password in it.*MLFLOW_TRACKING_USERNAME/],
    [['--track', 'mlflow'], /tracker mlflow: no tracking server is named/],
    [uri(refusing), /tracker mlflow: .*status 401.*MLFLOW_TRACKING_PASSWORD/],
  ]
  for (const [args, line] of cases) expectProblem(await run(...args), line)
  expect(existsSync(join(folder, 'runs'))).toBe(false)
})

test('a server that does not answer is a warning and a line at the end; the run is well', { timeout }, async () => {
  const { mixlab, folder } = workplace()
  const args = ['--track', 'mlflow,csv', '--track-set', 'mlflow.uri=http://127.0.0.1:9', '--track-wait', '1']
  const { code, stderr } = await mixlab('run', plain, '--no-report', '--name', 'mine', ...args)
  expect(code).toBe(0)
  expect(stderr).toMatch(
    /^mixlab: tracker mlflow: .* not sent \(.*127.0.0.1:9.*\); send the rest with: mixlab runs push \S+-mine --to mlflow$/m,
  )
  const [run] = readdirSync(join(folder, 'runs/plain'))
  const path = join(folder, 'runs/plain', run!)
  expect(readFileSync(join(path, 'metrics.csv'), 'utf8')).toContain('train/loss,3,')
  expect(JSON.parse(readFileSync(join(path, 'run.json'), 'utf8'))).toMatchObject({ status: 'finished' })
  const pushed = await mixlab('runs', 'push', 'mine', '--to', 'csv')
  expect(pushed).toMatchObject({ code: 0, stdout: expect.stringMatching(/-mine {2}csv {2}has it all\n$/) })
  expectProblem(await mixlab('runs', 'push', 'mine', '--to', 'cvs'), /unknown tracker "cvs". Did you mean csv\?/)
})

test('a run without trackers is pushed later; its children are pushed with it', { timeout }, async () => {
  const { mixlab, folder } = workplace()
  expect((await mixlab('run', plain, '--no-report', '--set', 'arms=["a"]')).code).toBe(0)
  expectProblem(await mixlab('runs', 'push', 'latest'), /has no trackers: name one, e.g. --to mlflow/)
  const { stdout } = await mixlab('runs', 'push', 'latest', '--to', 'csv,tensorboard')
  expect(stdout).toMatch(/csv {2}\d+ events sent\n.*tensorboard {2}\d+ events sent\n/)
  const [run] = readdirSync(join(folder, 'runs/plain'))
  const child = join(folder, 'runs/plain', run!, 'children/a-seed-2')
  expect(readFileSync(join(child, 'metrics.csv'), 'utf8')).toContain('result/score,0,')
  expectProblem(await mixlab('runs', 'push', child, '--to', 'csv'), /is part of .*: send that/)
})

const script = `
import { appendFileSync } from 'node:fs'
import { defineExperiment } from '@mixlab/lab'
import { defineTracker } from '@mixlab/tracking'
const lines = defineTracker({
  name: 'lines',
  summary: 'A line for each event',
  create: () => ({
    target: 'a file',
    async write(run, events) {
      appendFileSync(run.directory + '/lines.txt', events.map((event) => event.type + '\\n').join(''))
    },
  }),
})
export default defineExperiment({ name: 'mine', engine: 'none', plugins: [lines], track: ['lines'],
  run: async (run) => { run.emit('note', { message: 'hello' }); return {} } })`

test(
  "an experiment's own tracker is used by name; one that takes its process down harms nobody",
  { timeout },
  async () => {
    const { mixlab, folder } = workplace()
    symlinkSync(fileURLToPath(new URL('../../lab/node_modules', import.meta.url)), join(folder, 'node_modules'))
    writeFileSync(
      join(folder, 'mine.ts'),
      script.replace("from '@mixlab/lab'", `from ${JSON.stringify(fileURLToPath(import.meta.resolve('@mixlab/lab')))}`),
    )
    const well = await mixlab('run', 'mine.ts', '--no-report')
    expect(well, well.stderr).toMatchObject({ code: 0 })
    const [run] = readdirSync(join(folder, 'runs/mine'))
    expect(readFileSync(join(folder, 'runs/mine', run!, 'lines.txt'), 'utf8')).toBe('run.started\nnote\nrun.finished\n')
    writeFileSync(
      join(folder, 'dies.ts'),
      readFileSync(join(folder, 'mine.ts'), 'utf8').replace('appendFileSync(', 'process.exit(3); appendFileSync('),
    )
    const badly = await mixlab('run', 'dies.ts', '--no-report', '--name', 'dies')
    expect(badly, badly.stderr).toMatchObject({ code: 0 })
    expect(badly.stderr).toMatch(/^mixlab: tracker lines: .*not sent \(the process that sends to trackers ended\)/m)
    expect((await mixlab('run', 'mine.ts', '--no-report', '--no-track', '--name', 'none')).code).toBe(0)
    const none = readdirSync(join(folder, 'runs/mine')).find((name) => name.endsWith('-none'))
    expect(existsSync(join(folder, 'runs/mine', none!, 'trackers'))).toBe(false)
  },
)
