// Prints a digest of every parameter of a small transformer with a mixture after some steps, for 1, 2 and 3 threads.
import { createHash } from 'node:crypto'
import { cpuEngine, runningBackend } from '@mixlab/engine-cpu'
import { tf } from '@mixlab/tensor'
import { transformerTraining } from '../benchmarks/transformer-step.ts'

const { describe } = await cpuEngine.start()
const shape = { style: 'olmoe', layers: 2, heads: 4, width: 96, context: 64, batch: 3, vocabulary: 131 } as const

async function digest(threads: number): Promise<string> {
  runningBackend()!.setThreads(threads)
  const { model, step } = await transformerTraining({ ...shape, experts: 5, choices: 2, expertWidth: 72 })
  for (let i = 0; i < 4; i++) step()
  const hash = createHash('sha256')
  for (const [name, parameter] of model.parameters()) {
    const values = parameter.dataSync<'float32'>()
    if (!values.every(Number.isFinite)) throw new Error(`${name} is not finite`)
    hash.update(name).update(values)
  }
  tf.dispose([...model.parameters().values()])
  return hash.digest('hex')
}

const digests: string[] = []
for (const threads of [1, 2, 3]) digests.push(await digest(threads))
console.log(JSON.stringify({ kernels: describe()['kernels'], digests }))
