// TensorFlow.js's way to a kernel with less on it. For every operation its engine looks the kernel up twice, asks three
// times for flags, makes half a dozen closures and two sets, and that takes longer than a small kernel does. These methods
// of the engine do the same work in the same order; where somebody profiles, debugs or takes gradients of gradients, the
// engine's own still run.
import { type EngineInside, engine } from './engine-inside.ts'
import { RecordedTape } from './recorded-tape.ts'
import { tf } from './tf.ts'

const prototype = Object.getPrototypeOf(engine) as EngineInside
const stock = { runKernel: prototype.runKernel, endScope: prototype.endScope }
const noAttributes = {}

prototype.runKernel = function runKernel(this: EngineInside, kernelName, inputs, attrs) {
  const { state, ENV } = this
  // Initialises one where there is none yet.
  const { backend } = this
  const kernel = tf.getKernel(kernelName, this.backendName)
  const taped = state.kernelDepth === 0 && state.gradientDepth > 0
  const nested = taped && state.gradientDepth > 1
  if (!kernel || nested || state.profiling || ENV.getBool('DEBUG') || ENV.getBool('IS_TEST'))
    return stock.runKernel.call(this, kernelName, inputs, attrs)
  state.kernelDepth++
  try {
    const made = kernel.kernelFunc({ inputs, attrs: attrs!, backend }) as tf.Tensor | tf.Tensor[]
    const outputs: tf.Tensor[] = []
    if (Array.isArray(made)) for (const info of made) outputs.push(tensorOf(this, info, backend))
    else outputs.push(tensorOf(this, made, backend))
    if (taped) record(this, kernelName, inputs, outputs, attrs)
    return Array.isArray(made) ? outputs : outputs[0]!
  } finally {
    state.kernelDepth--
  }
}

/** References and some kernels return tensors already. */
const tensorOf = (self: EngineInside, info: tf.TensorInfo, backend: tf.KernelBackend): tf.Tensor =>
  (info as tf.Tensor).rank === undefined ? self.makeTensorFromTensorInfo(info, backend) : (info as tf.Tensor)

function record(
  self: EngineInside,
  kernelName: string,
  inputs: tf.NamedTensorMap,
  outputs: tf.Tensor[],
  attrs: tf.NamedAttrMap | undefined,
): void {
  const { activeTape } = self.state
  if (activeTape instanceof RecordedTape) return activeTape.record(kernelName, inputs, outputs, attrs ?? noAttributes)
  const saved = self.saveTensorsForBackwardMode(self.getTensorsForGradient(kernelName, inputs, outputs))
  self.addTapeNode(kernelName, inputs, outputs, null, saved, attrs)
}

/** More results than this are looked up in a set. */
const few = 8

/** The tensors that a scope returns, where they are few and in no deeper container. */
function returned(result: unknown): readonly tf.Tensor[] | undefined {
  if (result instanceof tf.Tensor) return [result]
  if (result === undefined || result === null) return []
  const plain = Array.isArray(result) && result.length <= few && result.every((each) => each instanceof tf.Tensor)
  return plain ? result : undefined
}

prototype.endScope = function endScope(this: EngineInside, result) {
  const tensors = returned(result)
  if (!tensors) return stock.endScope.call(this, result)
  const { state } = this
  const { activeScope, scopeStack } = state
  for (const tensor of activeScope.track) if (!tensor.kept && !includes(tensors, tensor)) tensor.dispose()
  scopeStack.pop()
  state.activeScope = scopeStack[scopeStack.length - 1] ?? (null as unknown as typeof activeScope)
  for (const tensor of tensors) if (!tensor.kept && tensor.scopeId === activeScope.id) this.track(tensor)
}

function includes(tensors: readonly tf.Tensor[], { id }: tf.Tensor): boolean {
  for (const tensor of tensors) if (tensor.id === id) return true
  return false
}
