// Training in bf16: a run ends about where it would in float32, on float32 masters, the same on any number of threads, and
// goes on in the precision in which it began.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fixedBatches } from '@mixlab/data'
import { runningBackend } from '@mixlab/engine-cpu'
import { generate } from '@mixlab/nn'
import { currentPrecision, withPrecision } from '@mixlab/tensor'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openRun } from '../../lab/src/index.ts'
import { meanLoss } from '../src/index.ts'
import { eventsOf, lastCheckpoint, type Plan, quiet, tensorsIn, trainIn } from './runs.ts'
import { corpus, mixtureModel } from './tiny.ts'

const mixture = { router: { name: 'top-k', k: 2 }, experts: { name: 'swiglu', count: 4, width: 16 } }
const model = (seed = 1) => mixtureModel({}, { width: 16, mixture }, seed)

const config = { ...quiet, batchSize: 8, learningRate: 0.01 }
const short: Plan = { precision: 'bf16', model, config: { ...config, steps: 8, log: { every: 1 } } }

test('a run ends about where it would in float32, compared with what another seed changes', async () => {
  const losses = async (precision: string) => {
    const found: number[] = []
    for (const seed of [1, 2, 3, 4]) {
      const { result } = await trainIn({ precision, config: { ...config, steps: 60 }, model: () => model(seed) })
      found.push(result!.validationLoss!)
    }
    return found
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [high, low] = [await losses('float32'), await losses('bf16')]
  // It learns: a guess by the letters' frequencies costs 2.8.
  for (const loss of [...high, ...low]) expect(loss).toBeLessThan(2)
  const deviation = Math.sqrt(mean(high.map((loss) => (loss - mean(high)) ** 2)))
  const gaps = low.map((loss, index) => Math.abs(loss - high[index]!))
  expect(Math.max(...gaps)).toBeLessThan(deviation)
  expect(Math.abs(mean(low) - mean(high))).toBeLessThan(deviation / 2)
  expect(Math.min(...gaps)).toBeGreaterThan(0)
})

test('parameters, their averages and the optimizer state are float32', async () => {
  const { path } = await trainIn({ ...short, config: { ...short.config, ema: 0.9 } })
  const files = lastCheckpoint(path)
  for (const name of ['model.safetensors', 'optimizer.safetensors', 'ema.safetensors']) {
    const file = files[name]!
    const header = file.toString('utf8', 8, 8 + Number(file.readBigUInt64LE(0)))
    expect(header).not.toContain('BF16')
    for (const [tensor, values] of tensorsIn(file)) {
      if (values.length < 16) continue
      const bits = new Uint32Array(values.buffer)
      // More than bfloat16 can hold.
      expect(bits.filter((word) => (word & 0xffff) !== 0).length, `${name} ${tensor}`).toBeGreaterThan(bits.length / 2)
    }
  }
})

test('one seed gives one run on any number of threads', async () => {
  const backend = runningBackend()!
  const threads = backend.threads()
  onTestFinished(() => backend.setThreads(threads))
  const files: Record<string, Buffer>[] = []
  for (const count of [1, 2, 3]) {
    backend.setThreads(count)
    files.push(lastCheckpoint((await trainIn(short)).path))
  }
  expect(files[1]).toEqual(files[0])
  expect(files[2]).toEqual(files[0])
  expect(lastCheckpoint((await trainIn({ ...short, precision: 'float32' })).path)).not.toEqual(files[0])
})

test("evaluation and generation follow the run's precision", async () => {
  const validation = fixedBatches(corpus.validation, { batches: 2, batchSize: 8, contextLength: 8 })
  const seen = new Set<string>()
  let [same, other] = [0, 0]
  const { result } = await trainIn({
    ...short,
    after: async (trained) => {
      same = await meanLoss(trained, validation)
      other = await withPrecision('float32', () => meanLoss(trained, validation))
      const forward = trained.forward.bind(trained)
      trained.forward = (...given) => {
        seen.add(currentPrecision().name)
        return forward(...given)
      }
      await generate(trained, [1, 2, 3], { maxTokens: 3 })
    },
  })
  expect(same).toBe(result!.validationLoss)
  expect(other).not.toBe(same)
  expect(other).toBeCloseTo(same, 2)
  expect([...seen]).toEqual(['bf16'])
})

describe('a resumed run', () => {
  const interrupted = (): Promise<{ path: string }> =>
    trainIn({ ...short, interruptAt: (type, data) => type === 'train.step' && 'step' in data && data.step === 3 })

  test('keeps its precision', async () => {
    const whole = await trainIn(short)
    const { path } = await interrupted()
    expect((await openRun(path)).precision).toBe('bf16')
    const { precision: _, ...unsaid } = short
    const resumed = await trainIn({ ...unsaid, resume: path })
    expect(eventsOf(resumed, 'run.resumed')).toHaveLength(1)
    expect(lastCheckpoint(path)).toEqual(lastCheckpoint(whole.path))
    expect((await openRun(path)).precision).toBe('bf16')
  })

  test('refuses another', async () => {
    const { path } = await interrupted()
    const { error } = await trainIn({ ...short, precision: 'float32', resume: path })
    expect(String(error)).toMatch(/keeps its precision \(bf16\) when it is resumed: leave --precision out/)
  })

  test('has a checkpoint that knows its own, whatever its run.json says', async () => {
    const { path } = await interrupted()
    const file = join(path, 'run.json')
    writeFileSync(file, readFileSync(file, 'utf8').replace('"precision": "bf16"', '"precision": "float32"'))
    const { error } = await trainIn({ ...short, precision: 'float32', resume: path })
    expect(String(error)).toMatch(/cannot resume from .*: the precision was "bf16", is now "float32"/)
  })
})
