// Optimizers over named parameters. Each keeps its moments in tensors of its own and updates everything in one in-place
// kernel; the learning rate and the clipping factor come with each step, so that nothing here depends on a schedule.
import { MixlabError } from '@mixlab/core'
import { adamW, sgd, tf } from '@mixlab/tensor'
import type { OptimizerConfig } from './config.ts'

export interface OptimizerStep {
  /** By parameter name; a parameter without a gradient stays as it is. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>
  readonly learningRate: number
  /** 1-based. */
  readonly step: number
  /** What gradients are multiplied by: the clipping factor. */
  readonly scale?: tf.Scalar
}

export interface Optimizer extends Disposable {
  apply(step: OptimizerStep): void
  /** Live state tensors by name: `m.<parameter>`, `v.<parameter>`, `momentum.<parameter>`. */
  state(): ReadonlyMap<string, tf.Variable>
}

/** nanoGPT's parameter groups: matrices and embeddings decay, biases and gains of norms do not. */
export const decays = (parameter: tf.Tensor): boolean => parameter.shape.length >= 2

const zerosLike = (parameter: tf.Tensor): tf.Variable => tf.tidy(() => tf.variable(tf.zeros(parameter.shape), false))

/** The kinds of state that an optimizer keeps, each as large as the parameters. */
export const momentsOf = (config: OptimizerConfig): readonly string[] =>
  config.name === 'adamw' ? ['m', 'v'] : config.momentum > 0 ? ['momentum'] : []

/** AdamW or SGD with momentum, as in torch.optim; weight decay applies to parameters with two or more axes. */
export function createOptimizer(config: OptimizerConfig, parameters: ReadonlyMap<string, tf.Variable>): Optimizer {
  const kinds = momentsOf(config)
  // Gives back what was made if the memory does not suffice for all.
  using stack = new DisposableStack()
  const state = new Map<string, tf.Variable>()
  for (const kind of kinds)
    for (const [name, parameter] of parameters) {
      state.set(
        `${kind}.${name}`,
        stack.adopt(zerosLike(parameter), (variable) => variable.dispose()),
      )
    }
  const owned = stack.move()
  return {
    apply({ gradients, learningRate, step, scale }) {
      const names = [...parameters.keys()].filter((name) => gradients.has(name))
      const updated = names.map((name) => parameters.get(name)!)
      const held = (kind: string) => names.map((name) => state.get(`${kind}.${name}`)!)
      const common = {
        parameters: updated,
        gradients: names.map((name) => gradients.get(name)!),
        learningRate,
        step,
        weightDecay: updated.map((parameter) => (decays(parameter) ? config.weightDecay : 0)),
        ...(scale && { scale }),
      }
      switch (config.name) {
        case 'adamw':
          adamW({
            ...common,
            m: held('m'),
            v: held('v'),
            beta1: config.beta1,
            beta2: config.beta2,
            eps: config.epsilon,
          })
          break
        case 'sgd':
          sgd({
            ...common,
            buffers: config.momentum > 0 ? held('momentum') : [],
            momentum: config.momentum,
            nesterov: config.nesterov,
          })
          break
        default:
          config.name satisfies never
      }
    },
    state: () => state,
    [Symbol.dispose]() {
      owned.dispose()
    },
  }
}

export const lacking = (name: string, label: string): MixlabError =>
  new MixlabError(`${label} lacks ${name}: it belongs to another model or optimizer`)

/**
 * Gives a variable another tensor's values and memory.
 * @throws MixlabError naming it if it is of another shape.
 */
export function assignOne(variable: tf.Variable, given: tf.Tensor, name: string, label: string): void {
  if (given.shape.join() !== variable.shape.join()) {
    throw new MixlabError(
      `${label}: ${name} has shape [${given.shape.join(', ')}], expected [${variable.shape.join(', ')}]`,
    )
  }
  variable.assign(given)
}

/**
 * Overwrites named variables with given tensors, which stay the caller's.
 * @throws MixlabError naming the first one that is missing or of another shape.
 */
export function assignAll(
  target: ReadonlyMap<string, tf.Variable>,
  source: ReadonlyMap<string, tf.Tensor>,
  label: string,
): void {
  for (const [name, variable] of target) {
    const given = source.get(name)
    if (!given) throw lacking(name, label)
    // Multiplying copies; a clone would share the memory that in-place updates write to.
    tf.tidy(() => assignOne(variable, tf.mul(given, 1), name, label))
  }
}
