// The engines that the suite can be run against: each starts its backend and says how TensorFlow.js knows it.
import '@tensorflow/tfjs-backend-cpu'
import { cpuEngine } from '@mixlab/engine-cpu'

export const engines: Readonly<Record<string, () => Promise<string>>> = {
  cpu: async () => (await cpuEngine.start()).backendName,
  /** TensorFlow.js's own. */
  javascript: () => Promise.resolve('cpu'),
}
