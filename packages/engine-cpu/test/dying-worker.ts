// Loaded into worker threads before their own code (NODE_OPTIONS=--import): makes them die at their start, or half-way
// through a kernel, as a worker that reaches its memory limit does. Real threads, really ended; nothing in the engine knows.
import { isMainThread, workerData } from 'node:worker_threads'
import type { WorkerSetup } from '../src/control.ts'
import { wasm, type WasmMemory } from '../src/web-assembly.ts'

type Fill = (args: number, begin: number, end: number) => void

/** What `fillFloat` fills with to end worker `index` in the middle. */
export const deadly = (index: number): number => -1000 - index

const setup = isMainThread ? undefined : (workerData as Partial<WorkerSetup> | null)
if (setup?.controlAddress !== undefined) prepare(deadly(setup.index ?? 0))

function prepare(value: number): void {
  if (process.env['DYING_WORKER'] === 'at start') throw new Error('died at its start')
  // for workers, a system other than Linux: descriptors instead of thread numbers
  if (process.env['DYING_WORKER'] === 'elsewhere') Object.defineProperty(process, 'platform', { value: 'elsewhere' })
  const { Instance } = wasm
  wasm.Instance = class extends Instance {
    constructor(module: ConstructorParameters<typeof Instance>[0], imports: { env: { memory: WasmMemory } }) {
      super(module, imports)
      const exported = this.exports as Record<string, unknown> & { fillFloat: Fill }
      const fillFloat: Fill = (args, begin, end) => {
        const asked = new Float64Array(imports.env.memory.buffer, args, 2)[1]
        if (asked !== value) return exported.fillFloat(args, begin, end)
        exported.fillFloat(args, begin, begin + ((end - begin) >> 1))
        process.exit(7)
      }
      Object.defineProperty(this, 'exports', { value: { ...exported, fillFloat } })
    }
  }
}
