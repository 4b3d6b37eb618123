// Asks one question: runs each step as soon as what it sees is there, all that can run at once at once, and keeps what every
// step saw and gave. A call that failed is in the result whatever its step did about it. When a layer is not good enough
// the question fails: steps that depend on it do not run and say why. Those that do not depend on it end as they would have,
// so that a replay has the same calls.
//
// An error cancels what is still out, through each call's signal; the run's own end (Ctrl-C) does not, since the caller lets
// paid calls finish.
import { interrupted, MixlabError, type RandomStream } from '@mixlab/core'
import { agentRequest, type AgentSettings } from './agent-request.ts'
import type { AgentRouter } from './agent-router.ts'
import type { CallAgent, CallOutcome } from './call.ts'
import { ChatFailure } from './chat-failure.ts'
import { criticalPath, type TimedCall } from './critical-path.ts'
import { type LayerVerdicts, layerVerdicts } from './layer-verdicts.ts'
import type { Question } from './question.ts'
import type { CallSummary, Missing, QuestionResult, StepOutput, StepResult } from './result.ts'
import { type AgentIdentity, sampleOrdinals } from './sample-ordinals.ts'
import { isAnswered } from './steps/ask.ts'
import type { Step, StepCall, StepContext, Topology } from './topology.ts'
import { stepsInOrder } from './topology-order.ts'
import { addCosts } from './usage-cost.ts'

export interface QuestionOptions {
  readonly topology: Topology
  readonly question: Question
  /** Its place in the data set, from 0. */
  readonly index: number
  readonly call: CallAgent
  /** Which model an agent is: agents that are the same one take different samples of it. */
  identity(agent: string): AgentIdentity
  /** Their settings, which become part of their requests. */
  readonly agents: Readonly<Record<string, AgentSettings>>
  /** The task's answer in a text. Default: the text itself, without white space around it. */
  readonly parse?: (text: string) => string | undefined
  /** @throws MixlabError where there is none of that name. Default: there is none. */
  readonly router?: (name: string) => AgentRouter
  /** The run's; each question and step has its own stream of it. */
  readonly rng: RandomStream
  /** Of the run. */
  readonly signal: AbortSignal
  /** Milliseconds for the whole question; a call that is not back by then is missing. */
  readonly deadlineMs?: number
  /** Milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number
}

const noRouter = (name: string): never => {
  throw new MixlabError(`the topology asks for the router ${name}, and this run has none: give it as router`, {
    code: 'unknown-router',
  })
}

/**
 * @throws interrupted() after Ctrl-C, MixlabError on a topology that does not hold together or a router that is not there,
 * and what a step throws; no call is left running then either
 */
export async function answerQuestion(options: QuestionOptions): Promise<QuestionResult> {
  const { topology, question } = options
  const order = stepsInOrder(topology)
  const run = new QuestionRun(options)
  const done = new Map<string, Promise<StepResult>>()
  for (const step of order)
    done.set(
      step.id,
      Promise.all(step.from.map((id) => done.get(id)!)).then((inputs) => run.step(step, inputs)),
    )
  const results = new Map((await Promise.all(done.values())).map((result) => [result.id, result]))
  if (run.error !== undefined) throw run.error

  const output = results.get(topology.output)!
  const failed = run.verdicts.failure()
  const answer = failed === undefined ? (output.answers[0]?.text ?? null) : null
  const failure = failed ?? (answer === null ? `the last step, ${output.id}, gave no answer` : undefined)
  const calls = topology.steps.flatMap(({ id }) => run.calls.get(id) ?? []).map(({ outcome }) => summaryOf(outcome))
  return {
    index: options.index,
    question: question.id,
    answer,
    ...(failure !== undefined && { failure }),
    steps: topology.steps.map(({ id }) => results.get(id)!),
    calls,
    cost: addCosts(calls.map(({ cost }) => cost)),
    timing: criticalPath(order, run.calls, answer === null ? undefined : output),
  }
}

/** The state of a question that is being answered. */
class QuestionRun {
  /** By step, in the order in which they were made. */
  readonly calls = new Map<string, TimedCall[]>()
  readonly verdicts: LayerVerdicts
  /** Why there is no result. */
  error: unknown
  readonly #options: QuestionOptions
  readonly #sample: (step: string, agent: string) => number
  readonly #cancel = new AbortController()
  readonly #now: () => number
  readonly #questionDeadline: number | undefined
  readonly #layerDeadlines = new Map<number, number>()
  /** How many calls each step has made. */
  readonly #places = new Map<string, number>()
  readonly #pending = new Map<string, Promise<CallOutcome>[]>()
  readonly #layers: ReadonlyMap<string, number>
  readonly #notRun = new Set<string>()

  constructor(options: QuestionOptions) {
    this.#options = options
    this.verdicts = layerVerdicts(options.topology)
    this.#layers = new Map(options.topology.steps.map(({ id, layer }) => [id, layer]))
    this.#sample = sampleOrdinals(options.topology, options.identity)
    this.#now = options.now ?? Date.now
    if (options.deadlineMs !== undefined) this.#questionDeadline = this.#now() + options.deadlineMs
  }

  /** Runs a step, or says why it was not run. Never rejects: what is thrown is kept in `error`. */
  async step(step: Step, inputs: readonly StepResult[]): Promise<StepResult> {
    const result = {
      id: step.id,
      kind: step.kind,
      layer: step.layer,
      saw: seenBy(step),
      ...(await this.#output(step, inputs)),
    }
    this.verdicts.add(result)
    return result
  }

  async #output(step: Step, inputs: readonly StepResult[]): Promise<StepOutput> {
    const lost = inputs.find(({ id }) => this.#notRun.has(id))
    const good = await this.verdicts.areGood(step.from.map((id) => this.#layers.get(id)!))
    if (this.#options.signal.aborted) this.#stop(interrupted())
    if (lost !== undefined || !good || this.error !== undefined) {
      this.#notRun.add(step.id)
      const why = lost === undefined ? 'a layer that it sees has too few answers' : `${lost.id} was not run`
      return { answers: [], skipped: `not run: ${why}` }
    }
    try {
      const output = await step.run(this.#context(step, inputs)).finally(() => this.#settled(step))
      return { ...output, ...this.#missing(step, output) }
    } catch (error) {
      this.#stop(error)
      return { answers: [], skipped: 'it threw an error' }
    }
  }

  #context(step: Step, inputs: readonly StepResult[]): StepContext {
    const { question, parse = trimmed, router = noRouter, rng, signal } = this.#options
    return {
      question,
      inputs: inputs.map((output) => ({ id: output.id, output })),
      call: (call) => this.#call(step, call),
      parse,
      router,
      rng: rng.stream(question.id).stream(step.id),
      signal,
    }
  }

  async #call(step: Step, made: StepCall): Promise<CallOutcome> {
    const { call, question, agents } = this.#options
    if (!step.agents.includes(made.agent))
      throw new MixlabError(
        `step ${step.id} calls ${made.agent}, which is not among its agents (${step.agents.join(', ') || 'none'}): add it there`,
        { code: 'invalid-topology' },
      )
    const calls = this.calls.get(step.id) ?? []
    this.calls.set(step.id, calls)
    // The place is taken before the reply is there: calls are numbered and listed in the order in which they were made.
    const place = this.#places.get(step.id) ?? 0
    this.#places.set(step.id, place + 1)
    const deadline = this.#deadline(step.layer)
    const reply = call({
      id: `${question.id}/${step.id}${place === 0 ? '' : `/${place + 1}`}`,
      question: question.id,
      step: step.id,
      layer: step.layer,
      agent: made.agent,
      request: agentRequest(agents[made.agent] ?? {}, made),
      sample: this.#sample(step.id, made.agent) + (made.sample ?? 0),
      signal: made.signal ? AbortSignal.any([made.signal, this.#cancel.signal]) : this.#cancel.signal,
      ...(deadline !== undefined && { deadline }),
    })
    this.#pending.set(step.id, [...(this.#pending.get(step.id) ?? []), reply])
    const outcome = await reply
    calls[place] = { outcome, after: (made.after ?? []).map((before) => before.call.id) }
    return outcome
  }

  /** Waits for all calls of a step, also for those that it does not wait for: none is left running, none is lost. */
  async #settled(step: Step): Promise<void> {
    await Promise.allSettled(this.#pending.get(step.id) ?? [])
  }

  /** A layer's time starts with its first step. */
  #deadline(layer: number): number | undefined {
    const limit = this.#options.topology.layers?.[layer]?.deadlineMs
    if (limit !== undefined && !this.#layerDeadlines.has(layer)) this.#layerDeadlines.set(layer, this.#now() + limit)
    const ends = [this.#questionDeadline, this.#layerDeadlines.get(layer)].filter((end) => end !== undefined)
    return ends.length === 0 ? undefined : Math.min(...ends)
  }

  /** Every call that gave nothing. */
  #missing(step: Step, output: StepOutput): { readonly missing?: readonly Missing[] } {
    const reported = output.missing ?? []
    const known = new Set(reported.map(({ call }) => call))
    const failed = (this.calls.get(step.id) ?? [])
      .map(({ outcome }) => missingOf(outcome))
      .filter((missing) => missing !== undefined)
      .filter(({ call }) => !known.has(call))
    const missing = [...reported, ...failed]
    return missing.length === 0 ? {} : { missing }
  }

  /** There will be no result. The first reason stands. */
  #stop(error: unknown): void {
    if (this.error !== undefined) return
    this.error = error
    this.#cancel.abort(new ChatFailure('cancelled', 'its result was no longer needed'))
  }
}

const seenBy = ({ from, gates = [] }: Step): readonly string[] => from.filter((id) => !gates.includes(id))

const trimmed = (text: string): string | undefined => text.trim() || undefined

function missingOf(outcome: CallOutcome): Missing | undefined {
  const place = { agent: outcome.call.agent, call: outcome.call.id }
  if (!outcome.ok) return { ...place, ...outcome.failure }
  if (isAnswered(outcome.reply)) return undefined
  const { finishReason } = outcome.reply
  return {
    ...place,
    kind: finishReason === 'content-filter' ? 'content-filter' : 'truncated',
    message: `an empty reply (it finished by: ${finishReason})`,
  }
}

function summaryOf(outcome: CallOutcome): CallSummary {
  const { call, key, attempts, cost, timing } = outcome
  return {
    id: call.id,
    step: call.step,
    layer: call.layer,
    agent: call.agent,
    key,
    sample: call.sample,
    messages: call.request.messages,
    ...(outcome.ok
      ? { text: outcome.reply.text, finishReason: outcome.reply.finishReason, warnings: outcome.reply.warnings }
      : { failure: outcome.failure, warnings: [] }),
    attempts,
    cost,
    timing,
  }
}
