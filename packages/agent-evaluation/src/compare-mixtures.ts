// Mixtures beside one another and beside what they have to beat: each as a run inside the run, on the same questions and one
// recording (equal samples of a first layer are paid once), then compared question by question.
import {
  type AgentRouter,
  answerQuestions,
  type AnswersSummary,
  type ChatModel,
  longestQuestion,
  type MixtureConfig,
  planTopology,
  type Question,
  readGrades,
} from '@mixlab/agents'
import { MixlabError, type PluginReference, type RunContext } from '@mixlab/core'
import { armOf } from './arms.ts'
import { type Baseline, type Budget, matchedBaselines, usualFamilies } from './baselines.ts'
import { compareArms, type Comparison } from './compare-arms.ts'

export interface CompareMixturesOptions {
  readonly questions: readonly Question[]
  /** What all arms have in common; its topology is not looked at. */
  readonly config: MixtureConfig
  /** By the arm's name: lower-case words joined by hyphens. */
  readonly topologies: Readonly<Record<string, PluginReference>>
  readonly models?: Readonly<Record<string, ChatModel>>
  readonly routers?: Readonly<Record<string, AgentRouter>>
  /**
   * For each arm: one agent alone, best of n, self-consistency and Self-MoA, with as many calls, tokens or as much money.
   * Default: by calls, of the first agent. Null: none.
   */
  readonly baselines?: { readonly budget?: Budget; readonly agents?: readonly string[] } | null
}

export interface MixtureComparison {
  /** By arm, baselines included. */
  readonly arms: Readonly<Record<string, AnswersSummary>>
  /** Baseline arms, and which arm each is the match of. */
  readonly baselines: readonly (Baseline & { readonly arm: string; readonly of: readonly string[] })[]
  readonly comparison: Comparison
}

/**
 * What is found is said in notes, pair by pair; no winner is named inside noise.
 * @throws MixlabError when the configuration has no grader; what `answerQuestions` throws
 */
export async function compareMixtures(run: RunContext, options: CompareMixturesOptions): Promise<MixtureComparison> {
  const { questions, config, topologies, models, routers } = options
  if (config.graders.length === 0)
    throw new MixlabError('a comparison needs a grader: name one in graders, e.g. gsm8k (mixlab plugins list grader)')
  const baselines = options.baselines === null ? [] : baselinesOf(run, options)
  const all: (readonly [string, PluginReference])[] = [
    ...Object.entries(topologies),
    ...baselines.map(({ arm, reference }) => [arm, reference] as const),
  ]
  const arms: Record<string, AnswersSummary> = {}
  const scores = []
  for (const [index, [name, topology]] of all.entries()) {
    arms[name] = await run.child(name, { config: { ...config, topology }, index, total: all.length }, (child) =>
      answerQuestions(child, {
        questions,
        config: child.config,
        ...(models && { models }),
        ...(routers && { routers }),
      }),
    )
    scores.push(armOf(name, await readGrades(run.directory.file(`children/${name}`))))
  }
  const comparison = compareArms(scores, { rng: run.rng.stream('comparison') })
  for (const { text } of baselines) run.emit('note', { message: text })
  for (const { text } of comparison.pairs) run.emit('note', { message: text })
  return { arms, baselines, comparison }
}

/** Baselines of all arms; what serves several is run once. */
function baselinesOf(
  run: RunContext,
  { questions, config, topologies, baselines }: CompareMixturesOptions,
): MixtureComparison['baselines'] {
  const names = Object.keys(config.agents)
  const { budget = 'calls', agents = names.slice(0, 1) } = baselines ?? {}
  const questionTokens = longestQuestion(questions)
  const planOf = (reference: PluginReference) =>
    planTopology(run.plugins.create('topology', reference, { agents: names, rng: run.rng.stream('topology') }), {
      agents: config.agents,
      questionTokens,
    })
  const found = new Map<string, Baseline & { arm: string; of: string[] }>()
  for (const [arm, topology] of Object.entries(topologies))
    for (const agent of agents)
      for (const baseline of matchedBaselines(planOf(topology), { families: usualFamilies(agent), budget, planOf })) {
        const name = [
          baseline.family,
          ...(agents.length > 1 ? [agent] : []),
          ...(baseline.size > 1 ? [baseline.size] : []),
        ].join('-')
        const known = found.get(name)
        if (known) known.of.push(arm)
        else found.set(name, { ...baseline, arm: name, of: [arm] })
      }
  return [...found.values()]
}
