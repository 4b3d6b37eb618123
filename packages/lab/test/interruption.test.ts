import { setTimeout as delay } from 'node:timers/promises'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openRun, runExperiment } from '../src/index.ts'
import { counting } from './fixtures/counting.ts'
import { start, temporaryFolder, timelessLines } from './fixtures/processes.ts'

const launch = (options: object) => start('run-counting.ts', JSON.stringify(options))
const pathOf = (output: string) => output.split('\n')[0] ?? ''

test('Ctrl-C ends a run in order, with its state saved', async () => {
  const runs = temporaryFolder()
  const running = launch({ runs, config: { steps: 100_000, pauseMs: 1 } })
  await running.until('counting')
  await delay(50)
  running.process.kill('SIGINT')
  const { code, output } = await running.ended
  expect([code, output.trim().split('\n').slice(1)]).toEqual([0, ['interrupting', 'interrupted']])
  expect((await openRun(pathOf(output))).status).toBe('interrupted')
  expect((await timelessLines(pathOf(output))).slice(-2).join()).toMatch(/checkpoint.saved.*run.finished.*interrupted/)
})

test('a second Ctrl-C ends a run that does not listen, at once; its events are there', async () => {
  const runs = temporaryFolder()
  const running = launch({ runs, config: { steps: 100_000, pauseMs: 1, stubborn: true } })
  await running.until('counting')
  await delay(50)
  running.process.kill('SIGINT')
  await running.until('interrupting')
  await delay(30)
  running.process.kill('SIGINT') // an echo of the first by a package manager
  await delay(150)
  expect(running.process.exitCode).toBeNull()
  running.process.kill('SIGINT')
  const { code, output } = await running.ended
  expect(code).toBe(130)
  expect((await openRun(pathOf(output))).status).toBe('interrupted')
  expect(readFileSync(join(pathOf(output), 'events.jsonl'), 'utf8')).toMatch(
    /"(?:train.step|checkpoint.saved)"[^\n]*\n$/,
  )
})

test('a run killed at any moment and resumed has the log and the result of one that was not', async () => {
  const runs = temporaryFolder()
  const config = { steps: 60, every: 7, pauseMs: 1 }
  const whole = await runExperiment(counting, { runs, config })
  const expected = await timelessLines(whole.path)
  for (const pause of [5, 25, 45]) {
    let running = launch({ runs, config })
    await running.until('counting')
    const path = pathOf(await outputSoFar(running, runs))
    for (const again of [pause, pause / 2]) {
      await delay(again)
      running.process.kill('SIGKILL')
      await running.ended
      running = launch({ runs, resume: path })
      await running.until('counting')
    }
    const { code } = await running.ended
    expect(code).toBe(0)
    expect((await openRun(path)).result).toEqual(whole.result)
    const lines = await timelessLines(path)
    expect(lines.filter((line) => !line.includes('"run.resumed"'))).toEqual(expected)
  }
})

/** The run directory's path, which the process prints first. */
async function outputSoFar(running: ReturnType<typeof launch>, runs: string): Promise<string> {
  await running.until(runs)
  return running.output()
}
