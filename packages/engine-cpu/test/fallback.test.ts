// Kernels without a native version give what TensorFlow.js's own JavaScript backend gives, and leave nothing behind.
import { describe, expect, test } from 'vitest'
import { listKernels } from '../src/index.ts'
import { backend, difference, randomValues, tf } from './start.ts'

const numbers = (shape: number[], seed = 1) => tf.tensor(randomValues(tf.util.sizeFromShape(shape), seed), shape)

const operations: Record<string, () => ReturnType<typeof tf.tensor> | ReturnType<typeof tf.tensor>[]> = {
  conv2d: () => tf.conv2d(numbers([1, 8, 8, 3]) as never, numbers([3, 3, 3, 4], 2) as never, 1, 'same'),
  depthwiseConv2d: () =>
    tf.depthwiseConv2d(numbers([1, 8, 8, 3]) as never, numbers([3, 3, 3, 2], 2) as never, 1, 'valid'),
  maxPool: () => tf.maxPool(numbers([1, 8, 8, 3]) as never, 2, 2, 'same'),
  avgPool: () => tf.avgPool(numbers([1, 8, 8, 3]) as never, 2, 2, 'same'),
  resizeBilinear: () => tf.image.resizeBilinear(numbers([1, 4, 4, 2]) as never, [7, 5]),
  einsum: () => tf.einsum('bij,bkj->bik', numbers([2, 3, 4]), numbers([2, 5, 4], 2)),
  cumsum: () => tf.cumsum(numbers([3, 7]), 1, true),
  topk: () => Object.values(tf.topk(numbers([4, 9]), 3)),
  unique: () => Object.values(tf.unique(tf.tensor1d([3, 1, 3, 2, 1], 'int32'))),
  bincount: () => tf.bincount(tf.tensor1d([1, 1, 4, 0], 'int32'), tf.tensor1d([1, 2, 3, 4]), 6),
  stft: () => tf.abs(tf.signal.stft(numbers([64]) as never, 16, 8)),
  irfft: () => tf.irfft(tf.rfft(numbers([2, 16]))),
  batchNorm: () => tf.batchNorm(numbers([4, 5]), numbers([5], 2), tf.ones([5])),
  mirrorPad: () =>
    tf.mirrorPad(
      numbers([3, 4]),
      [
        [1, 1],
        [2, 1],
      ],
      'reflect',
    ),
  reverse: () => tf.reverse(numbers([3, 4, 2]), [0, 2]),
  // A gradient's kernel that reads the rank of its input.
  dilation2dGradient: () => {
    const inputs = { x: numbers([1, 4, 4, 2]), filter: numbers([2, 2, 2], 2), dy: numbers([1, 4, 4, 2], 3) }
    const attributes = { strides: 1, pad: 'same', dilations: 1 }
    return ['Dilation2DBackpropInput', 'Dilation2DBackpropFilter'].map(
      (kernel) => tf.engine().runKernel(kernel, inputs, attributes) as tf.Tensor,
    )
  },
  // An input that is a list of tensors.
  raggedTensorToTensor: () =>
    tf.raggedTensorToTensor(
      tf.tensor1d([4, 4], 'int32'),
      numbers([5]),
      tf.scalar(-1),
      [tf.scalar(4, 'int32'), tf.tensor1d([0, 0, 2, 2, 3], 'int32')],
      ['FIRST_DIM_SIZE', 'VALUE_ROWIDS'],
    ),
  scatterNd: () => tf.scatterND(tf.tensor2d([[1], [3]], [2, 1], 'int32'), numbers([2, 3]), [5, 3]),
  gatherNd: () =>
    tf.gatherND(
      numbers([3, 4]),
      tf.tensor2d(
        [
          [1, 2],
          [0, 3],
        ],
        [2, 2],
        'int32',
      ),
    ),
  denseBincount: () =>
    tf.denseBincount(
      tf.tensor2d(
        [
          [1, 0],
          [2, 1],
        ],
        [2, 2],
        'int32',
      ),
      tf.ones([2, 2]),
      3,
    ),
  stringSplit: () => Object.values(tf.string.stringSplit(tf.tensor1d(['a b', 'c']) as never, tf.scalar(' ') as never)),
  nonMaxSuppression: () =>
    tf.image.nonMaxSuppression(
      tf.tensor2d([
        [0, 0, 1, 1],
        [0, 0, 1, 0.9],
        [2, 2, 3, 3],
      ]),
      tf.tensor1d([0.9, 0.8, 0.7]),
      3,
    ),
  multinomial: () =>
    tf.multinomial(
      tf.log(
        tf.tensor2d([
          [0.2, 0.8],
          [0.5, 0.5],
        ]),
      ) as never,
      20,
      7,
    ),
  sparseToDense: () => tf.sparseToDense(tf.tensor1d([1, 4], 'int32'), tf.tensor1d([5, 6]), [6], 0),
  matMulOfIntegers: () =>
    tf.matMul(
      tf.tensor2d(
        [
          [1, 2],
          [3, 4],
        ],
        [2, 2],
        'int32',
      ),
      tf.tensor2d([[5], [6]], [2, 1], 'int32'),
    ),
}

async function on(backendName: string, run: (typeof operations)[string]) {
  await tf.setBackend(backendName)
  const tensors = tf.tidy(run)
  const results = [tensors].flat().map((x) => ({ shape: x.shape, dtype: x.dtype, values: Array.from(x.dataSync()) }))
  tf.dispose(tensors)
  await tf.setBackend('mixlab-cpu')
  return results
}

describe.each(Object.entries(operations))('%s', (_, run) => {
  test('as on the JavaScript backend, without a leak', async () => {
    const expected = await on('cpu', run)
    const before = { tensors: tf.memory().numTensors, bytes: backend.usage().allocatedBytes, ids: backend.numDataIds() }
    const found = await on('mixlab-cpu', run)
    expect({
      tensors: tf.memory().numTensors,
      bytes: backend.usage().allocatedBytes,
      ids: backend.numDataIds(),
    }).toEqual(before)
    expect(found.length).toBe(expected.length)
    for (const [i, { shape, dtype, values }] of found.entries()) {
      expect({ shape, dtype }).toEqual({ shape: expected[i]!.shape, dtype: expected[i]!.dtype })
      if (dtype === 'string') expect(values).toEqual(expected[i]!.values)
      else expect(difference(values, expected[i]!.values)).toBeLessThan(1e-5)
    }
  })
})

test('every kernel of the JavaScript backend is there, and the list says which are native', () => {
  const kernels = new Map(listKernels().map(({ name, native }) => [name, native]))
  for (const { kernelName } of tf.getKernelsForBackend('cpu')) expect(kernels.has(kernelName)).toBe(true)
  expect(kernels.get('BatchMatMul')).toBe(true)
  expect(kernels.get('mixlab.GroupedMatMul')).toBe(true)
  expect(kernels.get('Conv2D')).toBe(false)
})

test('TensorFlow.js prints no banner', async () => {
  const { spawnSync } = await import('node:child_process')
  const script = `
    import * as tf from ${JSON.stringify(import.meta.resolve('@tensorflow/tfjs-core'))}
    import { cpuEngine } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
    await cpuEngine.start()
    tf.conv2d(tf.ones([1, 4, 4, 1]), tf.ones([2, 2, 1, 1]), 1, 'same').print()
  `
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout).not.toContain('====')
  expect(stdout).toContain('Tensor')
})
