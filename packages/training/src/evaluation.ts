// The contract of evaluators, and the function that runs them. An evaluator looks at a trained (or half-trained) model
// and returns numbers and tables; it changes nothing that stays.
import { type LabelledMatrix, type PluginReference, pluginHelper, type RunContext } from '@mixlab/core'
import type { Corpus } from '@mixlab/data'
import type { LanguageModel } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'
import { listCheckpoints, readCheckpoint } from './checkpoint.ts'
import { withTensors } from './state-files.ts'

/** The model as it was at an earlier step. */
export interface SavedModel {
  readonly step: number
  /** Puts the saved parameters into the model. What it held before comes back when the evaluation ends. */
  load(): Promise<void>
}

export interface EvaluationInput {
  readonly model: LanguageModel
  readonly corpus: Corpus
  /** Optimizer steps that the model has had. */
  readonly step: number
  readonly batchSize: number
  readonly contextLength: number
  /** The run's checkpoints before `step`, oldest first. */
  checkpoints(): AsyncIterable<SavedModel>
}

export interface EvaluationResult {
  readonly metrics: Readonly<Record<string, number>>
  readonly matrices?: Readonly<Record<string, LabelledMatrix>>
  /** What the model failed at, for evaluators that pass or fail it. */
  readonly failed?: string
}

export interface Evaluator {
  evaluate(input: EvaluationInput): Promise<EvaluationResult>
}

declare module '@mixlab/core' {
  interface PluginKinds {
    evaluator: { instance: Evaluator; context: object }
  }
}

export const defineEvaluator = pluginHelper('evaluator')

/** The folder of a run in which its checkpoints are. */
export const checkpointsFolder = (run: Pick<RunContext, 'directory'>): string => run.directory.file('checkpoints')

/**
 * Runs `body`; afterwards the model has the parameters and buffers it had before, in the same memory. What is written in
 * place (`addInto`, `writeInPlace`) is not undone: that would take a copy of the model for each evaluation.
 */
async function restoring<R>(model: LanguageModel, body: () => Promise<R>): Promise<R> {
  const state = model.state()
  // A clone shares its original's memory and keeps it alive; assigning to a variable gives it other memory.
  const held = new Map([...state].map(([name, variable]) => [name, tf.keep(tf.clone<tf.Tensor>(variable))]))
  try {
    return await body()
  } finally {
    for (const [name, variable] of state) {
      if (variable.dataId !== held.get(name)!.dataId) tf.tidy(() => variable.assign(tf.clone(held.get(name)!)))
    }
    tf.dispose([...held.values()])
  }
}

/** What of a run's context evaluation needs. */
export type EvaluationRun = Pick<RunContext, 'plugins' | 'directory' | 'rng' | 'emit' | 'ready'>

export interface EvaluateOptions {
  readonly model: LanguageModel
  readonly corpus: Corpus
  readonly step: number
  readonly evaluators: readonly PluginReference[]
  /** Default: 8. */
  readonly batchSize?: number
  /** Default: the model's. */
  readonly contextLength?: number
}

/**
 * Runs evaluators one after another; each one's result is an `eval.result` event, a failure also a warning.
 * @returns the results by the evaluators' names.
 */
export async function evaluate(run: EvaluationRun, options: EvaluateOptions): Promise<Map<string, EvaluationResult>> {
  const { model, corpus, step, evaluators, batchSize = 8, contextLength = model.contextLength } = options
  const input: EvaluationInput = {
    model,
    corpus,
    step,
    batchSize,
    contextLength,
    async *checkpoints() {
      for (const saved of listCheckpoints(checkpointsFolder(run))) {
        if (saved.step >= step) break
        yield {
          step: saved.step,
          async load() {
            withTensors(readCheckpoint(saved.path).source('model.safetensors'), (tensors) => model.loadState(tensors))
          },
        }
      }
    },
  }
  const results = new Map<string, EvaluationResult>()
  for (const reference of evaluators) {
    const name = typeof reference === 'string' ? reference : reference.name
    const rng = run.rng.stream(`evaluators/${name}`)
    const evaluator = run.plugins.create('evaluator', reference, { rng })
    const result = await restoring(model, () => evaluator.evaluate(input))
    const { metrics, matrices, failed } = result
    run.emit('eval.result', { step, evaluator: name, metrics, ...(matrices && { matrices }) })
    if (failed !== undefined) run.emit('warning', { message: `${name}: ${failed}` })
    results.set(name, result)
    await run.ready()
  }
  return results
}
