// Modules: named parameters and buffers in a tree. Names are Hugging Face's, so that a state dict is a checkpoint's list
// of tensors. A module owns its variables and gives their memory back in `dispose`.
import { MixlabError, type RandomStream } from '@mixlab/core'
import { activeEngine, tf } from '@mixlab/tensor'
import type { Initializer } from './initializers.ts'

export type StateDict = ReadonlyMap<string, tf.Tensor>

/** Where a part of a model (a router, a stack of experts, a module) makes its tensors. */
export interface ParameterStore {
  /** Trained. Drawn from this store's own random stream, so that a parameter does not depend on those made before it. */
  parameter<R extends tf.Rank>(name: string, shape: readonly number[], initializer: Initializer): tf.Variable<R>
  /** Part of the state, not trained by gradients. */
  buffer<R extends tf.Rank>(name: string, shape: readonly number[], initializer: Initializer): tf.Variable<R>
}

/** The variables of the models that are being made, each with its parts; see `wholeModel`. */
const unfinished: tf.Variable[][] = []

/** Makes a model. If that fails half-way, e.g. for want of memory, the parameters made by then are disposed of. */
export function wholeModel<M extends Module>(make: () => M): M {
  const made: tf.Variable[] = []
  unfinished.push(made)
  try {
    return make()
  } catch (error) {
    tf.dispose(made)
    throw error
  } finally {
    unfinished.pop()
  }
}

export abstract class Module implements ParameterStore, Disposable {
  readonly #parameters = new Map<string, tf.Variable>()
  readonly #buffers = new Map<string, tf.Variable>()
  readonly #children = new Map<string, Module>()
  #disposed = false
  readonly rng: RandomStream

  /** @param rng initial values are drawn from `rng.stream(<name of the parameter>)`. */
  constructor(rng: RandomStream) {
    this.rng = rng
  }

  parameter<R extends tf.Rank>(name: string, shape: readonly number[], initializer: Initializer): tf.Variable<R> {
    const variable = this.#make<R>(name, shape, initializer, true)
    this.#parameters.set(name, variable)
    return variable
  }

  buffer<R extends tf.Rank>(name: string, shape: readonly number[], initializer: Initializer): tf.Variable<R> {
    const variable = this.#make<R>(name, shape, initializer, false)
    this.#buffers.set(name, variable)
    return variable
  }

  #make<R extends tf.Rank>(
    name: string,
    shape: readonly number[],
    initializer: Initializer,
    trainable: boolean,
  ): tf.Variable<R> {
    if (this.#parameters.has(name) || this.#buffers.has(name) || this.#children.has(name)) {
      throw new MixlabError(
        `${this.constructor.name}: the name ${name} is taken; give each parameter a name of its own`,
      )
    }
    // Drawing the values may take long: what does not fit is refused before.
    const bytes = 4 * shape.reduce((product, size) => product * size, 1)
    activeEngine()?.require?.(bytes, `float32 [${shape.join(', ')}] of ${name}`)
    const values = initializer(shape, this.rng.stream(name))
    const variable = tf.tidy(() =>
      tf.variable(tf.tensor<R>(values, [...shape] as tf.ShapeMap[R], 'float32'), trainable),
    )
    unfinished.at(-1)?.push(variable)
    return variable
  }

  /** Adds a part under `name`; dots are allowed (`mlp.gate`). Make it with `rng.stream(name)`. */
  child<M extends Module>(name: string, module: M): M {
    this.#children.set(name, module)
    return module
  }

  /** Trained parameters by dotted name, in the order in which they were made. */
  parameters(prefix = ''): Map<string, tf.Variable> {
    return this.#collect(prefix, (module) => module.#parameters)
  }

  buffers(prefix = ''): Map<string, tf.Variable> {
    return this.#collect(prefix, (module) => module.#buffers)
  }

  #collect(prefix: string, own: (module: Module) => ReadonlyMap<string, tf.Variable>): Map<string, tf.Variable> {
    const found = new Map<string, tf.Variable>()
    for (const [name, variable] of own(this)) found.set(prefix + name, variable)
    for (const [name, child] of this.#children) {
      for (const [path, variable] of child.#collect(`${prefix}${name}.`, own)) found.set(path, variable)
    }
    return found
  }

  /** Parameters and buffers by name: the live tensors, not copies. */
  state(): Map<string, tf.Variable> {
    return new Map([...this.parameters(), ...this.buffers()])
  }

  /** @throws MixlabError naming the first missing, unexpected or misshapen tensor of a state. */
  checkState(state: StateDict): void {
    const own = this.state()
    const missing = [...own.keys()].filter((name) => !state.has(name))
    const unexpected = [...state.keys()].filter((name) => !own.has(name))
    if (missing.length > 0 || unexpected.length > 0) {
      const list = (names: string[]) =>
        `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`
      const parts = [
        missing.length > 0 && `missing ${list(missing)}`,
        unexpected.length > 0 && `unexpected ${list(unexpected)}`,
      ]
      throw new MixlabError(`state does not fit the model: ${parts.filter(Boolean).join('; ')}`)
    }
    for (const [name, variable] of own) {
      const given = state.get(name)!
      if (given.shape.join() !== variable.shape.join()) {
        throw new MixlabError(
          `state does not fit the model: ${name} has shape [${given.shape.join(', ')}], expected [${variable.shape.join(', ')}]`,
        )
      }
    }
  }

  /**
   * Overwrites parameters and buffers; the given tensors stay the caller's.
   * @throws MixlabError if the state does not fit (`checkState`); then nothing has been changed.
   */
  loadState(state: StateDict): void {
    this.checkState(state)
    // A product by 1 is a copy of its own, which optimizers may write to in place; a clone would share the caller's memory.
    for (const [name, variable] of this.state()) tf.tidy(() => variable.assign(tf.mul(state.get(name)!, 1)))
  }

  /** Whether `dispose` was called. */
  get disposed(): boolean {
    return this.#disposed
  }

  dispose(): void {
    this.#disposed = true
    for (const variable of [...this.#parameters.values(), ...this.#buffers.values()]) variable.dispose()
    for (const child of this.#children.values()) child.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
