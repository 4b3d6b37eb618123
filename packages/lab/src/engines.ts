// Engines are started by name, and only when a run needs one: loading TensorFlow.js takes most of a second.
import { MixlabError } from '@mixlab/core'
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

/** Runs `body` with matrix products in the precision of that name. */
export type PrecisionScope = <R>(name: string, body: () => R) => R

/**
 * What runs something in a precision that the engine has; undefined without tensors.
 * @throws MixlabError, from what is returned, on a precision that is unknown (with near misses) or that it has not.
 */
export async function precisionScope(engine: RunEngine): Promise<PrecisionScope | undefined> {
  if (!('backendName' in engine)) return undefined
  const { precisionOf, withPrecision } = await import('@mixlab/tensor')
  return (name, body) => {
    const precision = precisionOf(name)
    const known = engine.precisions ?? ['float32']
    if (!known.includes(precision.name)) {
      throw new MixlabError(
        `engine ${engine.name} has no ${name}, only ${known.join(', ')}: choose another engine or precision`,
        { code: 'unknown-precision' },
      )
    }
    return withPrecision(precision, body)
  }
}

/** The engine as `run.json` has it. */
export function describeEngine(engine: RunEngine): { name: string } & Record<string, string | number> {
  return { ...('describe' in engine && engine.describe()), name: engine.name }
}
