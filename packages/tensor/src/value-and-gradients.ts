// Reverse-mode differentiation over TensorFlow.js's tape, with the tape's memory given back on the way. TensorFlow.js's
// own `variableGrads` keeps every saved activation and every intermediate gradient until the last one is computed; here
// both are freed as soon as their node is done, which halves the peak of a deep network. The operations and
// their order are the same, and so are the results, bit for bit.
import { MixlabError } from '@mixlab/core'
import { currentPrecision, type Precision, withPrecision } from './precision.ts'
import { tf } from './tf.ts'

type Tape = ReturnType<typeof tf.engine>['state']['activeTape']
type TapeNode = Tape[number]

/** A tape that notes in what precision each operation ran: its gradient's products are computed in the same. */
class RecordedTape extends Array<TapeNode> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  readonly precisions = new Map<TapeNode, Precision>()

  override push(...nodes: TapeNode[]): number {
    for (const node of nodes) this.precisions.set(node, currentPrecision())
    return super.push(...nodes)
  }
}

export interface ValueAndGradients {
  readonly value: tf.Scalar
  /** One for each variable, in order; undefined where the value does not depend on it. */
  readonly gradients: readonly (tf.Tensor | undefined)[]
}

/**
 * The value of a scalar function of variables and its gradients by them.
 * @param loss is called once; what it leaves alive inside is disposed of, as in tf.tidy.
 * @throws MixlabError if the loss is no scalar, or when called within another gradient.
 */
export function valueAndGradients(loss: () => tf.Scalar, variables: readonly tf.Tensor[]): ValueAndGradients {
  const { state } = tf.engine()
  if (state.gradientDepth > 0)
    throw new MixlabError('valueAndGradients cannot run inside another gradient; use tf.grads there')
  const tape = new RecordedTape()
  state.activeTape = tape
  state.gradientDepth++
  try {
    // A scope around both, which frees the value if the gradients fail.
    return tf.tidy(() => {
      const value = tf.tidy(loss)
      state.gradientDepth--
      if (value.size !== 1) throw new MixlabError(`The loss has shape [${value.shape.join(', ')}], expected a scalar`)
      return { value, gradients: tf.tidy(() => backward(tape, value, variables)) } as never
    })
  } finally {
    state.gradientDepth = 0
    state.activeTape = null as unknown as Tape
    for (const node of tape) release(node)
  }
}

function release(node: TapeNode): void {
  for (const tensor of node.saved ?? []) tensor.dispose()
}

function backward(tape: RecordedTape, value: tf.Tensor, variables: readonly tf.Tensor[]): (tf.Tensor | undefined)[] {
  const fromVariables = reachedFrom(tape, variables)
  const leadsToValue = leadingTo(tape, value)
  const leaves = new Set(variables.map(({ id }) => id))
  const gradients = new Map<number, tf.Tensor>([[value.id, tf.ones(value.shape)]])
  for (const node of tape.toReversed()) {
    const inputs = Object.entries(node.inputs).filter(([, input]) => fromVariables.has(input.id))
    if (inputs.length > 0 && node.outputs.some(({ id }) => leadsToValue.has(id))) {
      const dys = node.outputs.map(({ id }) => gradients.get(id))
      const dxs = withPrecision(tape.precisions.get(node)!, () => inputGradients(node, dys, inputs))
      for (const [i, [, input]] of inputs.entries()) accumulate(gradients, input.id, dxs[i]!)
      // Only the node that made a tensor reads its gradient.
      for (const { id } of node.outputs) {
        if (leaves.has(id)) continue
        gradients.get(id)?.dispose()
        gradients.delete(id)
      }
    }
    release(node)
  }
  return variables.map(({ id }) => gradients.get(id))
}

/** Ids of the variables and of all tensors that were computed from them. */
function reachedFrom(tape: Tape, variables: readonly tf.Tensor[]): Set<number> {
  const reached = new Set(variables.map(({ id }) => id))
  for (const { inputs, outputs } of tape) {
    if (Object.values(inputs).some(({ id }) => reached.has(id))) for (const { id } of outputs) reached.add(id)
  }
  return reached
}

/** Ids of the value and of all tensors that it was computed from. */
function leadingTo(tape: Tape, value: tf.Tensor): Set<number> {
  const leading = new Set([value.id])
  for (const { inputs, outputs } of tape.toReversed()) {
    if (outputs.some(({ id }) => leading.has(id))) for (const { id } of Object.values(inputs)) leading.add(id)
  }
  return leading
}

/** The gradients that one operation passes on to its inputs: tensors of their own, whatever its gradient function returns. */
function inputGradients(
  node: TapeNode,
  dys: readonly (tf.Tensor | undefined)[],
  inputs: readonly [string, tf.Tensor][],
): tf.Tensor[] {
  if (!node.gradient) throw new Error(`Cannot compute gradient: gradient function not found for ${node.kernelName}.`)
  return tf.tidy(() => {
    // TensorFlow.js fills in zeros where an output has no gradient.
    const functions = node.gradient!(dys as tf.Tensor[])
    const taken = new Set<tf.Tensor | undefined>([...dys, ...(node.saved ?? [])])
    return inputs.map(([name, input]) => {
      const dx = functions[name]?.()
      if (!dx) throw new Error(`Cannot backprop through input ${name} of ${node.kernelName}: it has no gradient.`)
      if (dx.dtype !== 'float32' || !tf.util.arraysEqual(dx.shape, input.shape)) {
        const found = `${dx.dtype} [${dx.shape.join(', ')}]`
        throw new Error(
          `The gradient of ${node.kernelName} by ${name} is ${found}, expected float32 [${input.shape.join(', ')}].`,
        )
      }
      // A custom gradient may return its dy, what it saved, or a tensor of somebody else's; ours are disposed of later.
      const made = dx.scopeId === tf.engine().state.activeScope.id && !dx.kept
      const own = made && !taken.has(dx) ? dx : tf.clone(dx)
      taken.add(own)
      return own
    })
  })
}

function accumulate(gradients: Map<number, tf.Tensor>, id: number, dx: tf.Tensor): void {
  const sum = gradients.get(id)
  if (!sum) {
    gradients.set(id, dx)
    return
  }
  gradients.set(id, tf.add(sum, dx))
  sum.dispose()
  dx.dispose()
}
