// The files as Python's csv module reads them (RFC 4180), or as they stand where there is no Python.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { pushRun } from '@mixlab/tracking'
import { csv } from '../src/index.ts'
import { runPython, temporaryFolder, withoutPython } from './peer.ts'
import { eventsOf, losses, runFile, startedAt, writeRun } from './synthetic-run.ts'

const tracker = () => csv.create({}, {} as never)
const push = async (root: string) => pushRun({ tracker: await tracker(), name: 'csv', config: {}, root })

const program = `
import csv, json, sys
print(json.dumps([list(csv.reader(open(path, newline=''))) for path in sys.argv[1:]]))`

test('every value of every metric is a row, as another reader of CSV reads it', ({ skip }) => {
  const reason = withoutPython('csv')
  if (reason !== undefined) skip(reason)
  return check()
})

async function check(): Promise<void> {
  const root = join(temporaryFolder(), 'run')
  writeRun(root)
  await push(root)
  const [metrics, parameters] = runPython<string[][][]>(
    program,
    join(root, 'metrics.csv'),
    join(root, 'parameters.csv'),
  )
  expect(metrics![0]).toEqual(['metric', 'step', 'value', 'time'])
  const loss = metrics!.filter(([metric]) => metric === 'train/loss')
  expect(loss.map(([, step, value]) => [Number(step), Number(value)])).toEqual(losses.map((value, i) => [i + 1, value]))
  expect(Date.parse(loss[2]![3]!)).toBe(startedAt + 3000)
  expect(metrics).toContainEqual(['routing/0/entropy', '1', '0.9', '2026-11-30T12:00:01.000Z'])
  expect(metrics).toContainEqual(['result/nested/ratio', '0', 'NaN', '2026-11-30T12:01:00.000Z'])
  expect(Object.fromEntries(parameters!)).toMatchObject({
    parameter: 'value',
    seed: '7',
    'model.router.k': '2',
    sizes: '[1,2]',
    note: 'with, comma and "quotes"\nand | a line',
  })
  expect(readFileSync(join(root, 'metrics.csv'), 'utf8').endsWith('\r\n')).toBe(true)
}

test('a log that goes on is gone on with; one that was cut takes the place of what there was; again changes nothing', async () => {
  const root = join(temporaryFolder(), 'run')
  const events = eventsOf()
  const text = () => readFileSync(join(root, 'metrics.csv'), 'utf8')
  writeRun(root, runFile(), events)
  await push(root)
  const whole = text()
  writeRun(root, runFile({ status: 'running' }), events.slice(0, 9))
  await push(root)
  expect(whole.startsWith(text())).toBe(true)
  expect(text().length).toBeLessThan(whole.length)
  writeRun(root, runFile(), events)
  expect(await push(root)).toBe(events.length - 9)
  expect(text()).toBe(whole)
  expect(await push(root)).toBe(0)
  expect(text()).toBe(whole)
})
