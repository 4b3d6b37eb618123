// The mixture layer: router → (capacity) → dispatch → expert stacks → weighted combine → + shared experts. There is no
// loop over experts and no read-back: counts and offsets are tensors, and the stacks' kernels read them where they lie.
//
// Axes: T tokens, D width, E members of the layer, k choices a token, N = T·k slots.
import { MixlabError, type PluginReference, type PluginTable, type RandomStream } from '@mixlab/core'
import { addInto, applyCapacity, combine, dispatch, gatherRows, linear, tf, withPrecision } from '@mixlab/tensor'
import type { ExpertStack } from './expert.ts'
import type { Initializer } from './initializers.ts'
import type { RoutingRecord } from './language-model.ts'
import type { MixtureConfig } from './mixture-config.ts'
import { Module } from './module.ts'
import type { Router, RouterInput, RouterLoss, RouterOutput, Routing } from './router.ts'

export interface MixtureOptions {
  readonly width: number
  /** Width inside the experts, where their configuration gives none. */
  readonly innerWidth: number
  readonly vocabulary: number
  /** Index among the model's mixture layers. */
  readonly layer: number
  readonly config: MixtureConfig
  readonly initializer: Initializer
  readonly residualInitializer: Initializer
  readonly plugins: PluginTable
}

export interface MixtureInput extends RouterInput {
  readonly observe?: ((record: RoutingRecord) => void) | undefined
}

export interface MixtureOutput {
  readonly y_TD: tf.Tensor2D
  readonly losses: Readonly<Record<string, RouterLoss>>
}

/** Holds the parameters that a router or a stack makes. */
class Part extends Module {}

interface PlacedStack {
  readonly stack: ExpertStack
  readonly first: number
  readonly count: number
}

interface SharedExpert {
  readonly stack: ExpertStack
  readonly gate: tf.Variable<tf.Rank.R2> | undefined
}

export class Mixture extends Module {
  readonly members: readonly string[]
  readonly routerName: string
  readonly #options: MixtureOptions
  readonly #router: Router
  readonly #stacks: readonly PlacedStack[]
  readonly #shared: readonly SharedExpert[]
  /** Sums of `offsets` since the last step, for routers that steer; their differences are the members' loads. */
  readonly #received: tf.Variable<tf.Rank.R1> | undefined

  constructor(rng: RandomStream, options: MixtureOptions) {
    super(rng)
    this.#options = options
    const { config, layer, width, vocabulary, initializer, plugins } = options
    const groups = Array.isArray(config.experts) ? config.experts : [config.experts]
    this.members = groups
      .flatMap(({ name, count }) => Array.from({ length: count }, () => name))
      .map((name, index) => `${name} ${index}`)
    this.routerName = typeof config.router === 'string' ? config.router : config.router.name
    const store = this.child('gate', new Part(rng.stream('gate')))
    const context = { members: this.members.length, width, vocabulary, layer, initializer, store, rng: store.rng }
    this.#router = plugins.create('router', config.router, context)
    let first = 0
    this.#stacks = groups.map(({ name, count, ...own }, index) => {
      const path = groups.length === 1 ? 'experts' : `experts.${index}`
      const placed = { stack: this.#createStack(path, count, { ...own, name }), first, count }
      first += count
      return placed
    })
    this.#shared = config.shared.map(({ name, gated, ...own }, index) => {
      const suffix = config.shared.length === 1 ? '' : `.${index}`
      const stack = this.#createStack(`shared_experts${suffix}`, 1, { ...own, name })
      if (!gated) return { stack, gate: undefined }
      const part = this.child(`shared_expert_gate${suffix}`, new Part(rng.stream(`shared_expert_gate${suffix}`)))
      return { stack, gate: part.parameter<tf.Rank.R2>('weight', [1, width], initializer) }
    })
    if (this.#router.afterStep) {
      this.#received = tf.tidy(() => tf.variable(tf.zeros<tf.Rank.R1>([this.members.length + 1], 'int32'), false))
    }
  }

  #createStack(path: string, members: number, reference: PluginReference): ExpertStack {
    const { width, innerWidth, layer, initializer, residualInitializer, plugins } = this.#options
    const store = this.child(path, new Part(this.rng.stream(path)))
    return plugins.create('expert', reference, {
      members,
      width,
      innerWidth,
      layer,
      initializer,
      residualInitializer,
      store,
      rng: store.rng,
    })
  }

  /** Expert parameters that a token does not pass through, on average. */
  get idleParameters(): number {
    const total = this.#stacks.reduce((sum, { stack, count }) => sum + stack.parametersPerMember * count, 0)
    return Math.round(total * (1 - Math.min(1, this.#router.choices / this.members.length)))
  }

  forward({ observe, ...input }: MixtureInput): MixtureOutput {
    const { x_TD } = input
    const tokens = x_TD.shape[0]
    // A logit rounded to bfloat16 would send tokens elsewhere.
    const output = withPrecision('float32', () => this.#router.route(input))
    const routing = this.#routingOf(output, input.training)
    if (this.#received && input.training) addInto(this.#received, routing.offsets)
    const requested = 'members_Tk' in output ? output.members_Tk.size : routing.rows_N.size
    observe?.({
      layer: this.#options.layer,
      router: this.routerName,
      members: this.members,
      routing,
      requested,
      tokens,
    })
    const xs_ND = gatherRows(x_TD, routing.rows_N)
    const ys_ND = this.#stacks
      .map(({ stack, first, count }) => {
        const offsets = this.#stacks.length === 1 ? routing.offsets : tf.slice(routing.offsets, [first], [count + 1])
        return stack.forward({ xs_ND, offsets, training: input.training })
      })
      .reduce((sum, ys) => tf.add(sum, ys))
    const routed_TD = combine(ys_ND, routing.rows_N, routing.weights_N, tokens)
    const y_TD = this.#shared.reduce((sum, shared) => tf.add(sum, runShared(shared, x_TD, input.training)), routed_TD)
    return { y_TD, losses: routing.losses }
  }

  #routingOf(output: RouterOutput, training: boolean): Routing {
    const { capacity } = this.#options.config
    if ('rows_N' in output) {
      if (!capacity) return output
      throw new MixlabError(
        `router ${this.routerName} sets its members' loads itself; remove mixture.capacity or choose a router whose tokens choose`,
      )
    }
    const { weights_Tk, losses, scores_TE } = output
    const memberCount = this.members.length
    const limited = capacity && (training || capacity.evaluation === 'same')
    const members_Tk = limited
      ? applyCapacity(output.members_Tk, weights_Tk, {
          memberCount,
          capacity: Math.ceil((capacity.factor * output.members_Tk.size) / memberCount),
          by: capacity.drop,
        })
      : output.members_Tk
    const { rows, offsets, pairs } = dispatch(members_Tk, memberCount)
    const weights_N = gatherRows(weights_Tk.reshape<tf.Tensor2D>([weights_Tk.size, 1]), pairs).reshape<tf.Tensor1D>([
      weights_Tk.size,
    ])
    return { rows_N: rows, offsets, weights_N, losses, ...(scores_TE && { scores_TE }) }
  }

  /** Tells the router how many pairs each member received since the last call, if it steers by that. */
  afterStep(): void {
    const received = this.#received
    if (!received) return
    tf.tidy(() => {
      const members = this.members.length
      const counts = tf.sub(tf.slice(received, [1], [members]), tf.slice(received, [0], [members]))
      this.#router.afterStep?.(tf.cast(counts, 'float32') as tf.Tensor1D)
      addInto(received, tf.neg(received))
    })
  }

  override dispose(): void {
    super.dispose()
    this.#received?.dispose()
  }
}

function runShared({ stack, gate }: SharedExpert, x_TD: tf.Tensor2D, training: boolean): tf.Tensor2D {
  const y_TD = stack.forward({ xs_ND: x_TD, offsets: tf.tensor1d([0, x_TD.shape[0]], 'int32'), training })
  return gate ? tf.mul(tf.sigmoid(linear(x_TD, gate)), y_TD) : y_TD
}
