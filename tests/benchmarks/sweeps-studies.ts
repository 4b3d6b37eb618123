// The same studies with our samplers and with Optuna's of the same kind: as many seeds, as many trials.
import { join } from 'node:path'
import { MixlabError, RandomStream } from '@mixlab/core'
import { lastLine } from './peer-process.ts'
import { applies, type Problem, problems, type SamplerName, samplerNames } from './sweeps-problems.ts'
import { compare, type Comparison, scoreOf, type Scores } from './sweeps-report.ts'
import { makeSampler, type Outcome, runStudy } from './sweeps-study.ts'

export interface Studies {
  readonly seeds: number
  readonly trials: number
  readonly versions: Readonly<Record<string, string>>
  readonly comparisons: readonly Comparison[]
}

export interface StudiesPlan {
  readonly problems: readonly Problem[]
  readonly samplers: readonly SamplerName[]
  readonly seeds: number
  readonly trials: number
  /** Processes of the peer's at a time. */
  readonly jobs: number
  readonly python: string | undefined
  /** Of the same numbers of seeds and trials: what the plan leaves out of it is kept. */
  readonly earlier: Studies | undefined
}

interface PeerOutcome {
  readonly outcomes: readonly Outcome[]
  readonly probes: readonly (readonly number[])[]
  readonly versions: Readonly<Record<string, string>>
}

/** Points of the problem's space, where both sides' functions must agree. */
function probesOf({ space, directions }: Problem) {
  const sampler = makeSampler('random', space, directions, 0)
  return Array.from({ length: 5 }, (_, number) => {
    const rng = new RandomStream(0, 'probe', number)
    return sampler.ask({ study: { space, directions, trials: [] }, number, rng })!.parameters
  })
}

/** Optuna's outcomes. @throws MixlabError where the peer fails, or has another function than we */
async function peerOutcome(python: string, problem: Problem, sampler: SamplerName, { seeds, trials }: StudiesPlan) {
  const { name, space, directions, noise, evaluate } = problem
  const probes = probesOf(problem)
  const task = { problem: { name, space, directions, noise }, sampler, seeds, trials, probes }
  const script = join(import.meta.dirname, 'peer/sweeps.py')
  const peer = await lastLine<PeerOutcome>(python, [script, JSON.stringify(task)])
  if (typeof peer === 'string') throw new MixlabError(`${name}, ${sampler}: Optuna failed: ${peer}`)
  probes.forEach((point, i) =>
    evaluate(point).forEach((value, objective) => {
      if (Math.abs(value - peer.probes[i]![objective]!) > 1e-9 * Math.max(1, Math.abs(value)))
        throw new MixlabError(`${name}: the two sides have different functions at ${JSON.stringify(point)}`)
    }),
  )
  return peer
}

/** Runs the plan. @param keep receives what there is after each problem and sampler: a long run may be ended before its end */
export async function runStudies(plan: StudiesPlan, keep: (studies: Studies) => Promise<void>): Promise<Studies> {
  const { python, seeds, trials } = plan
  const tasks = plan.problems.flatMap((problem) =>
    plan.samplers.filter((name) => applies(name, problem)).map((sampler) => ({ problem, sampler })),
  )
  const earlier = plan.earlier?.seeds === seeds && plan.earlier.trials === trials ? plan.earlier : undefined
  const versions: Record<string, string> = { ...earlier?.versions, node: process.version }
  const scores = new Map<string, Scores>()
  const keyOf = (problem: string, sampler: string) => `${problem}, ${sampler}`
  for (const each of earlier?.comparisons ?? []) scores.set(keyOf(each.problem, each.sampler), each)
  for (const { problem, sampler } of tasks) scores.delete(keyOf(problem.name, sampler))
  const all = problems.flatMap(({ name }) => samplerNames.map((sampler) => keyOf(name, sampler)))
  const result = (): Studies => ({
    seeds,
    trials,
    versions,
    comparisons: compare(all.flatMap((key) => scores.get(key) ?? [])),
  })
  const waiting = tasks.values()
  const work = async () => {
    for (const { problem, sampler } of waiting) {
      process.stderr.write(`${keyOf(problem.name, sampler)} …\n`)
      const outcomes = Array.from({ length: seeds }, (_, seed) => runStudy(problem, sampler, seed, trials))
      const peer = python === undefined ? undefined : await peerOutcome(python, problem, sampler, plan)
      Object.assign(versions, peer?.versions)
      const scored = (those: readonly Outcome[]) => those.map((outcome) => scoreOf(problem, outcome))
      const optuna = peer && { optuna: scored(peer.outcomes) }
      scores.set(keyOf(problem.name, sampler), { problem: problem.name, sampler, ours: scored(outcomes), ...optuna })
      await keep(result())
    }
  }
  await Promise.all(Array.from({ length: plan.jobs }, work))
  return result()
}
