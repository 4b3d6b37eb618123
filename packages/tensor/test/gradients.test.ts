// The bundle of gradients: nothing of TensorFlow.js's ES modules is missing, and what it registers works on this core.
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { tf, useEngine } from '../src/index.ts'

const modules = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-core'))

/** What the pattern's first group captures in TensorFlow.js's modules of a folder. */
const captured = (folder: string, pattern: RegExp): string[] =>
  readdirSync(join(modules, folder))
    .filter((name) => name.endsWith('.js') && !name.includes('_test'))
    .flatMap((name) =>
      [...readFileSync(join(modules, folder, name), 'utf8').matchAll(pattern)].map((match) => match[1]!),
    )

beforeAll(() => useEngine('reference'))

test('every gradient of the ES modules is registered', () => {
  const kernels = captured('gradients', /kernelName: (\w+)/g)
  expect(kernels.length).toBeGreaterThan(90)
  const names = tf as unknown as Record<string, string>
  for (const kernel of kernels) expect(tf.getGradient(names[kernel]!)?.gradFunc, kernel).toBeTypeOf('function')
})

test('every chained operation is there', () => {
  const names = captured('public/chained_ops', /prototype\.(\w+) =/g)
  expect(names.length).toBeGreaterThan(130)
  for (const name of names)
    expect((tf.Tensor.prototype as unknown as Record<string, unknown>)[name], name).toBeTypeOf('function')
  expect([...tf.tensor1d([1, 2]).add(1).dataSync()]).toEqual([2, 3])
})

/** Shapes of the inputs and a function of them; inputs lie in [0.2, 0.9], away from kinks. */
const functions: Record<string, [shapes: number[][], (...xs: tf.Tensor[]) => tf.Tensor]> = {
  'arithmetic with broadcasting': [[[2, 3], [3]], (a, b) => tf.div(tf.mul(tf.add(a, b), tf.sub(a, 2)), tf.add(b, 1))],
  'powers and roots': [[[4], [4]], (a, b) => tf.pow(tf.sqrt(tf.add(a, 1)), tf.rsqrt(b))],
  'unary functions': [
    [[5]],
    (a) => tf.addN([tf.sin(a), tf.log1p(a), tf.tanh(a), tf.erf(a), tf.softplus(a), tf.atanh(a)]),
  ],
  'minimum, maximum, clip': [
    [[3], [3]],
    (a, b) => tf.clipByValue(tf.add(tf.maximum(a, b), tf.minimum(a, tf.mul(b, 2))), 0, 1.5),
  ],
  'where, relu family': [
    [[4]],
    (a) => tf.where(tf.greater(a, 0.5), tf.selu(a), tf.prelu(tf.sub(a, 1), tf.scalar(0.3))),
  ],
  'sum, mean, max, min, prod': [
    [[2, 3]],
    (a) => tf.addN([tf.sum(a, 0), tf.mean(a, 0), tf.max(a, 0), tf.min(a, 0), tf.prod(a, 0)]),
  ],
  'softmax and log-softmax': [[[2, 4]], (a) => tf.add(tf.square(tf.softmax(a)), tf.logSoftmax(a))],
  'matrix products': [
    [
      [2, 2, 3],
      [2, 4, 3],
    ],
    (a, b) => tf.matMul(a, b, false, true),
  ],
  einsum: [
    [
      [2, 3],
      [3, 4],
    ],
    (a, b) => tf.einsum('ij,jk->ik', a, b),
  ],
  'einsum of one tensor': [[[2, 3]], (a) => tf.einsum('ij->ji', a)],
  'einsum over a batch': [
    [
      [2, 3, 2],
      [2, 2, 3],
    ],
    (a, b) => tf.einsum('bij,bjk->bik', a, b),
  ],
  'values of a top-k': [[[2, 2, 4]], (a) => tf.topk(a, 2).values],
  'n-dimensional gather and scatter': [
    [[3, 2]],
    (a) =>
      tf.add(tf.gatherND(a, [[2], [0], [2]]), tf.scatterND(tf.tensor2d([[2], [0], [2]], [3, 1], 'int32'), a, [3, 2])),
  ],
  'slice, pad, concat, stack, tile': [
    [
      [2, 3],
      [2, 3],
    ],
    (a, b) =>
      tf.tile(
        tf.pad(tf.concat([tf.slice(a, [0, 1], [2, 2]), tf.unstack(tf.stack([a, b]))[1]!], 1), [
          [1, 0],
          [0, 1],
        ]),
        [1, 2],
      ),
  ],
  'gather, split, reverse, transpose': [
    [[4, 3]],
    (a) =>
      tf.transpose(tf.add(tf.gather(tf.reverse(a, 0), tf.tensor1d([0, 2, 2], 'int32')), tf.split(a, [3, 1], 0)[0]!)),
  ],
  'cumulative sum': [[[2, 4]], (a) => tf.cumsum(a, 1, true)],
  'convolution and pooling': [
    [
      [1, 4, 4, 2],
      [2, 2, 2, 3],
    ],
    (a, b) => tf.avgPool(tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same'), 2, 1, 'valid'),
  ],
  'maximum pooling': [[[1, 4, 4, 1]], (a) => tf.maxPool(a as tf.Tensor4D, 2, 2, 'valid')],
  'depthwise convolution': [
    [
      [1, 3, 3, 2],
      [2, 2, 2, 1],
    ],
    (a, b) => tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same'),
  ],
  'convolution in three dimensions': [
    [
      [1, 2, 3, 3, 1],
      [2, 2, 2, 1, 2],
    ],
    (a, b) => tf.conv3d(a as tf.Tensor5D, b as tf.Tensor5D, 1, 'same'),
  ],
  'normalisation over a batch': [[[3, 2], [2], [2]], (a, b, c) => tf.batchNorm(a, b, tf.add(c, 1), b, c)],
  'local response normalisation': [[[1, 2, 2, 3]], (a) => tf.localResponseNormalization(a as tf.Tensor4D, 1)],
  resizing: [
    [[1, 2, 2, 1]],
    (a) =>
      tf.add(
        tf.image.resizeBilinear(a as tf.Tensor4D, [3, 3]),
        tf.image.resizeNearestNeighbor(a as tf.Tensor4D, [3, 3]),
      ),
  ],
  'space, batch and depth': [
    [[1, 4, 4, 1]],
    (a) =>
      tf.batchToSpaceND(
        tf.spaceToBatchND(
          a,
          [2, 2],
          [
            [0, 0],
            [0, 0],
          ],
        ),
        [2, 2],
        [
          [0, 0],
          [0, 0],
        ],
      ),
  ],
}

describe('tf.grads against central differences in float32', () => {
  test.for(Object.entries(functions))('%s', ([, [shapes, f]]) => {
    tf.tidy(() => {
      const xs = shapes.map((shape, i) => tf.randomUniform(shape, 0.2, 0.9, 'float32', 7 + i))
      const weights = tf.randomUniform(f(...xs).shape, 0.5, 1, 'float32', 3)
      const scalar = (...inputs: tf.Tensor[]) => tf.sum(tf.mul(f(...inputs), weights))
      const gradients = tf.grads(scalar)(xs)
      const step = 2 ** -8
      for (const [index, x] of xs.entries()) {
        const values = x.dataSync().slice()
        const moved = (i: number, by: number) => {
          const changed = tf.tensor(
            values.map((value, j) => (i === j ? value + by : value)),
            x.shape,
          )
          return scalar(...xs.with(index, changed)).dataSync()[0]!
        }
        const expected = Array.from(values, (_, i) => (moved(i, step) - moved(i, -step)) / (2 * step))
        expect(gradients[index]!.shape).toEqual(x.shape)
        for (const [i, actual] of gradients[index]!.dataSync().entries()) expect(actual).toBeCloseTo(expected[i]!, 2.3)
      }
    })
  })
})
