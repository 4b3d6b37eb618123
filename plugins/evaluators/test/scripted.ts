// Models, routers and corpora whose every number is known beforehand, and a way to run one evaluator over them.
//
// Coverage: `fixedBatches` takes windows at equal distances. From a stream of batches · batchSize · contextLength + 1 tokens
// it takes disjoint ones, so that each token but the last is an input exactly once and counts can be written by hand.
import { join } from 'node:path'
import {
  type EventType,
  type MixlabEvents,
  parseConfiguration,
  type Plugin,
  pluginConfiguration,
  RandomStream,
} from '@mixlab/core'
import { byteTokenizer, type Corpus, type TokenStream } from '@mixlab/data'
import { experts } from '@mixlab/experts'
import {
  createTransformer,
  defineRouter,
  type ForwardContext,
  type KeyValueCache,
  type LanguageModel,
  type LanguageModelOutput,
  Module,
  transformerConfig,
  zeros,
} from '@mixlab/nn'
import { routers } from '@mixlab/routers'
import { tf, useEngine } from '@mixlab/tensor'
import { type evaluate, type EvaluationInput, type EvaluationResult, type SavedModel } from '@mixlab/training'
import { expect } from 'vitest'
import { startEngine } from '../../../packages/nn/test/engines.ts'
import { tableOf } from '../../../packages/nn/test/plugin-table.ts'
import { evaluators } from '../src/index.ts'

export const startCpu = (): Promise<void> => startEngine('cpu')

export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

/** Each value as often as its count says, in order. */
export const repeated = (counts: readonly number[]): number[] =>
  counts.flatMap((count, value) => range(count).map(() => value))

export interface CorpusParts {
  readonly train?: readonly number[]
  readonly domains?: readonly string[]
  /** The domain of each validation token. */
  readonly labels?: readonly number[]
  readonly bytes?: number
}

/** A corpus whose validation stream is `tokens`. */
export function corpusOf(tokens: readonly number[], parts: CorpusParts = {}): Corpus {
  const { train = [], domains = [''], labels, bytes = tokens.length } = parts
  const stream = (name: string, ids: readonly number[]): TokenStream => ({
    name,
    tokens: Int32Array.from(ids),
    documents: Int32Array.of(0),
    bytes,
  })
  return {
    tokenizer: byteTokenizer,
    train: stream('training', train),
    validation: { ...stream('validation', tokens), ...(labels && { domains: Uint8Array.from(labels) }) },
    hash: '',
    domains,
    describe: () => 'scripted',
  }
}

/** The logits [V] at a position of a sequence. */
export type Logits = (tokens: readonly number[], position: number) => readonly number[]

/** A model that says what the test tells it to; `seen` has every sequence that it was given. */
export class ScriptedModel extends Module implements LanguageModel {
  readonly vocabulary: number
  readonly contextLength: number
  readonly activeParameters = 0
  readonly mixtures: LanguageModel['mixtures'] = []
  readonly causal = true
  readonly warnings: readonly string[] = []
  readonly seen: (readonly number[])[] = []
  readonly #logits: Logits

  constructor(vocabulary: number, contextLength: number, logits: Logits) {
    super(new RandomStream(1))
    this.vocabulary = vocabulary
    this.contextLength = contextLength
    this.#logits = logits
  }

  forward(tokens_BT: tf.Tensor2D, context: ForwardContext): LanguageModelOutput {
    if (context.training) throw new Error('an evaluator does not train')
    const [batch, length] = tokens_BT.shape
    const ids = [...tokens_BT.dataSync()]
    const sequences = range(batch).map((row) => ids.slice(row * length, (row + 1) * length))
    this.seen.push(...sequences)
    const logits = sequences.flatMap((tokens) => tokens.map((_, position) => [...this.#logits(tokens, position)]))
    return { logits: tf.tensor2d(logits, [batch * length, this.vocabulary], 'float32'), losses: [] }
  }

  afterStep(): void {}

  createCache(): KeyValueCache {
    throw new Error('a scripted model has no cache')
  }
}

/** The members that a token goes to in a layer: `k` of them, −1 for none. `shift` is the layer's buffer, 0 at first. */
export type Choose = (token: number, layer: number, shift: number) => readonly number[]

export const scriptedRouter = (k: number, choose: Choose): Plugin<'router'> =>
  defineRouter({
    name: 'scripted',
    summary: 'A token’s members are a function of its id',
    create: (_, { layer, store }) => {
      const shift = store.buffer('shift', [1], zeros)
      return {
        choices: k,
        route: ({ tokens_T }) => {
          const members = [...tokens_T.dataSync()].map((token) => [...choose(token, layer, shift.dataSync()[0]!)])
          const shape: [number, number] = [members.length, k]
          return { members_Tk: tf.tensor2d(members, shape, 'int32'), weights_Tk: tf.fill(shape, 1 / k), losses: {} }
        },
      }
    },
  })

export interface TransformerParts {
  readonly layers?: number
  readonly vocabulary?: number
  readonly contextLength?: number
  readonly mixture?: object | null
  readonly scripted?: Plugin<'router'>
}

/** A small transformer, with large enough weights for its routers to have opinions; without `mixture` a dense one. */
export function transformerOf({
  vocabulary = 16,
  mixture = null,
  scripted,
  ...shape
}: TransformerParts): LanguageModel {
  const config = { layers: 1, width: 8, heads: 2, contextLength: 8, initializerRange: 0.4, mixture, ...shape }
  return createTransformer(parseConfiguration(transformerConfig, config, 'model'), {
    vocabulary,
    rng: new RandomStream(1),
    plugins: tableOf([...routers, ...experts, ...(scripted ? [scripted] : [])]),
  })
}

/** A transformer of `members` experts a layer whose routes the test writes down. */
export const routedModel = (
  {
    k,
    members,
    capacity = null,
    ...parts
  }: TransformerParts & { k: number; members: number; capacity?: object | null },
  choose: Choose,
): LanguageModel =>
  transformerOf({
    ...parts,
    mixture: { router: 'scripted', experts: { name: 'copy', count: members }, capacity },
    scripted: scriptedRouter(k, choose),
  })

export interface RunOptions {
  readonly config?: object
  readonly batchSize?: number
  readonly contextLength?: number
  readonly checkpoints?: readonly SavedModel[]
}

/** Tensors and bytes that are alive on the cpu engine. */
export async function usage(): Promise<{ tensors: number; bytes: number }> {
  const { bytes } = (await useEngine('cpu')).memory()
  return { tensors: tf.memory().numTensors, bytes }
}

/** Runs an evaluator by itself; it must leave no tensor and no memory behind, and give numbers only. */
export async function run(
  plugin: Plugin<'evaluator'>,
  model: LanguageModel,
  corpus: Corpus,
  { config = {}, batchSize = 2, contextLength = model.contextLength, checkpoints = [] }: RunOptions = {},
): Promise<EvaluationResult> {
  const evaluator = plugin.create(pluginConfiguration(plugin, { ...config }), { rng: new RandomStream(5) } as never)
  const input: EvaluationInput = {
    model,
    corpus,
    step: 100,
    batchSize,
    contextLength,
    async *checkpoints() {
      yield* checkpoints
    },
  }
  const before = await usage()
  const result = await evaluator.evaluate(input)
  expect(await usage()).toEqual(before)
  for (const { rows, columns, values } of Object.values(result.matrices ?? {})) {
    expect(values.map((row) => row.length)).toEqual(rows.map(() => columns.length))
  }
  return result
}

export interface Emitted {
  readonly type: EventType
  readonly data: MixlabEvents[EventType]
}

/** What `evaluate` needs of a run, in the folder `root`; `events` are what it emitted. */
export function recordingRun(root = 'no-such-folder'): { run: Parameters<typeof evaluate>[0]; events: Emitted[] } {
  const events: Emitted[] = []
  const unused = () => Promise.reject(new Error('not written by evaluators'))
  return {
    events,
    run: {
      plugins: tableOf(evaluators),
      directory: {
        path: root,
        file: (relative) => join(root, relative),
        exists: () => false,
        write: unused,
        readText: unused,
      },
      rng: new RandomStream(1),
      emit: (type, data) => void events.push({ type, data }),
      ready: () => Promise.resolve(),
    },
  }
}
