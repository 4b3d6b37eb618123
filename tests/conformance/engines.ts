// The engines that the suite can be run against: each starts its backend and says how TensorFlow.js knows it.
import '@tensorflow/tfjs-backend-cpu'
import { CpuBackend, cpuEngine } from '@mixlab/engine-cpu'
import {
  getKernelsForBackend,
  registerBackend,
  registerKernel,
  removeBackend,
  unregisterKernel,
} from '@tensorflow/tfjs-core'

export const engines: Readonly<Record<string, () => Promise<string>>> = {
  async cpu() {
    const { backendName } = await cpuEngine.start()
    return takeName(backendName, 'cpu', () => new CpuBackend())
  },
  /** TensorFlow.js's own. */
  javascript: () => Promise.resolve('cpu'),
}

/** A part of the suite exists for a backend of a certain name only: the engine runs under it, with the same kernels. */
function takeName(backendName: string, name: string, create: () => CpuBackend): string {
  for (const { kernelName } of getKernelsForBackend(name)) unregisterKernel(kernelName, name)
  for (const kernel of getKernelsForBackend(backendName)) registerKernel({ ...kernel, backendName: name })
  removeBackend(name)
  registerBackend(name, create)
  return name
}
