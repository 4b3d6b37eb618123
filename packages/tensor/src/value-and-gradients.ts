// Reverse-mode differentiation over TensorFlow.js's tape, with the tape's memory given back on the way. TensorFlow.js's
// own `variableGrads` keeps every saved activation and every intermediate gradient until the last one is computed; here
// both are freed as soon as their node is done, which halves the peak of a deep network. The operations and
// their order are the same, and so are the results, bit for bit.
import { MixlabError } from '@mixlab/core'
import { alias, engine, runKernel } from './engine-inside.ts'
import { jointLinearGradOperation } from './ops/joint-linear-grad.ts'
import { currentPrecision, withPrecision } from './precision.ts'
import { nodeGradients, type RecordedNode, RecordedTape } from './recorded-tape.ts'
import { tf } from './tf.ts'

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
  const { state } = engine
  if (state.gradientDepth > 0)
    throw new MixlabError('valueAndGradients cannot run inside another gradient; use tf.grads there')
  const tape = new RecordedTape(variables)
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
    state.activeTape = null as unknown as typeof state.activeTape
    for (const node of tape) release(node)
  }
}

function release(node: RecordedNode): void {
  if (node.saved) for (const tensor of node.saved) tensor.dispose()
}

function backward(tape: RecordedTape, value: tf.Tensor, variables: readonly tf.Tensor[]): (tf.Tensor | undefined)[] {
  const leaves = new Set(variables.map(({ id }) => id))
  const gradients = new Map<number, tf.Tensor>([[value.id, tf.ones(value.shape)]])
  const ahead = new Map<RecordedNode, readonly tf.Tensor[]>()
  for (let at = tape.length - 1; at >= 0; at--) {
    const node = tape[at]!
    const dys = node.outputs.map(({ id }) => gradients.get(id))
    const names = dys.some((dy) => dy !== undefined) ? reachedInputs(tape, node) : []
    if (names.length > 0) {
      const compute = () => {
        if (node.together && !ahead.has(node)) computeTogether(tape, node.together, gradients, ahead)
        return ahead.get(node) ?? inputGradients(node, dys, names)
      }
      // Asking first spares most nodes a scope.
      const dxs = node.precision === currentPrecision() ? compute() : withPrecision(node.precision!, compute)
      for (const [i, name] of names.entries()) accumulate(gradients, node.inputs[name]!.id, dxs[i]!)
    }
    // Only the node that made a tensor reads its gradient.
    for (const [i, { id }] of node.outputs.entries()) {
      if (dys[i] === undefined || leaves.has(id)) continue
      dys[i].dispose()
      gradients.delete(id)
    }
    release(node)
  }
  return variables.map(({ id }) => gradients.get(id))
}

/** The gradients of those nodes whose turn is still to come, if there are several of them, as one list of products. */
function computeTogether(
  tape: RecordedTape,
  together: readonly RecordedNode[],
  gradients: ReadonlyMap<number, tf.Tensor>,
  ahead: Map<RecordedNode, readonly tf.Tensor[]>,
): void {
  const nodes = together.filter(
    (node) => node.own && gradients.has(node.outputs[0]!.id) && reachedInputs(tape, node).length === 2,
  )
  if (nodes.length < 2) return
  const inputs: Record<string, tf.Tensor> = { x: nodes[0]!.own!.named['a']! }
  for (const [i, { own, outputs }] of nodes.entries()) {
    inputs[`w${i}`] = own!.named['b']!
    inputs[`dy${i}`] = gradients.get(outputs[0]!.id)!
  }
  const dxs = jointLinearGradOperation.run(inputs as never, { count: nodes.length })
  for (const [i, node] of nodes.entries()) ahead.set(node, dxs.slice(2 * i, 2 * i + 2))
}

/** Names of the inputs that depend on the variables. */
function reachedInputs(tape: RecordedTape, { inputs }: RecordedNode): string[] {
  const names: string[] = []
  for (const name in inputs) if (inputs[name] && tape.reached.has(inputs[name].id)) names.push(name)
  return names
}

/** The gradients that one operation passes on to its inputs: tensors of their own, whatever its gradient function returns. */
function inputGradients(
  node: RecordedNode,
  dys: readonly (tf.Tensor | undefined)[],
  names: readonly string[],
): tf.Tensor[] {
  if (!node.gradient && !node.own)
    throw new Error(`Cannot compute gradient: gradient function not found for ${node.kernelName}.`)
  engine.startScope()
  const dxs: tf.Tensor[] = []
  try {
    const scope = engine.state.activeScope.id
    const found = nodeGradients(node, dys, names)
    for (const name of names) {
      const dx = gradientBy(node, name, found[name])
      // A gradient may be its dy, what was saved, or a tensor of somebody else's; ours are disposed of later.
      dxs.push(dx.scopeId === scope && !dx.kept && !dxs.includes(dx) ? dx : alias(dx))
    }
  } catch (error) {
    engine.endScope()
    throw error
  }
  engine.endScope(dxs)
  return dxs
}

function gradientBy(
  { inputs, kernelName }: RecordedNode,
  name: string,
  given: tf.Tensor | (() => tf.Tensor) | undefined,
): tf.Tensor {
  const { shape, dtype } = inputs[name]!
  const dx = typeof given === 'function' ? given() : given
  if (!dx) {
    // Integers computed from a variable are on the tape; nothing flows back through them.
    if (dtype !== 'float32') return tf.zeros(shape)
    throw new Error(`Cannot backprop through input ${name} of ${kernelName}: it has no gradient.`)
  }
  if (dx.dtype === 'float32' && tf.util.arraysEqual(dx.shape, shape)) return dx
  const found = `${dx.dtype} [${dx.shape.join(', ')}]`
  throw new Error(`The gradient of ${kernelName} by ${name} is ${found}, expected float32 [${shape.join(', ')}].`)
}

function accumulate(gradients: Map<number, tf.Tensor>, id: number, dx: tf.Tensor): void {
  const sum = gradients.get(id)
  if (!sum) {
    gradients.set(id, dx)
    return
  }
  gradients.set(id, runKernel(tf.Add, { a: sum, b: dx }))
  sum.dispose()
  dx.dispose()
}
