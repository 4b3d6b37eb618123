// Engines are started by name, and only when a run needs one: loading TensorFlow.js takes most of a second.
import type { RunningEngine } from '@mixlab/tensor'

/** The engine of a run: a started one, or none. */
export type RunEngine = RunningEngine | { readonly name: 'none' }

/** Makes mixlab's own engines known to the registry. */
export async function registerEngines(): Promise<typeof import('@mixlab/tensor')> {
  const tensor = await import('@mixlab/tensor')
  if (!tensor.engineNames().includes('cpu')) {
    tensor.registerEngine({
      name: 'cpu',
      summary: 'WebAssembly SIMD kernels on worker threads; any machine, nothing to install',
      preference: 1,
      load: async () => (await import('@mixlab/engine-cpu')).cpuEngine,
    })
  }
  return tensor
}

/** @throws MixlabError on an unknown engine (with near misses) or one that cannot run here (with the reason). */
export async function startEngine(name: string): Promise<RunEngine> {
  if (name === 'none') return { name: 'none' }
  const { useEngine } = await registerEngines()
  return useEngine(name)
}

/** The engine as `run.json` has it. */
export function describeEngine(engine: RunEngine): { name: string } & Record<string, string | number> {
  return { ...('describe' in engine && engine.describe()), name: engine.name }
}
