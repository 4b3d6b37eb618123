// A mixture written in plain TensorFlow.js, as a user who does not know mixlab's operations would write it: capacity
// slots by cumulative sums, gathers, batched products, TensorFlow.js's own Adam. It measures an engine on unchanged code.
//
// Axes: B sequences, T positions, N = B·T tokens, D width, H heads, E experts, C slots an expert, F expert width.
import { tf } from '@mixlab/tensor'

const shape = {
  layers: 4,
  width: 128,
  heads: 4,
  experts: 8,
  expertWidth: 256,
  k: 2,
  context: 128,
  batch: 8,
  vocabulary: 256,
}

const weight = (...dimensions: number[]) => tf.variable(tf.randomNormal(dimensions, 0, 0.02, 'float32', 7))
const ones = (width: number) => tf.variable(tf.ones([width]))

const makeLayer = () => {
  const { width: D, experts: E, expertWidth: F } = shape
  return {
    norm1: ones(D),
    query: weight(D, D),
    key: weight(D, D),
    value: weight(D, D),
    out: weight(D, D),
    norm2: ones(D),
    gate: weight(D, E),
    w1: weight(E, D, F),
    w3: weight(E, D, F),
    w2: weight(E, F, D),
  }
}
type Layer = ReturnType<typeof makeLayer>

const rms = (x: tf.Tensor, gain: tf.Tensor) => x.mul(tf.rsqrt(x.square().mean(-1, true).add(1e-6))).mul(gain)

function attend(x: tf.Tensor, layer: Layer, mask: tf.Tensor): tf.Tensor {
  const { batch: B, context: T, heads: H, width: D } = shape
  const split = (w: tf.Tensor) =>
    x
      .matMul(w)
      .reshape([B, T, H, D / H])
      .transpose([0, 2, 1, 3])
  const scores = tf
    .matMul(split(layer.query), split(layer.key), false, true)
    .mul((D / H) ** -0.5)
    .add(mask)
  return tf
    .softmax(scores)
    .matMul(split(layer.value))
    .transpose([0, 2, 1, 3])
    .reshape([B * T, D])
    .matMul(layer.out)
}

/** A constant of the same values: TensorFlow.js has no gradient for top-k and refuses integer indices on the tape. */
const constant = <T extends tf.Tensor>(x: T): T => tf.tensor(x.dataSync(), x.shape, x.dtype) as T

function mixture(x: tf.Tensor, layer: Layer): tf.Tensor {
  const { experts: E, width: D, k } = shape
  const N = shape.batch * shape.context
  const C = Math.ceil((1.25 * N * k) / E)
  const probabilities = tf.softmax(x.matMul(layer.gate))
  const members = constant(tf.topk(probabilities, k).indices)
  const chosen = tf.oneHot(members.cast('int32') as tf.Tensor2D, E).cast('float32')
  const raw = chosen.mul(probabilities.expandDims(1)).sum(-1)
  const weights = raw.div(raw.sum(-1, true))
  const flat = chosen.reshape([N * k, E])
  const slot = tf.cumsum(flat, 0, true).mul(flat).sum(-1)
  const member = members.reshape([N * k]).cast('float32')
  const target = tf.where(slot.less(C), member.mul(C).add(slot), tf.fill([N * k], E * C)).cast('int32')
  const token = tf
    .range(0, N * k, 1, 'float32')
    .div(k)
    .floor()
  const source = tf
    .scatterND(target.expandDims(1), token, [E * C + 1])
    .slice(0, E * C)
    .cast('int32')
  const xs = tf.gather(x, source as tf.Tensor1D).reshape([E, C, D])
  const gate = xs.matMul(layer.w1)
  const ys = gate.mul(tf.sigmoid(gate)).mul(xs.matMul(layer.w3)).matMul(layer.w2)
  const padded = tf.concat([ys.reshape([E * C, D]), tf.zeros([1, D])])
  return tf
    .gather(padded, target as tf.Tensor1D)
    .reshape([N, k, D])
    .mul(weights.expandDims(2))
    .sum(1)
}

/** One training step; call it repeatedly. */
export function plainMixture(): { step: () => void; read: () => Promise<number> } {
  const { batch: B, context: T, vocabulary: V, width: D } = shape
  const embedding = weight(V, D)
  const layers = Array.from({ length: shape.layers }, makeLayer)
  const norm = ones(D)
  const head = weight(D, V)
  const mask = tf.linalg
    .bandPart(tf.ones([T, T]), -1, 0)
    .sub(1)
    .mul(1e9)
  const tokens = tf.randomUniform([B * T + 1], 0, V, 'int32', 3) as tf.Tensor1D
  const inputs = tokens.slice(0, B * T) as tf.Tensor1D
  const targets = tf.oneHot(tokens.slice(1, B * T) as tf.Tensor1D, V)
  const optimizer = tf.train.adam(1e-3)
  let loss: tf.Scalar | undefined
  return {
    step() {
      loss?.dispose()
      loss =
        optimizer.minimize(() => {
          let x: tf.Tensor = tf.gather(embedding, inputs)
          for (const layer of layers) {
            x = x.add(attend(rms(x, layer.norm1), layer, mask))
            x = x.add(mixture(rms(x, layer.norm2), layer))
          }
          const logits = rms(x, norm).matMul(head)
          return tf.losses.softmaxCrossEntropy(targets, logits)
        }, true) ?? undefined
    },
    read: async () => (await loss!.data())[0]!,
  }
}
