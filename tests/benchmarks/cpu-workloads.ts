// The workloads of `pnpm bench cpu` in one process: `node cpu-workloads.ts REPEATS [WORKLOAD …]` prints one line of JSON.
// Shapes are those of `peer.py`, which runs the same in PyTorch and Hugging Face transformers.
import { RandomStream } from '@mixlab/core'
import { registerEngines } from '@mixlab/lab'
import { tf } from '@mixlab/tensor'
import { steps } from './steps.ts'

const repeats = Number(process.argv[2] ?? 10)
const chosen = new Set(process.argv.slice(3))
const results: Record<string, unknown> = {}
const engine = await (await registerEngines()).useEngine('cpu')

/** Worker threads take some tenths of a second to start, in which a small workload would be over. */
const warmMilliseconds = 500

function medianMilliseconds(run: () => void, warm: number, count: number): number {
  const begun = performance.now()
  for (let i = 0; i < warm || performance.now() - begun < warmMilliseconds; i++) run()
  const times = Array.from({ length: count }, () => {
    const start = performance.now()
    run()
    return performance.now() - start
  })
  return times.toSorted((a, b) => a - b)[Math.floor(count / 2)]!
}

const workloads: Record<string, () => void | Promise<void>> = {}
for (const size of [256, 512, 1024]) {
  workloads[`matmul-${size}`] = () => {
    const rng = new RandomStream(0)
    const a = tf.tensor2d(rng.normals(size * size), [size, size])
    const b = tf.tensor2d(rng.normals(size * size), [size, size])
    const milliseconds = medianMilliseconds(() => tf.matMul(a, b).dispose(), 5, 30)
    results[`matmul-${size}`] = { value: (2 * size ** 3) / milliseconds / 1e6, unit: 'GFLOP/s' }
  }
}
for (const [name, create] of Object.entries(steps)) {
  workloads[name] = async () => {
    const [warm, count] = name === 'nanogpt-step' ? [5, Math.max(repeats, 20)] : [2, repeats]
    results[name] = { value: medianMilliseconds(await create(), warm, count), unit: 'ms' }
  }
}

for (const [name, run] of Object.entries(workloads)) if (chosen.size === 0 || chosen.has(name)) await run()
results['versions'] = { ...engine.describe() }
console.log(JSON.stringify(results))
