// A decoder-only transformer with pre-norm blocks: nanoGPT's and GPT-2's shape with layer norm and learned positions,
// Llama's and OLMoE's with RMS norm and rotary ones. A mixture layer can take the place of any feed-forward. Parameters
// carry Hugging Face's names (`model.layers.0.self_attn.q_proj.weight`, …).
//
// Axes: B sequences, T tokens of each, D width, V vocabulary. Between the blocks x is [B·T, D].
import { MixlabError, type PluginTable, RandomStream } from '@mixlab/core'
import { linear, rotaryTables, tf } from '@mixlab/tensor'
import { Block, type BlockInput, dropped, initializersOf } from './block.ts'
import { KeyValueCache } from './cache.ts'
import { Embedding } from './embedding.ts'
import type { ForwardContext, LanguageModel, LanguageModelOutput } from './language-model.ts'
import { Linear } from './linear.ts'
import { Mixture } from './mixture.ts'
import { Module, wholeModel } from './module.ts'
import { createNorm, type Norm } from './norm.ts'
import type { RouterLoss } from './router.ts'
import { shapeOf, type TransformerConfig } from './transformer-config.ts'

export interface TransformerOptions {
  /** Number of token ids. */
  readonly vocabulary: number
  /** Initial values are drawn from its named streams. */
  readonly rng: RandomStream
  /** Where routers and experts are looked up. A dense model needs none. */
  readonly plugins: PluginTable
}

/** Rows start … start + length; all of them are the table itself. */
const rowsFrom = (table: tf.Tensor2D, start: number, length: number): tf.Tensor2D =>
  length === table.shape[0] ? table : tf.slice(table, [start, 0], [length, table.shape[1]])

/** Draws of an evaluation: the same in each. */
const evaluationStream = new RandomStream(0, 'evaluation')

export class Transformer extends Module implements LanguageModel {
  readonly config: TransformerConfig
  readonly vocabulary: number
  readonly mixtures: LanguageModel['mixtures']
  readonly causal: boolean
  readonly warnings: readonly string[]
  readonly #embedding: Embedding
  readonly #positions: Embedding | undefined
  readonly #blocks: readonly Block[]
  readonly #norm: Norm
  readonly #head: Linear | undefined
  /** For all positions of the context. */
  readonly #rotary: BlockInput['rotary']

  constructor(config: TransformerConfig, { vocabulary, rng, plugins }: TransformerOptions) {
    super(rng)
    this.config = config
    this.vocabulary = vocabulary
    const { width, layers, mixture } = config
    const { innerWidth } = shapeOf(config)
    const { initializer, residualInitializer } = initializersOf(config)
    const table = (name: string, count: number) =>
      this.child(name, new Embedding(rng.stream(name), { count, width, initializer }))
    this.#embedding = table('model.embed_tokens', vocabulary)
    this.#positions = config.positions === 'learned' ? table('model.embed_positions', config.contextLength) : undefined
    let mixtureLayers = 0
    const createMixture = (layer: number) => (stream: RandomStream) => {
      if (!mixture || layer < mixture.from || (layer - mixture.from) % mixture.every !== 0) return undefined
      const options = {
        width,
        innerWidth,
        vocabulary,
        layer: mixtureLayers++,
        config: mixture,
        initializer,
        residualInitializer,
        plugins,
      }
      return new Mixture(stream, options)
    }
    this.#blocks = Array.from({ length: layers }, (_, layer) => {
      const name = `model.layers.${layer}`
      return this.child(name, new Block(rng.stream(name), config, layer, createMixture(layer)))
    })
    this.#norm = this.child(
      'model.norm',
      createNorm(rng.stream('model.norm'), config.norm, width, config.normEpsilon, config.bias),
    )
    const head = rng.stream('lm_head')
    this.#head = config.tied
      ? undefined
      : this.child('lm_head', new Linear(head, { inputs: width, outputs: vocabulary, initializer }))
    if (config.positions === 'rotary') {
      const { cos, sin } = rotaryTables({
        dim: shapeOf(config).headWidth,
        base: config.rotaryBase,
        positions: config.contextLength,
      })
      this.#rotary = { cos: tf.keep(cos), sin: tf.keep(sin) }
    }
    const found = this.#mixtures
    this.mixtures = found.map(({ members, routerName }, layer) => ({ layer, router: routerName, members }))
    const looksAhead = [...new Set(found.map(({ routerName }) => routerName))].filter(
      (name) => plugins.find('router', name).traits['causal'] === false,
    )
    const pushedOut = found.length > 0 && mixture?.capacity?.drop === 'priority'
    this.causal = looksAhead.length === 0 && !(pushedOut && mixture.capacity?.evaluation === 'same')
    this.warnings = [
      ...looksAhead.map(
        (name) =>
          `router ${name} looks at later tokens: the model's loss is not that of a causal language model, and it cannot generate as it was trained`,
      ),
      ...(pushedOut
        ? [
            "capacity.drop priority lets later tokens push earlier ones out: where the limit holds, a token's loss depends on later tokens",
          ]
        : []),
    ]
  }

  get #mixtures(): Mixture[] {
    return this.#blocks.map(({ feedForward }) => feedForward).filter((part) => part instanceof Mixture)
  }

  get contextLength(): number {
    return this.config.contextLength
  }

  get repeatsTokens(): boolean {
    return this.#positions === undefined && this.#mixtures.length === 0
  }

  get activeParameters(): number {
    const all = [...this.parameters().values()].reduce((sum, { size }) => sum + size, 0)
    return this.#mixtures.reduce((sum, layer) => sum - layer.idleParameters, all)
  }

  forward(tokens_BT: tf.Tensor2D, context: ForwardContext): LanguageModelOutput {
    const [batch, length] = tokens_BT.shape
    if (this.disposed) {
      throw new MixlabError(
        'the model has been disposed of; with `using model = …`, await all that uses it before the block ends (`return await train(…)`)',
      )
    }
    const start = context.cache?.position ?? 0
    const { contextLength, dropout: rate, width } = this.config
    if (start + length > contextLength) {
      throw new MixlabError(
        `the input has ${start + length} tokens, but the model's context is ${contextLength}; shorten it or set contextLength`,
      )
    }
    if (context.training && !context.rng && (rate > 0 || this.#mixtures.length > 0)) {
      throw new MixlabError(
        'forward: a training step with dropout or a router needs random numbers; pass rng: run.rng.stream("train").at(step)',
      )
    }
    const rng = context.rng ?? evaluationStream
    const embedded = this.#embedding.forward(tokens_BT.reshape<tf.Tensor1D>([batch * length])) as tf.Tensor2D
    const positions = this.#positions && rowsFrom(this.#positions.weight, start, length)
    const placed = positions
      ? tf.add(embedded.reshape([batch, length, width]), positions).reshape<tf.Tensor2D>([batch * length, width])
      : embedded
    let x = dropped(placed, rate, context, () => rng, 'embedding')
    const rotary = context.cache ? this.#rotary : this.#rotaryTables(start, length)
    const losses: Readonly<Record<string, RouterLoss>>[] = []
    for (const [layer, block] of this.#blocks.entries()) {
      const result = block.forward(x, {
        batch,
        length,
        tokens_BT,
        rotary,
        context,
        rng: () => rng.stream(`layers.${layer}`),
      })
      x = result.x
      if (result.losses) losses.push(result.losses)
    }
    context.cache?.advance(length)
    const wanted =
      context.positions === 'last' && length > 1
        ? tf
            .slice(x.reshape([batch, length, width]), [0, length - 1, 0], [batch, 1, width])
            .reshape<tf.Tensor2D>([batch, width])
        : x
    const final = this.#norm.forward(wanted)
    const logits = this.#head ? this.#head.forward(final) : linear(final, this.#embedding.weight)
    return { logits: logits as tf.Tensor2D, losses }
  }

  #rotaryTables(start: number, length: number): BlockInput['rotary'] {
    const tables = this.#rotary
    return tables && { cos: rowsFrom(tables.cos, start, length), sin: rowsFrom(tables.sin, start, length) }
  }

  afterStep(): void {
    for (const layer of this.#mixtures) layer.afterStep()
  }

  override dispose(): void {
    super.dispose()
    this.#rotary?.cos.dispose()
    this.#rotary?.sin.dispose()
  }

  createCache(batch: number, length: number): KeyValueCache {
    const { keyValueHeads, headWidth } = shapeOf(this.config)
    return new KeyValueCache({ batch, length, layers: this.config.layers, keyValueHeads, headWidth })
  }
}

/**
 * A transformer with fresh parameters; dispose of it when done.
 * @throws MixlabError on sizes that do not fit each other, an unknown plugin, or a plugin's field that is wrong.
 */
export const createTransformer = (config: TransformerConfig, options: TransformerOptions): LanguageModel =>
  wholeModel(() => new Transformer(config, options))
