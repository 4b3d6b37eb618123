// The parts of TensorFlow.js's engine that are not in its types, as far as they are used here.
import { tf } from './tf.ts'

type Engine = ReturnType<typeof tf.engine>
export type TapeNode = Engine['state']['activeTape'][number]
export type Attributes = tf.NamedAttrMap

/** The engine with what it keeps to itself. */
export interface EngineInside extends Pick<Engine, 'state' | 'ENV' | 'backend' | 'backendName'> {
  runKernel(kernelName: string, inputs: tf.NamedTensorMap, attrs?: Attributes): tf.Tensor | tf.Tensor[]
  startScope(name?: string): void
  endScope(result?: unknown): void
  track<T extends tf.Tensor>(result: T): T
  makeTensorFromTensorInfo(info: tf.TensorInfo, backend?: tf.KernelBackend): tf.Tensor
  getTensorsForGradient(kernelName: string, inputs: tf.NamedTensorMap, outputs: tf.Tensor[]): tf.Tensor[]
  saveTensorsForBackwardMode(tensors: tf.Tensor[]): tf.Tensor[]
  addTapeNode(
    kernelName: string,
    inputs: tf.NamedTensorMap,
    outputs: tf.Tensor[],
    gradient: null,
    saved: tf.Tensor[],
    attrs: Attributes | undefined,
  ): void
}

export const engine = tf.engine() as unknown as EngineInside

/** Runs a kernel of one result on the active backend. */
export const runKernel = (kernelName: string, inputs: object, attrs: object = {}): tf.Tensor =>
  engine.runKernel(kernelName, inputs as tf.NamedTensorMap, attrs as Attributes) as tf.Tensor

/** The same elements as another tensor, under a shape of the same size: what a clone and a reshape are, and no kernel. */
export function alias(tensor: tf.Tensor, shape: number[] = tensor.shape): tf.Tensor {
  const { dataId, dtype } = tensor
  const { backend } = engine
  backend.incRef(dataId)
  return engine.makeTensorFromTensorInfo({ dataId, shape, dtype }, backend)
}

type TensorConstructor = new (shape: number[], dtype: tf.DataType, dataId: object, id: number) => tf.Tensor

/**
 * An alias that no scope disposes of. It has the number of its original, as which it counts on a tape: what is computed
 * from it is computed from the original.
 */
export function hold(tensor: tf.Tensor): tf.Tensor {
  const { shape, dtype, dataId, id, size } = tensor
  engine.backend.incRef(dataId)
  const held = new (tf.Tensor as unknown as TensorConstructor)(shape, dtype, dataId, id)
  held.kept = true
  const { state } = engine
  state.numTensors++
  if (dtype === 'string') state.numStringTensors++
  else if (dtype !== 'complex64') state.numBytes += size * tf.util.bytesPerElement(dtype)
  return held
}
