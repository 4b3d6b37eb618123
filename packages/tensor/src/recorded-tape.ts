// The tape of `valueAndGradients`. It records only what depends on the variables, saves tensors by counting a reference
// where TensorFlow.js runs a kernel and records that as well, notes in what precision each operation ran (its gradient's
// products are computed in the same), and knows gradients of which TensorFlow.js's tape would keep too much: those that
// need no more than a shape.
import { type Attributes, engine, hold, type TapeNode } from './engine-inside.ts'
import { currentPrecision, type Precision } from './precision.ts'
import { isTaping } from './tape.ts'
import { tf } from './tf.ts'

/** By input: a tensor, or a function where computing it can be skipped. */
export type Gradients = Readonly<Record<string, tf.Tensor | (() => tf.Tensor) | undefined>>

/** A gradient as this tape takes it. */
export interface TapeGradient {
  /** Inputs kept for the backward pass; one may be absent. */
  readonly inputs: readonly string[]
  /** Inputs of which only the shape is read: they are passed as they were, and may have been disposed of. */
  readonly shapes?: readonly string[]
  /** Indices of outputs kept for the backward pass. */
  readonly outputs?: readonly number[]
  /** The two inputs' elements are read for each other's gradient alone, and kept where the other one needs it. */
  readonly crosswise?: boolean
  /**
   * From the gradient of the first output; `outputs` are those kept, in order; `needed` are the inputs whose gradients will
   * be asked for, where that is known.
   */
  backward(
    dy: tf.Tensor,
    saved: Readonly<Record<string, tf.Tensor>>,
    outputs: tf.Tensor[],
    attrs: never,
    needed?: readonly string[],
  ): Gradients
}

/** By what TensorFlow.js knows them as, so that a gradient that somebody registers anew is the one that is used. */
const gradients = new Map<tf.GradConfig, TapeGradient>()

export function registerTapeGradient(kernelName: string, gradient: TapeGradient): void {
  gradients.set(tf.getGradient(kernelName), gradient)
}

/** What this tape adds to a node of TensorFlow.js's. */
export interface RecordedNode extends TapeNode {
  /** Absent where TensorFlow.js recorded the node. */
  readonly own?: { readonly gradient: TapeGradient; readonly named: Record<string, tf.Tensor>; readonly attrs: never }
  precision?: Precision
  /** Products of one x, this one among them, whose gradients can be computed at once. */
  together?: readonly RecordedNode[]
}

/** The tape that operations are recorded on here, where it is one of these. */
export function recordingTape(): RecordedTape | undefined {
  const { activeTape, gradientDepth } = engine.state
  // Within a gradient inside the loss, every operation is recorded by TensorFlow.js.
  return isTaping() && gradientDepth === 1 && activeTape instanceof RecordedTape ? activeTape : undefined
}

export class RecordedTape extends Array<RecordedNode> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  /** Numbers of the variables and of all tensors that were computed from them. */
  readonly reached: Set<number>

  constructor(variables: readonly tf.Tensor[]) {
    super()
    this.reached = new Set(variables.map(({ id }) => id))
  }

  override push(...nodes: RecordedNode[]): number {
    for (const node of nodes) this.#add(node)
    return this.length
  }

  #add(node: RecordedNode): void {
    node.precision = currentPrecision()
    this[this.length] = node
    if (this.depends(node.inputs)) for (const { id } of node.outputs) this.reached.add(id)
  }

  depends(inputs: tf.NamedTensorMap): boolean {
    for (const name in inputs) {
      const input = inputs[name]
      if (input && this.reached.has(input.id)) return true
    }
    return false
  }

  /** Called while the kernel counts as running, so that nothing here is recorded itself. */
  record(kernelName: string, inputs: tf.NamedTensorMap, outputs: tf.Tensor[], attrs: Attributes): void {
    if (!this.depends(inputs)) return
    const config = tf.getGradient(kernelName)
    const gradient = config && gradients.get(config)
    if (!gradient) {
      const saved = config ? engine.getTensorsForGradient(kernelName, inputs, outputs).map(hold) : []
      return engine.addTapeNode(kernelName, inputs, outputs, null, saved, attrs)
    }
    const saved: tf.Tensor[] = []
    const named: Record<string, tf.Tensor> = {}
    const { inputs: names, shapes = [], outputs: kept = [], crosswise = false } = gradient
    for (const name of names) {
      const input = inputs[name]
      if (!input) continue
      if (crosswise && !this.reached.has(inputs[names[name === names[0] ? 1 : 0]!]!.id)) named[name] = input
      else saved.push((named[name] = hold(input)))
    }
    for (const name of shapes) if (inputs[name]) named[name] = inputs[name]
    for (const index of kept) saved.push(hold(outputs[index]!))
    const id = engine.state.nextTapeNodeId++
    this.#add({ id, kernelName, inputs, outputs, saved, own: { gradient, named, attrs: attrs as never } })
  }

  /** Records x · wᵀ for several weights, as a product each. Called while a kernel counts as running. */
  recordJointLinear(x: tf.Tensor, weights: readonly tf.Tensor[], outputs: readonly tf.Tensor[]): void {
    const first = this.length
    const attributes = { transposeA: false, transposeB: true }
    for (const [i, b] of weights.entries()) this.record(tf.BatchMatMul, { a: x, b }, [outputs[i]!], attributes)
    const together = this.slice(first)
    for (const node of together) node.together = together
  }

  /** For TensorFlow.js's own walk over this tape: a gradient inside the function whose gradient is taken. */
  completeNodes(): void {
    for (const node of this) if (node.own) node.gradient ??= (dys) => stockGradients(node, dys)
  }
}

/** What a node's gradient function returns, in this tape's form. */
export function nodeGradients(
  node: RecordedNode,
  dys: readonly (tf.Tensor | undefined)[],
  needed?: readonly string[],
): Gradients {
  const { own } = node
  // TensorFlow.js fills in zeros where an output has no gradient.
  if (!own) return node.gradient!(dys as tf.Tensor[])
  const dy = dys[0] ?? tf.zeros(node.outputs[0]!.shape)
  return own.gradient.backward(dy, own.named, keptOutputs(node), own.attrs, needed)
}

function keptOutputs({ saved = [], own }: RecordedNode): tf.Tensor[] {
  const count = own!.gradient.outputs?.length ?? 0
  return count === 0 ? [] : saved.slice(saved.length - count)
}

function stockGradients(node: RecordedNode, dys: tf.Tensor[]): Record<string, () => tf.Tensor> {
  const functions: Record<string, () => tf.Tensor> = {}
  const found = nodeGradients(node, dys)
  for (const [name, { dtype, shape }] of Object.entries(node.inputs)) {
    const value = found[name]
    if (value !== undefined) functions[name] = typeof value === 'function' ? value : () => value
    else if (dtype !== 'float32') functions[name] = () => tf.zeros(shape)
  }
  return functions
}
