// Answers merged along a tree instead of layer by layer (Tree Mixture-of-Agents, arXiv 2512.18126): each inner node merges
// its children. The first two children of a node run at once; a further one is skipped, with all below it, once those before
// it agree (and, where asked for, are confident by their tokens' probabilities).
import { idAt, type Part } from '../compose.ts'
import { agreement } from '../lexical-similarity.ts'
import { synthesisMessages, synthesisPrompt } from '../prompts.ts'
import type { StepOutput } from '../result.ts'
import type { Step, StepContext } from '../topology.ts'
import {
  answered,
  answersOf,
  answersPlanned,
  answersSeen,
  oneReply,
  plannedCalls,
  type ReplySettings,
  replySettings,
} from './ask.ts'
import { tokenConfidence } from './cascade.ts'
import { gated } from './ending.ts'

export interface TreeOptions extends ReplySettings {
  /** Children of a node. */
  readonly branching: number
  /** Levels below the root. */
  readonly depth: number
  /** Mean likeness of two siblings' answers (`agreement`), 0 to 1, from which on they agree. */
  readonly agreement: number
  /** What each of them must reach as the geometric mean of its tokens' probabilities. Absent: not asked for. */
  readonly confidence?: number | undefined
  readonly merging?: ReplySettings
}

/** Why the sibling after these is not needed; undefined where it is. */
export function agreed(
  siblings: readonly StepOutput[],
  options: Pick<TreeOptions, 'agreement' | 'confidence'>,
): string | undefined {
  const answers = siblings.flatMap((output) => output.answers.slice(0, 1))
  if (answers.length < 2) return undefined
  const likeness = agreement(answers.map(({ text }) => text))
  if (likeness < options.agreement) return undefined
  if (options.confidence !== undefined && !answers.every(({ score = 0 }) => score >= options.confidence!))
    return undefined
  return `the siblings before it agree (${likeness.toFixed(2)})`
}

/** Leaves are `proposers` in turn; every inner node is `aggregator`. Gives the root's answer. */
export const tree =
  (proposers: readonly string[], aggregator: string, options: TreeOptions): Part =>
  ({ layer: first, before }) => {
    const steps: Step[] = []
    let leaves = 0
    const layers = new Map<string, number>(before.map((step) => [step.id, step.layer]))
    const after = (ids: readonly string[]): number => Math.max(first, ...ids.map((id) => layers.get(id)! + 1))

    /** `gates`: of this node and its ancestors, the siblings that make it needless. */
    const node = (path: readonly number[], gates: readonly (readonly string[])[]): string => {
      const leaf = path.length === options.depth
      const agent = leaf ? proposers[leaves++ % proposers.length]! : aggregator
      const children: string[] = []
      if (!leaf)
        for (let child = 0; child < options.branching; child++)
          children.push(node([...path, child + 1], child < 2 ? gates : [...gates, [...children]]))
      const from = leaf ? before.map(({ id }) => id) : children
      const layer = after([...from, ...gates.flat()])
      const name = [leaf ? 'proposer' : 'aggregator', ...path].join('-')
      const plain = nodeStep(
        idAt(layer, name),
        layer,
        agent,
        from,
        leaf,
        leaf ? options : { ...options, ...options.merging },
      )
      const ids = [...new Set(gates.flat())]
      const step =
        ids.length === 0
          ? plain
          : gated(plain, ids, (inputs) => {
              const outputs = new Map(inputs.map(({ id, output }) => [id, output]))
              for (const siblings of gates) {
                const why = agreed(
                  siblings.map((id) => outputs.get(id)!),
                  options,
                )
                if (why !== undefined) return { answers: [], skipped: why }
              }
              return undefined
            })
      layers.set(step.id, layer)
      steps.push(step)
      return step.id
    }
    node([], [])
    return steps
  }

const nodeStep = (
  id: string,
  layer: number,
  agent: string,
  from: readonly string[],
  leaf: boolean,
  options: TreeOptions,
): Step => ({
  id,
  kind: leaf ? 'propose' : 'aggregate',
  mayFail: true,
  layer,
  agents: [agent],
  from,
  plan(context) {
    const texts = from.length > 0 ? [synthesisPrompt] : []
    return oneReply(plannedCalls(context, agent, { ...options, texts, more: answersPlanned(context).tokens }))
  },
  async run({ question, inputs, call }: StepContext) {
    const answers = answersSeen(inputs)
    if (!leaf && answers.length === 0) return { answers: [], skipped: 'none of its children gave an answer' }
    return reply(call, agent, synthesisMessages(question, answers, options), options)
  },
})

async function reply(
  call: StepContext['call'],
  agent: string,
  messages: ReturnType<typeof synthesisMessages>,
  options: TreeOptions,
): Promise<StepOutput> {
  const outcome = await call({
    agent,
    messages,
    ...(options.confidence !== undefined && { logProbabilities: 0 }),
    ...replySettings(options),
  })
  const confidence = answered(outcome) ? tokenConfidence(outcome.reply.logProbabilities) : undefined
  return {
    answers: answersOf([outcome]).map((answer) => ({
      ...answer,
      ...(confidence !== undefined && { score: confidence }),
    })),
  }
}
