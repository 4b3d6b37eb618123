// Gradients that TensorFlow.js itself lacks: of comparisons (zero, so that `tf.where(tf.greater(x, 0), …)` can be
// differentiated), of the values of a top-k, of einsum over two tensors, and of gathering and scattering by
// n-dimensional indices; and those of sums and means without its copies.
import { MixlabError } from '@mixlab/core'
import { scatterColumnsOperation } from './ops/gather-columns.ts'
import { tf } from './tf.ts'

const first = (dy: tf.Tensor | tf.Tensor[]): tf.Tensor => (Array.isArray(dy) ? dy[0]! : dy)

const constantInBoth = [
  tf.Equal,
  tf.NotEqual,
  tf.Greater,
  tf.GreaterEqual,
  tf.Less,
  tf.LessEqual,
  tf.LogicalAnd,
  tf.LogicalOr,
]

for (const kernelName of constantInBoth) {
  tf.registerGradient({
    kernelName,
    inputsToSave: ['a', 'b'],
    gradFunc: (_, [a, b]) => ({ a: () => tf.zeros(a!.shape), b: () => tf.zeros(b!.shape) }),
  })
}

for (const kernelName of [tf.LogicalNot, tf.IsNan, tf.IsInf, tf.IsFinite]) {
  tf.registerGradient({ kernelName, inputsToSave: ['x'], gradFunc: (_, [x]) => ({ x: () => tf.zeros(x!.shape) }) })
}

tf.registerGradient({
  kernelName: tf.TopK,
  inputsToSave: ['x'],
  outputsToSave: [false, true],
  gradFunc: (dys, [x, indices]) => ({
    x() {
      const size = x!.shape.at(-1)!
      const k = indices!.shape.at(-1)!
      const [dy, columns] = [first(dys), indices!].map((each) => tf.reshape(each, [each.size / k, k])) as [
        tf.Tensor,
        tf.Tensor,
      ]
      return tf.reshape(scatterColumnsOperation.run({ dy, indices: columns }, { size }), x!.shape)
    },
  }),
})

tf.registerGradient({
  kernelName: tf.GatherNd,
  inputsToSave: ['params', 'indices'],
  gradFunc: (dy, [params, indices]) => ({
    params: () => tf.scatterND(indices!, first(dy), params!.shape),
    indices: () => tf.zeros(indices!.shape),
  }),
})

tf.registerGradient({
  kernelName: tf.ScatterNd,
  inputsToSave: ['indices'],
  gradFunc: (dy, [indices]) => ({
    updates: () => tf.gatherND(first(dy), indices!),
    indices: () => tf.zeros(indices!.shape),
  }),
})

/** As TensorFlow.js's own, which multiply by a tensor of ones that they make on the host. */
for (const kernelName of [tf.Sum, tf.Mean]) {
  tf.registerGradient({
    kernelName,
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attrs) => ({
      x() {
        if (x!.size === 0) return tf.zeros(x!.shape)
        const axes = new Set(tf.util.parseAxisParam(attrs['axis'] as number | number[], x!.shape))
        const count = x!.shape.reduce((product, size, axis) => (axes.has(axis) ? product * size : product), 1)
        const kept = x!.shape.map((size, axis) => (axes.has(axis) ? 1 : size))
        const share = kernelName === tf.Sum ? first(dy) : tf.div(first(dy), count)
        return tf.broadcastTo(tf.reshape(share, kept), x!.shape)
      },
    }),
  })
}

/** TensorFlow.js passes einsum's tensors as a list, whose inputs on the tape are named 0, 1. */
tf.registerGradient({
  kernelName: tf.Einsum,
  saveAllInputs: true,
  gradFunc(dy, tensors, attrs) {
    const equation = (attrs['equation'] as string).replaceAll(' ', '')
    const [operands, output] = equation.split('->') as [string, string]
    const terms = operands.split(',')
    const functions: Record<string, () => tf.Tensor> = {}
    for (const [i, term] of terms.entries()) {
      functions[i] = () => {
        const others = terms.flatMap((other, j) => (j === i ? [] : [{ term: other, tensor: tensors[j]! }]))
        const known = output + others.map((other) => other.term).join('')
        if (
          terms.length > 2 ||
          new Set(term).size !== term.length ||
          Array.from(term).some((axis) => !known.includes(axis))
        ) {
          throw new MixlabError(
            `tf.einsum('${equation}') has no gradient: expected one or two tensors whose axes all go on, each once`,
          )
        }
        return tf.einsum(
          `${[output, ...others.map((other) => other.term)].join(',')}->${term}`,
          first(dy),
          ...others.map(({ tensor }) => tensor),
        )
      }
    }
    return functions
  },
})
