// The workloads of `pnpm bench cpu` in one process, whose environment fixes threads and instructions:
// `node cpu-workloads.ts REPEATS PRECISION [WORKLOAD …]`. Its last line is an `Outcome` in JSON.
import { RandomStream } from '@mixlab/core'
import { registerEngines } from '@mixlab/lab'
import { tf, withPrecision } from '@mixlab/tensor'
import { decodingTimes } from './decode.ts'
import { type MachineFigures, measureMachine } from './machine.ts'
import { matrixSizes, type Precision } from './operations.ts'
import { missingPrecision } from './precision.ts'
import { steps } from './steps.ts'
import { median, medianMilliseconds } from './timing.ts'

export interface Measured {
  readonly workload: string
  readonly unit: 'GFLOP/s' | 'ms'
  readonly value: number
}

export interface Outcome {
  /** What the engine says of itself. */
  readonly engine: Readonly<Record<string, string | number>>
  /** Why nothing could be measured. */
  readonly unavailable?: string
  readonly figures: readonly Measured[]
  readonly machine?: MachineFigures
}

type Workload = (repeats: number) => Measured | Promise<Measured>

function* workloads(): Generator<[name: string, run: Workload]> {
  for (const size of matrixSizes) {
    const workload = `matmul-${size}`
    yield [
      workload,
      () => {
        const rng = new RandomStream(0)
        const a = tf.tensor2d(rng.normals(size * size), [size, size])
        const b = tf.tensor2d(rng.normals(size * size), [size, size])
        const milliseconds = medianMilliseconds(() => tf.matMul(a, b).dispose(), { warm: 5, count: 30 })
        return { workload, unit: 'GFLOP/s', value: (2 * size ** 3) / milliseconds / 1e6 }
      },
    ]
  }
  for (const [workload, create] of Object.entries(steps)) {
    const small = workload === 'nanogpt-step' || workload === 'mixture-step'
    yield [
      workload,
      async (repeats) => {
        const options = small ? { warm: 5, count: Math.max(repeats, 20) } : { warm: 2, count: repeats }
        return { workload, unit: 'ms', value: medianMilliseconds(await create(), options) }
      },
    ]
  }
  yield ['decode', async (repeats) => ({ workload: 'decode', unit: 'ms', value: median(await decodingTimes(repeats)) })]
}

async function measure(repeats: number, precision: Precision, chosen: ReadonlySet<string>): Promise<Outcome> {
  const engine = await (await registerEngines()).useEngine('cpu')
  const unavailable = missingPrecision(engine, precision)
  if (unavailable !== undefined) return { engine: engine.describe(), unavailable, figures: [] }
  return withPrecision(precision, async () => {
    const figures: Measured[] = []
    for (const [name, run] of workloads()) if (chosen.size === 0 || chosen.has(name)) figures.push(await run(repeats))
    return { engine: engine.describe(), figures, machine: measureMachine() }
  })
}

if (import.meta.main) {
  const [repeats, precision, ...chosen] = process.argv.slice(2)
  console.log(JSON.stringify(await measure(Number(repeats), precision as Precision, new Set(chosen))))
}
