// The one mechanism of the catalogue: a fused operation is a TensorFlow.js kernel name with a reference composition and,
// where it has one, a gradient. Engines register native kernels under the name; the reference stands in elsewhere.
// Gradient functions run catalogue kernels themselves, off any tape: second derivatives are not supported.
import { type Gradients, registerTapeGradient } from './recorded-tape.ts'
import { tf } from './tf.ts'

export type { Gradients } from './recorded-tape.ts'

type Inputs = Readonly<Record<string, tf.Tensor | undefined>>
type Attributes = object
type Outputs = tf.Tensor | readonly tf.Tensor[]

interface GradientDefinition<I extends Inputs, A extends Attributes, S extends keyof I & string> {
  /** Inputs kept for the backward pass. One that may be absent comes last. */
  readonly inputs: readonly S[]
  /** Those of them of which only the shape is read. */
  readonly shapes?: readonly S[]
  /** Indices of outputs kept for the backward pass. */
  readonly outputs?: readonly number[]
  /**
   * From the gradient of the first output; `outputs` are those kept, in order; `needed` are the inputs whose gradients will
   * be asked for, where that is known. An integer input that was kept needs no gradient.
   */
  backward(dy: tf.Tensor, saved: Pick<I, S>, outputs: tf.Tensor[], attributes: A, needed?: readonly string[]): Gradients
}

interface OperationDefinition<I extends Inputs, A extends Attributes, O extends Outputs, S extends keyof I & string> {
  /** In the catalogue; the kernel name is `mixlab.<name>`. */
  readonly name: string
  readonly summary: string
  readonly source?: string
  /** From TensorFlow.js's own operations, or on the host where those cannot say it. Returns new tensors. */
  reference(inputs: I, attributes: A): O
  readonly gradient?: GradientDefinition<I, A, S>
}

/** An entry of the catalogue. */
export interface CatalogueEntry {
  readonly kernelName: string
  readonly summary: string
  readonly source?: string
  /** The reference composition as a kernel of the backend that is active when it runs. */
  readonly kernelFunc: tf.KernelFunc
}

export interface Operation<I extends Inputs, A extends Attributes, O extends Outputs> extends CatalogueEntry {
  /** Runs the active backend's kernel; absent inputs are `undefined`. */
  run(inputs: I, attributes: A): O
}

export function defineOperation<
  I extends Inputs,
  A extends Attributes,
  O extends Outputs,
  S extends keyof I & string = never,
>(definition: OperationDefinition<I, A, O, S>): Operation<I, A, O> {
  const { name, summary, source, reference, gradient } = definition
  const kernelName = `mixlab.${name}`
  if (gradient) registerGradient(kernelName, gradient)
  return {
    kernelName,
    summary,
    ...(source !== undefined && { source }),
    kernelFunc: ({ inputs, attrs }) =>
      tf.tidy(() => reference(inputs as unknown as I, (attrs ?? {}) as unknown as A) as tf.Tensor | tf.Tensor[]),
    run(inputs, attributes) {
      const present: Record<string, tf.Tensor> = {}
      for (const key in inputs) if (inputs[key] !== undefined) present[key] = inputs[key]
      return tf.engine().runKernel(kernelName, present, attributes as unknown as tf.NamedAttrMap) as unknown as O
    },
  }
}

/** TensorFlow.js saves `inputsToSave.map((name) => inputs[name])`, absent ones too; this list leaves those out. */
class PresentInputs extends Array<string> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  override map<T>(select: (name: string, index: number, all: string[]) => T): T[] {
    return super.map(select).filter((tensor) => tensor !== undefined && tensor !== null)
  }
}

function registerGradient<I extends Inputs, A extends Attributes, S extends keyof I & string>(
  kernelName: string,
  { inputs, shapes = [], outputs = [], backward }: GradientDefinition<I, A, S>,
): void {
  const kept = Array.from({ length: Math.max(-1, ...outputs) + 1 }, (_, index) => outputs.includes(index))
  tf.registerGradient({
    kernelName,
    inputsToSave: PresentInputs.from(inputs) as string[],
    outputsToSave: kept,
    gradFunc: (dys, tensors, attrs) => {
      const dy = Array.isArray(dys) ? dys[0]! : dys
      const names = inputs.slice(0, tensors.length - outputs.length)
      const saved = Object.fromEntries(names.map((name, index) => [name, tensors[index]!])) as Pick<I, S>
      const gradients = backward(dy, saved, tensors.slice(names.length), attrs as unknown as A)
      const functions: Record<string, () => tf.Tensor> = {}
      for (const [index, name] of names.entries()) {
        const { dtype, shape } = tensors[index]!
        // Integers computed from x by TensorFlow.js's own operations are on the tape; nothing flows back through them.
        if (dtype !== 'float32') functions[name] = () => tf.zeros(shape)
      }
      for (const [name, value] of Object.entries(gradients)) {
        if (value !== undefined) functions[name] = typeof value === 'function' ? value : () => value
      }
      return functions
    },
  })
  const elements = inputs.filter((name) => !shapes.includes(name))
  registerTapeGradient(kernelName, { inputs: elements, shapes, outputs, backward: backward as never })
}
