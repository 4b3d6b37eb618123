// Starts an engine by name. The registry knows the reference engine only; others are made known to it.
import { engineNames, registerEngine, useEngine } from '@mixlab/tensor'

export const engines = ['reference', 'cpu'] as const

export async function startEngine(name: (typeof engines)[number]): Promise<void> {
  if (!engineNames().includes('cpu')) {
    const { cpuEngine } = await import('@mixlab/engine-cpu')
    registerEngine({ name: 'cpu', summary: cpuEngine.summary, preference: 1, load: () => Promise.resolve(cpuEngine) })
  }
  await useEngine(name)
}
