// The catalogue's whole table of cases on this engine's kernels, with one thread and with two.
import { registerEngine, useEngine } from '@mixlab/tensor'
import { checkOperations } from '../../tensor/test/check-operations.ts'
import { cpuEngine, runningBackend } from '../src/index.ts'

registerEngine({ name: cpuEngine.name, summary: cpuEngine.summary, load: async () => cpuEngine })

for (const threads of [1, 2]) {
  checkOperations(`cpu with ${threads} threads`, async () => {
    await useEngine(cpuEngine.name)
    runningBackend()!.setThreads(threads)
  })
}
