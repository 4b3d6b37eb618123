// What a workload cannot do without, counted from its shapes: operations, and bytes that cross memory. Over what the
// machine can do (best product, bandwidth) they give the floor of its time.
import { shapes, type Shape } from './shapes.ts'

export type Precision = 'float32' | 'bf16'

export interface Work {
  readonly operations: number
  readonly bytes: number
  /** Which bandwidth the bytes are held against: decoding only reads its weights. */
  readonly bandwidth: 'copy' | 'read'
}

export const matrixSizes = [256, 512, 1024] as const

const elementBytes = (precision: Precision): number => (precision === 'bf16' ? 2 : 4)

/** Weights that a layer multiplies by: all of them, and those that one token meets. */
function layerWeights({ style, width, experts, choices, expertWidth }: Shape): { all: number; active: number } {
  const attention = 4 * width * width
  const feedForward = (style === 'gpt' ? 2 : 3) * width * expertWidth
  if (experts === 0) return { all: attention + feedForward, active: attention + feedForward }
  const router = width * experts
  return { all: attention + router + experts * feedForward, active: attention + router + choices * feedForward }
}

/**
 * A training step: 6 operations a token and weight that it meets (2 forward, 4 backward); causal attention's two
 * products take 2·T·D a token and layer, and twice that backward.
 *
 * Bytes: weights are read forward and backward, gradients are written, read for their norm and for AdamW, which reads
 * and writes a weight and its two moments in float32. What the backward pass needs is written once and read once: inputs
 * of products and norms, queries, keys, values, the feed-forward's inner values, logits.
 */
function trainingWork(shape: Shape, precision: Precision): Work {
  const { style, layers, width, context, batch, vocabulary, experts, choices, expertWidth } = shape
  const tokens = batch * context
  const { all, active } = layerWeights(shape)
  const head = vocabulary * width
  const attention = 6 * context * width
  const embeddings = style === 'olmoe' || style === 'mixture' ? head : 0
  const parameters = layers * all + head + embeddings
  const inner = experts === 0 ? 2 * expertWidth : 3 * choices * expertWidth
  const kept = layers * (8 * width + inner) + 2 * width + vocabulary
  const bytes = elementBytes(precision)
  return {
    operations: tokens * (6 * (layers * active + head) + layers * attention),
    bytes: parameters * (2 * bytes + 9 * 4) + 2 * tokens * kept * bytes,
    bandwidth: 'copy',
  }
}

/**
 * One token: each weight is read once, and takes two operations. Keys and values, 0.3 MB of float32, are left out. Weights
 * lie in memory as float32 at either precision, which is one of products, not of parameters.
 */
function decodingWork(shape: Shape): Work {
  const weights = shape.layers * layerWeights(shape).active + shape.vocabulary * shape.width
  return { operations: 2 * weights, bytes: 4 * weights, bandwidth: 'read' }
}

/** @returns undefined for a workload of another name */
export function workOf(workload: string, precision: Precision): Work | undefined {
  const size = matrixSizes.find((each) => workload === `matmul-${each}`)
  if (size) return { operations: 2 * size ** 3, bytes: 3 * size ** 2 * elementBytes(precision), bandwidth: 'copy' }
  if (workload === 'decode') return decodingWork(shapes.decode)
  // The plain mixture is the same model; what its way of writing costs beyond that is not a floor.
  const name = workload === 'plain-mixture-step' ? 'mixture-step' : workload
  return name in shapes ? trainingWork(shapes[name as keyof typeof shapes], precision) : undefined
}
