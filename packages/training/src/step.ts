// One optimizer step: gradients of the mean cross-entropy plus the routers' losses, accumulated over micro-batches, clipped
// by their global norm and applied in place. Nothing is read back: what the host wants to know is returned as kept tensors.
import { MixlabError, type RandomStream } from '@mixlab/core'
import type { Batches } from '@mixlab/data'
import type { LanguageModel, RoutingRecord } from '@mixlab/nn'
import { clipScale, crossEntropy, globalNorm, tf, valueAndGradients } from '@mixlab/tensor'
import type { Optimizer } from './optimizers.ts'
import { batchTensors } from './validation.ts'

/** What a mixture layer did in one micro-batch; `offsets` is kept. */
export type KeptRouting = Omit<RoutingRecord, 'routing'> & { readonly offsets: tf.Tensor1D }

export interface StepResult {
  /** Kept: the total loss and then the parts named in `names`, one row of values for each micro-batch; then the norm. */
  readonly scalars: tf.Tensor1D
  readonly names: readonly string[]
  readonly routings: readonly KeptRouting[]
}

export interface StepOptions {
  readonly model: LanguageModel
  readonly batches: Batches
  readonly optimizer: Optimizer
  /** 1-based. */
  readonly step: number
  readonly accumulation: number
  readonly learningRate: number
  readonly clip: number | null
  /** Random numbers of the run's training; taken at `step`. */
  readonly rng: RandomStream
  /** Whether to keep what the mixture layers did. */
  readonly observe: boolean
}

/** The scalars of one forward pass, kept: the total, then the cross-entropy and the routers' losses (means over layers). */
interface Forward {
  readonly total: tf.Scalar
  readonly parts: ReadonlyMap<string, tf.Scalar>
}

function forward(
  model: LanguageModel,
  step: StepOptions,
  micro: number,
  { routings, kept }: { routings: KeptRouting[]; kept: tf.Tensor[] },
): Forward {
  const { tokens_BT, targets } = batchTensors(step.batches.batch(step.step, micro))
  const observe = ({ routing, ...record }: RoutingRecord): void => {
    const offsets = tf.keep(tf.clone(routing.offsets))
    kept.push(offsets)
    routings.push({ ...record, offsets })
  }
  const rng = step.rng.at(step.step).stream(`micro-${micro}`)
  const output = model.forward(tokens_BT, { training: true, rng, ...(step.observe && { observe }) })
  const { loss } = crossEntropy(output.logits, targets)
  const byName = new Map<string, tf.Scalar[]>()
  let total: tf.Scalar = loss
  for (const layer of output.losses) {
    for (const [name, { value, coefficient }] of Object.entries(layer)) {
      byName.set(name, [...(byName.get(name) ?? []), value])
      if (coefficient !== 0) total = tf.add(total, tf.mul(value, coefficient))
    }
  }
  const parts = new Map<string, tf.Scalar>([['crossEntropy', loss]])
  for (const [name, values] of byName) parts.set(name, tf.div(tf.addN(values), values.length))
  for (const value of parts.values()) kept.push(tf.keep(value))
  return { total, parts }
}

/**
 * Does one step; parameters, optimizer state and routers' state change in place.
 * @throws MixlabError if no parameter has a gradient.
 */
export function trainStep(options: StepOptions): StepResult {
  const { model, optimizer, accumulation, clip } = options
  const parameters = model.parameters()
  const variables = [...parameters.values()]
  const routings: KeptRouting[] = []
  const kept: tf.Tensor[] = []
  let result: StepResult | undefined
  const step = (): void => {
    const sums = new Map<string, tf.Tensor>()
    const scalars: tf.Scalar[] = []
    let names: string[] = []
    for (let micro = 0; micro < accumulation; micro++) {
      let parts: ReadonlyMap<string, tf.Scalar> = new Map()
      const { value, gradients } = valueAndGradients(() => {
        const { total, parts: found } = forward(model, options, micro, { routings, kept })
        parts = found
        return accumulation === 1 ? total : tf.div(total, accumulation)
      }, variables)
      names = [...parts.keys()]
      scalars.push(value, ...parts.values())
      for (const [index, name] of [...parameters.keys()].entries()) {
        const gradient = gradients[index]
        if (!gradient) continue
        const sum = sums.get(name)
        // Not in place: a gradient may share its memory with another one.
        sums.set(name, sum ? tf.add(sum, gradient) : gradient)
        if (sum) tf.dispose([sum, gradient])
      }
    }
    if (sums.size === 0)
      throw new MixlabError('no parameter of the model has a gradient: is the loss made of its logits?')
    const norm = globalNorm([...sums.values()])
    optimizer.apply({
      gradients: sums,
      learningRate: options.learningRate,
      step: options.step,
      ...(clip !== null && { scale: clipScale(norm, clip) }),
    })
    model.afterStep()
    result = { scalars: tf.keep(tf.stack([...scalars, norm]) as tf.Tensor1D), names, routings }
    // The parts were kept to outlive the gradient's own scope.
    tf.dispose(scalars)
  }
  try {
    tf.tidy(step)
  } catch (error) {
    tf.dispose(kept)
    throw error
  }
  return result!
}
