// What is counted while questions are answered: grades, calls, failures, tokens, money, times, and which agents were asked
// in each layer.
import type { MixlabEvents } from '@mixlab/core'
import { percentileOf } from '@mixlab/statistics'
import type { Cost } from './cost.ts'
import type { QuestionGrades } from './grader.ts'
import type { QuestionResult } from './result.ts'
import type { Topology } from './topology.ts'
import { addCosts, noCost } from './usage-cost.ts'

export interface GraderSummary {
  /** Mean over all questions; those without an answer count 0. */
  readonly accuracy: number
  readonly score: number
  /** Answers in which nothing was found. */
  readonly unparseable: number
}

export interface AnswersSummary extends Readonly<Record<string, unknown>> {
  readonly questions: number
  readonly answered: number
  /** Why questions have no answer, and how many. */
  readonly failures: Readonly<Record<string, number>>
  readonly graders: Readonly<Record<string, GraderSummary>>
  readonly calls: number
  /** Calls that gave nothing. */
  readonly missing: number
  readonly cost: Cost
  /** Of the longest chain of calls of a question, in seconds. */
  readonly latencySeconds: { readonly median: number; readonly p95: number }
}

/** What `routingEvent` makes an event of. */
interface LayerLoad {
  readonly layer: number
  readonly router: string
  readonly members: readonly string[]
  readonly counts: readonly number[]
  readonly requested: number
}

export class AnswerStatistics {
  readonly #topology: Topology
  readonly #total: number
  readonly #began = performance.now()
  readonly #graders: Map<string, { correct: number; score: number; unparseable: number }>
  readonly #failures = new Map<string, number>()
  readonly #latencies: number[] = []
  /** By layer and agent. */
  readonly #asked = new Map<number, Map<string, number>>()
  #done = 0
  #answered = 0
  #calls = 0
  #missing = 0
  #cost: Cost = noCost

  constructor(topology: Topology, graders: readonly string[], total: number) {
    this.#topology = topology
    this.#total = total
    this.#graders = new Map(graders.map((name) => [name, { correct: 0, score: 0, unparseable: 0 }]))
  }

  add(result: QuestionResult, { grades }: QuestionGrades): void {
    this.#done++
    if (result.answer === null) {
      const reason = result.failure ?? 'no answer'
      this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1)
    } else this.#answered++
    for (const [name, { correct, score, unparseable }] of Object.entries(grades)) {
      const sums = this.#graders.get(name)!
      if (correct) sums.correct++
      sums.score += score
      if (unparseable === true) sums.unparseable++
    }
    for (const { layer, agent } of result.calls) {
      const asked = this.#asked.get(layer) ?? new Map<string, number>()
      asked.set(agent, (asked.get(agent) ?? 0) + 1)
      this.#asked.set(layer, asked)
    }
    this.#calls += result.calls.length
    this.#missing += missingOf(result)
    this.#cost = addCosts([this.#cost, result.cost])
    this.#latencies.push(result.timing.criticalPathMs / 1000)
  }

  progress(result: QuestionResult, { grades }: QuestionGrades): MixlabEvents['question.answered'] {
    const first = Object.values(grades)[0]
    const seconds = (performance.now() - this.#began) / 1000
    return {
      index: result.index,
      question: result.question,
      answered: result.answer !== null,
      ...(first && { score: first.score }),
      missing: missingOf(result),
      cost: result.cost,
      done: this.#done,
      total: this.#total,
      timing: {
        criticalPathMs: result.timing.criticalPathMs,
        secondsLeft: (seconds / this.#done) * (this.#total - this.#done),
      },
    }
  }

  /** Layers with more than one agent to choose from, as the mixture layers of a model report theirs. */
  loads(): LayerLoad[] {
    const layers = [...new Set(this.#topology.steps.map(({ layer }) => layer))].toSorted((a, b) => a - b)
    return layers.flatMap((layer) => {
      const steps = this.#topology.steps.filter((step) => step.layer === layer)
      const members = [...new Set(steps.flatMap(({ agents }) => agents))]
      if (members.length < 2) return []
      const counts = members.map((member) => this.#asked.get(layer)?.get(member) ?? 0)
      const requested = counts.reduce((sum, count) => sum + count, 0)
      return [{ layer, router: this.#topology.name, members, counts, requested }]
    })
  }

  summary(): AnswersSummary {
    const share = (value: number) => value / this.#done
    return {
      questions: this.#done,
      answered: this.#answered,
      failures: Object.fromEntries(this.#failures),
      graders: Object.fromEntries(
        [...this.#graders].map(([name, { correct, score, unparseable }]) => [
          name,
          { accuracy: share(correct), score: share(score), unparseable },
        ]),
      ),
      calls: this.#calls,
      missing: this.#missing,
      cost: this.#cost,
      latencySeconds: { median: percentileOf(this.#latencies, 50), p95: percentileOf(this.#latencies, 95) },
    }
  }

  /** By evaluator's name, for trackers and comparisons. */
  metrics(): Record<string, Record<string, number>> {
    const { graders, calls, missing, answered, cost, latencySeconds } = this.summary()
    return {
      ...Object.fromEntries(Object.entries(graders).map(([name, values]) => [name, { ...values }])),
      answers: {
        answered,
        calls,
        missing,
        inputTokens: cost.inputTokens,
        outputTokens: cost.outputTokens,
        ...(cost.billed !== undefined && { billed: cost.billed }),
        ...(cost.logical !== undefined && { logical: cost.logical }),
        latencySeconds: latencySeconds.median,
      },
    }
  }
}

const missingOf = ({ steps }: QuestionResult): number =>
  steps.reduce((sum, { missing = [] }) => sum + missing.length, 0)
