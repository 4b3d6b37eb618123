// A router plugin over features of messages: rows are questions, members are agents. Any router of the mixture layer works
// here as it does there: with the same fields, the same scores, the same losses.
//
// Axes: T questions, D features, E members (agents), k choices a question.
import { MixlabError, type PluginReference, type PluginTable, type RandomStream, splitReference } from '@mixlab/core'
import type { Question } from '@mixlab/agents'
import { Module, normal, type Router, type RouterInput, type RouterOutput } from '@mixlab/nn'
import { tf, withPrecision } from '@mixlab/tensor'
import type { Features } from './features.ts'
import { textOf } from './outcomes.ts'
import { identityOf } from './splits.ts'
import { textHash } from './text-hash.ts'

export interface MessageRouterOptions {
  /** A plugin of the kind `router`, with its fields: `'top-k'`, `{ name: 'logistic', penalty: 0.01 }`. */
  readonly router: PluginReference
  readonly plugins: PluginTable
  /** The agents. */
  readonly members: readonly string[]
  readonly features: Features
  readonly rng: RandomStream
  /** Which of several layers of agents. Default 0. */
  readonly layer?: number
}

export interface Routes {
  /** Of each question: the chosen members, best first. */
  readonly members: readonly (readonly number[])[]
  /** Of the chosen; they sum to 1. */
  readonly weights: readonly (readonly number[])[]
  /** Of all members; empty rows where the router has none (hash, random). */
  readonly scores: readonly (readonly number[])[]
}

/** What routers that look at a token's identity see: the question's hash, of as many. */
const VOCABULARY = 4096
/** Questions at a time: nearest neighbours compare each with all that are known. */
const CHUNK = 1024

class Gate extends Module {}

const rowsOf = (values: ArrayLike<number>, width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, row) =>
    Array.from({ length: width }, (__, i) => values[row * width + i]!),
  )

function readRoutes(output: RouterOutput, members: number): Routes {
  if ('rows_N' in output) throw new MixlabError('the router chose questions for members, not members for questions')
  const k = output.members_Tk.shape[1]
  const chosen = rowsOf(output.members_Tk.dataSync(), k)
  const weights = rowsOf(output.weights_Tk.dataSync(), k)
  const scores = output.scores_TE ? rowsOf(output.scores_TE.dataSync(), members) : chosen.map(() => [])
  const ordered = chosen.map((row, t) =>
    row.map((member, i) => ({ member, weight: weights[t]![i]! })).toSorted((a, b) => b.weight - a.weight),
  )
  return {
    members: ordered.map((row) => row.map(({ member }) => member)),
    weights: ordered.map((row) => {
      const total = row.reduce((sum, { weight }) => sum + weight, 0)
      return row.map(({ weight }) => (total > 0 ? weight / total : 1 / row.length))
    }),
    scores,
  }
}

export class MessageRouter implements Disposable {
  readonly name: string
  readonly reference: PluginReference
  readonly members: readonly string[]
  readonly layer: number
  readonly router: Router
  readonly features: Features
  /** What makes each question one that it has learnt from; see `identityOf`. */
  readonly seen = new Set<string>()
  /** Holds the parameters and buffers. */
  readonly gate: Module
  readonly #rng: RandomStream

  constructor({ router, plugins, members, features, rng, layer = 0 }: MessageRouterOptions) {
    this.name = splitReference(router).name
    this.reference = router
    this.members = members
    this.layer = layer
    this.features = features
    this.#rng = rng
    if (plugins.find('router', this.name).traits['causal'] === false)
      throw new MixlabError(
        `router ${this.name}: its members choose among many rows at once, and questions come one by one; use a router whose rows choose, e.g. top-k`,
      )
    this.gate = new Gate(rng.stream('gate'))
    const context = {
      members: members.length,
      width: features.width,
      vocabulary: VOCABULARY,
      layer,
      initializer: normal(0.02),
      store: this.gate,
      rng: this.gate.rng,
    }
    this.router = plugins.create('router', router, context)
  }

  /** Features [T, D]. */
  read(questions: readonly Question[]): tf.Tensor2D {
    const { width } = this.features
    return tf.tensor2d(this.features.of(questions.map(textOf)), [questions.length, width])
  }

  /** The router's input for questions whose features are at hand. */
  inputOf(x_TD: tf.Tensor2D, questions: readonly Question[], step: { training: boolean; step?: number }): RouterInput {
    const ids = Int32Array.from(questions, (question) => textHash(identityOf(question)) % VOCABULARY)
    return {
      x_TD,
      tokens_T: tf.tensor1d(ids, 'int32'),
      batch: questions.length,
      length: 1,
      training: step.training,
      rng: this.#rng.stream('route').at(step.step ?? 0),
    }
  }

  /**
   * Whom each question goes to.
   * @param options.explore noise, jitter and confidence bounds take part, as in training; drawn for `step`
   */
  route(questions: readonly Question[], options: { explore?: boolean; step?: number } = {}): Routes {
    const { explore: training = false, step = 0 } = options
    const chunks = Array.from({ length: Math.ceil(questions.length / CHUNK) }, (_, i): Routes => {
      const some = questions.slice(i * CHUNK, (i + 1) * CHUNK)
      // Routes hold no tensors; a tidy's type does not know.
      return tf.tidy(() => {
        const input = this.inputOf(this.read(some), some, { training, step })
        const output = withPrecision('float32', () => this.router.route(input))
        return readRoutes(output, this.members.length) as never
      })
    })
    return {
      members: chunks.flatMap(({ members }) => members),
      weights: chunks.flatMap(({ weights }) => weights),
      scores: chunks.flatMap(({ scores }) => scores),
    }
  }

  [Symbol.dispose](): void {
    this.gate.dispose()
  }
}

/**
 * Makes a router over messages, untrained.
 * @throws MixlabError on an unknown router or field, or one that cannot route questions one by one
 */
export const createMessageRouter = (options: MessageRouterOptions): MessageRouter => new MessageRouter(options)
