// The oracle: TensorFlow.js's own JavaScript backend with every fused operation as its reference composition. It needs
// nothing and is slow; other engines are tested against it.
import type { Engine } from './engine.ts'
import { tf } from './tf.ts'

const backendName = 'cpu'

export const referenceEngine: Engine = {
  name: 'reference',
  summary: "TensorFlow.js's own JavaScript kernels and the reference compositions: slow, the oracle of the others",
  available: async () => ({ ok: true, detail: `TensorFlow.js ${tf.version_core}, JavaScript` }),
  async start() {
    await import('@tensorflow/tfjs-backend-cpu')
    // Its first write prints an advertisement for tfjs-node.
    Object.assign(tf.findBackend(backendName), { firstUse: false })
    return {
      name: 'reference',
      backendName,
      threads: 1,
      describe: () => ({ backend: backendName, version: tf.version_core }),
      memory: () => {
        const { numTensors, numBytes } = tf.memory()
        return { tensors: numTensors, bytes: numBytes }
      },
      kernels: () =>
        tf
          .getKernelsForBackend(backendName)
          .map(({ kernelName }) => ({ name: kernelName, native: !kernelName.startsWith('mixlab.') }))
          .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    }
  },
}
